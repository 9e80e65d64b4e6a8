"""`make demo`: a Secret is sealed, committed to Git, unsealed by a real API server, and repaired when edited; then a
whole repository is delivered, healed and pruned.

Every line that it shows as a command is run as shown. Everything that it makes lies in one private folder, held by
tests/kit/keeper.py, so that folder and processes are gone at the end whatever that end is.
"""

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from engine.errors import KsealError
from tests.kit import build as building
from tests.kit import demo_cluster, demo_deliver, demo_offline, demo_online
from tests.kit.demo_screen import Screen
from tests.kit.demo_shell import Shell
from tests.kit.errors import KitError, Misconfigured, Unavailable
from tests.kit.process import Nest

_DONE, _FAILED, _MISUSED, _STOPPED = 0, 1, 2, 130


def main(arguments: Sequence[str]) -> int:
    """Exit codes: 0 done (also where only part 1 can be had, unless all is wanted), 1 failed, 2 misused, 130 Ctrl-C."""
    chosen = _parser().parse_args(arguments)
    screen = Screen.of(sys.stdout, os.environ)
    try:
        kubeconfig = demo_cluster.kubeconfig_file(chosen.kubeconfig) if chosen.kubeconfig else None
        with _signals_as_interrupts():
            return _play(screen, kubeconfig)
    except KeyboardInterrupt:
        screen.notice("\nStopped. Everything that the demo made is removed.")
        return _STOPPED
    except KsealError as error:
        screen.error(str(error), error.hint)
        return _MISUSED if isinstance(error, Misconfigured) else _FAILED


def _play(screen: Screen, kubeconfig: Path | None) -> int:
    started = time.monotonic()
    screen.say("kseal demo: a Secret is sealed, committed to Git, applied to Kubernetes, and unsealed there;")
    screen.say("then a whole repository is delivered, and kept as it is in Git.")
    programs = {"kseal": _kseal(), "git": _git()}
    with _private_folder() as folder:
        screen.say(f"It works in {folder} and removes that folder at the end.")
        bare = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder), "TMPDIR": str(folder)}
        shell = Shell(folder, screen, environ=os.environ if kubeconfig else bare, programs=programs)
        demo_offline.play(screen, shell)
        missing = _with_cluster(screen, shell, kubeconfig)
    seconds = time.monotonic() - started
    if missing:
        return _left_out(screen, missing, is_own_cluster=kubeconfig is not None)
    gone = "Your cluster is as it was;" if kubeconfig else "Servers,"
    screen.say(f"\nDone in {seconds:.1f} s. {gone} keys and folder are removed.")
    screen.say("Next: docs/start.md seals your first own Secret, docs/start-deliveries.md delivers your repository.")
    return _DONE


@contextmanager
def _private_folder() -> Iterator[Path]:
    """A folder that nobody else can enter. Where the keeper can hold it, even SIGKILL does not leave it behind."""
    if sys.platform == "linux":
        with Nest("demo") as nest:
            yield nest.folder
    else:
        with tempfile.TemporaryDirectory(prefix="kseal-demo-") as folder:
            yield Path(folder)


def _with_cluster(screen: Screen, shell: Shell, kubeconfig: Path | None) -> Unavailable | None:
    """Parts 2 and 3. Returns what was missing for them."""
    screen.part("Part 2: with " + ("your cluster" if kubeconfig else "a Kubernetes API server, made for this demo"))
    if not kubeconfig and os.environ.get("KUBECONFIG"):
        screen.say("Your KUBECONFIG is left alone; `make demo KUBECONFIG=FILE` would use a cluster of yours.")
    try:
        if sys.platform != "linux":
            raise Unavailable("a control plane", "it needs Linux", "run it in a Linux container or virtual machine")
        site = demo_cluster.borrowed(screen, shell, kubeconfig) if kubeconfig else demo_cluster.made(screen, shell)
        # The controller ends before its cluster is cleared, so that it repairs nothing that is removed on purpose.
        with site as place, Nest("demo-controller") as nest:
            controller = demo_online.play(screen, shell, nest, place)
            if place.is_whole:
                demo_deliver.play(screen, shell, nest, controller, _git())
            else:
                screen.say(
                    "\nPart 3 delivers a repository, for which it needs a cluster of its own: plain `make demo`."
                )
    except Unavailable as error:
        return error
    return None


def _left_out(screen: Screen, missing: Unavailable, *, is_own_cluster: bool) -> int:
    is_built = not is_own_cluster and missing.program in demo_cluster.SERVERS
    names = ", ".join(map(demo_cluster.title, demo_cluster.absent())) if is_built else missing.program
    screen.notice(f"\nPart 1 worked. Parts 2 and 3 were left out, because something is missing for it: {names}")
    screen.say(f"  why:  {missing}")
    screen.say(f"  cure: {missing.hint if building.allowed() else 'let it be built: unset KSEAL_TEST_BUILD'}")
    if is_built:
        screen.say("  or:   make demo KUBECONFIG=FILE, to use a cluster of yours")
    return _FAILED if os.environ.get("KSEAL_REQUIRE_REAL") == "1" else _DONE


def _kseal() -> Path:
    """The command line of this checkout. Raises: KitError where the project is not installed in this environment."""
    path = Path(sys.executable).with_name("kseal")
    if not path.exists():
        raise KitError(f'"{path}" is missing: this Python environment lacks the project', "run: make demo")
    return path


def _git() -> Path:
    path = shutil.which("git")
    if path is None:
        raise KitError("there is no git on PATH", "on Debian and Ubuntu: apt-get install git")
    return Path(path)


@contextmanager
def _signals_as_interrupts() -> Iterator[None]:
    """Let a termination and a closed terminal take the way of Ctrl-C, so that they clean up too."""
    before = {number: signal.signal(number, signal.default_int_handler) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.kit demo", description="Seal, commit, unseal, repair, deliver."
    )
    parser.add_argument(
        "--kubeconfig", metavar="FILE", help="use this cluster, in a namespace of its own, and clean up"
    )
    return parser
