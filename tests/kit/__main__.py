"""`python -m tests.kit`: fetch programs, bring a control plane up to play with, run the demo, renew the lock files."""

import argparse
import os
import signal
import sys
import time
from collections.abc import Sequence

from engine.errors import KsealError
from tests.kit import lockfiles, programs
from tests.kit.controlplane import ControlPlane
from tests.kit.errors import Unavailable
from tests.kit.progress import say
from tests.kit.servers import Profile
from tests.kit.table import GROUPS, PROGRAMS, expand


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit codes: 0 done, 1 failed, 2 misused, 130 stopped by Ctrl-C."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["demo"]:
        from tests.kit import demo

        return demo.main(arguments[1:])
    chosen = _parser().parse_args(arguments)
    try:
        match chosen.command:
            case "fetch":
                return fetch(chosen.names or ["test"])
            case "up":
                up(chosen.profile)
            case "lock":
                lockfiles.renew(upgrade=chosen.upgrade)
    except KsealError as error:
        say(f"error: {error}")
        if error.hint:
            say(f"hint: {error.hint}")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def fetch(names: list[str]) -> int:
    """Have programs ready ahead of time; one line each on standard output.

    What cannot be had is an error when it was named itself, or where every real program is demanded. As part of a
    group it is told: the tests that need it say so when they are skipped.
    """
    missing: list[Unavailable] = []
    print(f"{'NAME':<26}{'VERSION':<11}{'SOURCE':<8}{'SECONDS':>8}")
    for program in expand(names):
        try:
            found = programs.locate(program)
        except Unavailable as error:
            missing.append(error)
            print(f"{program.name:<26}{program.version or '-':<11}{'none':<8}{'-':>8}", flush=True)
        else:
            print(f"{program.name:<26}{found.version or '-':<11}{found.source:<8}{found.seconds:>8.1f}", flush=True)
    for absent in missing:
        say(f"{absent}\nkit: hint: {absent.hint}")
    demanded = os.environ.get("KSEAL_REQUIRE_REAL") == "1" or any(absent.program in names for absent in missing)
    return 1 if missing and demanded else 0


def up(profile: Profile) -> None:
    """Keep a control plane until Ctrl-C, or until asked to terminate."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    started = time.monotonic()
    say(f"starting etcd and the API server{' with controllers' if profile == 'cluster' else ''}")
    with ControlPlane(profile) as plane:
        if profile == "cluster":
            plane.add_node("node-1")
        say(f"ready after {time.monotonic() - started:.1f} s at {plane.server}; Ctrl-C ends it and removes everything")
        print(f"{plane.kubeconfig}\nexport KUBECONFIG={plane.kubeconfig}", flush=True)
        while True:
            signal.pause()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.kit", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    fetch_parser = commands.add_parser("fetch", help="find or build programs ahead of time")
    known = f"groups: {', '.join(GROUPS)}; programs: {', '.join(PROGRAMS)}"
    fetch_parser.add_argument("names", nargs="*", metavar="NAME", help=f"default: test. {known}")
    up_parser = commands.add_parser("up", help="run a control plane until Ctrl-C")
    up_parser.add_argument("--profile", choices=("api", "cluster"), default="api", help="default: api")
    commands.add_parser("demo", help="the guided tour: seal, commit, unseal, repair (see --help of its own)")
    lock_parser = commands.add_parser("lock", help="renew requirements/*.txt from pyproject.toml")
    lock_parser.add_argument(
        "--upgrade", action="store_true", help="take the newest versions, not only what is missing"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
