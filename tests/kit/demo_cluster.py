"""Where the demo's second half takes place: a control plane made for it, or a corner of the person's own cluster."""

import os
import secrets
import shlex
import shutil
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.kit import build as building
from tests.kit import programs
from tests.kit.cache import Cache
from tests.kit.controlplane import ControlPlane
from tests.kit.demo_screen import Screen
from tests.kit.demo_shell import CommandFailed, Shell
from tests.kit.errors import Misconfigured, Unavailable
from tests.kit.table import Program, named
from tests.kit.tree import ROOT

_CRD: Final = "sealedsecrets.bitnami.com"
_DELETE_CRD: Final = f"kubectl delete crd {_CRD}"
_CRDS: Final = shlex.quote(str(ROOT / "deploy" / "crds"))
_FLUX_CRDS: Final = shlex.quote(str(ROOT / "deploy" / "crds" / "flux"))
_FLUX: Final = (
    "gitrepositories.source.toolkit.fluxcd.io",
    "externalartifacts.source.toolkit.fluxcd.io",
    "kustomizations.kustomize.toolkit.fluxcd.io",
    "receivers.notification.toolkit.fluxcd.io",
)
SERVERS: Final = ("etcd", "kube", "kubectl")


@dataclass(frozen=True, slots=True)
class Site:
    """A cluster that `KUBECONFIG` of the shell leads to."""

    namespace: str
    """Of the Secret."""
    controller_namespace: str
    """Where the controller keeps its keys."""
    controller_flags: str
    """What keeps the controller to its corner; empty where the whole cluster is its own."""
    is_whole: bool
    """Whether the cluster is the demo's alone, so that deliveries of everybody may be worked on."""


@contextmanager
def made(screen: Screen, shell: Shell) -> Iterator[Site]:
    """Build what is missing, start etcd and an API server, and end them afterwards.

    Raises: Unavailable with the cure where the programs cannot be had, Died where they do not start.
    """
    _build_missing(screen)
    shell.add_program("kubectl", programs.find("kubectl"))
    with ExitStack() as stack:
        with screen.step("Start etcd and a Kubernetes API server on 127.0.0.1") as step:
            plane = stack.enter_context(ControlPlane("api"))
            shell.export("KUBECONFIG", str(plane.kubeconfig))
            shell.run("kubectl version")
            step.result = f"it answers at {plane.server}"
        with screen.step("Teach the API server what a SealedSecret is, and the resources of Flux") as step:
            shell.run(f"kubectl apply -k {_CRDS}")
            shell.run(f"kubectl apply -k {_FLUX_CRDS}")
            _wait_until_served(shell, _CRD, *_FLUX)
            step.result = f"{1 + len(_FLUX)} kinds are served"
        for namespace in ("shop", "flux-system"):
            shell.run(f"kubectl create namespace {namespace}", is_quiet=True)
        yield Site("shop", controller_namespace="kube-system", controller_flags="", is_whole=True)


@contextmanager
def borrowed(screen: Screen, shell: Shell, kubeconfig: Path) -> Iterator[Site]:
    """Make a namespace in the person's cluster, and remove it afterwards with all that the demo put there.

    Raises: CommandFailed where the cluster does not answer or refuses.
    """
    shell.add_program("kubectl", _their_kubectl())
    name = f"kseal-demo-{secrets.token_hex(3)}"
    with screen.step("Reach your cluster") as step:
        shell.export("KUBECONFIG", str(kubeconfig))
        try:
            shell.run("kubectl version --request-timeout=15s")
        except CommandFailed as error:
            hint = f"what kubectl says stands above; try it yourself: kubectl --kubeconfig {kubeconfig} version"
            raise CommandFailed(f'the cluster of "{kubeconfig}" does not answer', hint) from error
        step.result = "it answers"
    undo: list[str] = []
    try:
        with screen.step("Make a namespace for the demo") as step:
            undo.append(f"kubectl delete namespace {name} --ignore-not-found --timeout=90s")
            shell.run(f"kubectl create namespace {name}")
            step.result = "all but the next step happens in it, and it is removed at the end"
        with screen.step("Teach the API server what a SealedSecret is, unless it knows") as step:
            step.result = "it knew already" if _is_served(shell) else _install(shell, undo)
        flags = " --components=sealed --all-namespaces=false"
        yield Site(name, controller_namespace=name, controller_flags=flags, is_whole=False)
    finally:
        _remove(screen, shell, undo)


def absent() -> list[Program]:
    """The programs of a control plane that are not on this machine yet."""
    environ = os.environ | {"KSEAL_TEST_BUILD": "0"}
    found = []
    for program in map(named, SERVERS):
        try:
            programs.locate(program, environ=environ)
        except Unavailable:
            found.append(program)
    return found


def title(program: Program) -> str:
    """What people call it, and its version."""
    return f"{'kube-apiserver' if program.name == 'kube' else program.name} {program.version}"


def _build_missing(screen: Screen) -> None:
    missing = absent()
    with screen.step("Have the programs of a control plane: etcd, kube-apiserver and kubectl") as step:
        if missing and building.allowed():
            minutes = max(1, round(sum(program.seconds for program in missing) / 60))
            screen.say(f"    Built from source at first use, then kept: about {minutes} min on two cores.")
        for name in SERVERS:
            programs.find(name)
        where = _short(Cache.of(os.environ).root)
        step.result = f"built, and kept in {where}" if missing else "they are here already"


def _their_kubectl() -> Path:
    """The person's own kubectl, which fits the cluster and its log-in; else ours."""
    own = shutil.which("kubectl")
    return Path(own) if own else programs.find("kubectl")


def _is_served(shell: Shell) -> bool:
    return bool(shell.run(f"kubectl get crd {_CRD} --ignore-not-found --output=name").strip())


def _install(shell: Shell, undo: list[str]) -> str:
    with _undisturbed():
        # `create`, not `apply`: where someone else installs it at this very moment, theirs stays, and we fail.
        shell.run(f"kubectl create -k {_CRDS}")
        undo.append(f"{_DELETE_CRD} --ignore-not-found --timeout=90s")
    _wait_until_served(shell, _CRD)
    return "it does now, and forgets it at the end"


def _wait_until_served(shell: Shell, *names: str) -> None:
    # Not `--for=condition=Established`, which fails as long as there are no conditions at all.
    is_served = """'jsonpath={.status.conditions[?(@.type=="Established")].status}=True'"""
    served = " ".join(f"crd/{name}" for name in names)
    shell.run(f"kubectl wait --for={is_served} --timeout=30s {served}")


def _remove(screen: Screen, shell: Shell, undo: list[str]) -> None:
    """Leave the cluster as it was. Ctrl-C has to wait: half a clean-up is what nobody wants.

    Raises: CommandFailed that names each command which is left to the person.
    """
    with _undisturbed(), screen.step("Remove from your cluster what the demo put there") as step:
        while undo:
            command = undo[0]
            if command.startswith(_DELETE_CRD) and _is_used_elsewhere(shell):
                screen.notice(f"    {_CRD} stays: someone else has made SealedSecrets in the meantime.")
                return
            try:
                shell.run(command)
            except CommandFailed as error:
                left = "\n".join(undo)
                raise CommandFailed(f"the clean-up failed: {error}", f"this is left to do:\n{left}") from error
            del undo[0]
        step.result = "it is as before"


def _is_used_elsewhere(shell: Shell) -> bool:
    """Whether a SealedSecret exists anywhere; the demo's own went with its namespace."""
    return bool(shell.run("kubectl get sealedsecrets --all-namespaces --output=name", is_quiet=True).strip())


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let the signals of an impatient person wait until the end of the block."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def kubeconfig_file(text: str) -> Path:
    """The file that the person named. Raises: Misconfigured when there is none."""
    path = Path(text).expanduser().absolute()
    if not path.is_file():
        raise Misconfigured(f'KUBECONFIG: there is no file "{text}"', "make demo KUBECONFIG=FILE, or just: make demo")
    return path


def _short(path: Path) -> str:
    """A path as people write it."""
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)
