"""The demo's second half: controller, certificate, pipeline, commit, apply, read back, and the repair of an edit."""

import queue
import shlex
import threading
import time
import urllib.error
import urllib.request
from types import TracebackType
from typing import Final, Self

from tests.kit.demo_cluster import Site
from tests.kit.demo_offline import commit
from tests.kit.demo_screen import Screen
from tests.kit.demo_shell import CommandFailed, Shell
from tests.kit.process import Nest, Process, free_port

# Shown on the screen and in the list of processes: no real password belongs on a command line.
_VALUE: Final = "not-a-real-password"
_EDIT: Final = "edited-by-hand"
_LIMIT_SECONDS: Final = 30.0
_POLL_SECONDS: Final = 0.002
_LINE_END: Final = '{{"\\n"}}'
_NO_PROXY: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def play(screen: Screen, shell: Shell, nest: Nest, site: Site) -> None:
    """Six steps. Raises: CommandFailed or Died where the cluster does not do what the demo promises."""
    with screen.step("Start the controller; it makes a sealing key of its own") as step:
        controller, address = _start_controller(screen, shell, nest, site)
        step.result = "it is ready"
    secrets = _Watch(nest, shell, site, controller, resource="secrets", template="{{.data.password|base64decode}}")
    sealed = _Watch(nest, shell, site, controller, resource="sealedsecrets", template="{{.metadata.name}}")
    with secrets, sealed:
        _seal(screen, shell, site, address)
        _deliver(screen, shell, site, secrets, sealed)


def _seal(screen: Screen, shell: Shell, site: Site, address: str) -> None:
    with screen.step("Fetch its certificate") as step:
        shell.run(f"kseal cert --cert http://{address}/v1/cert.pem --write cert.pem")
        step.result = "this half of the key is public"
    with screen.step("Make a Secret and seal it in one line, so that no file ever holds the plain value") as step:
        shell.run(
            f"kubectl create secret generic db --namespace {site.namespace} --from-literal=password={_VALUE}"
            " --dry-run=client -o yaml \\\n  | kseal seal --cert cert.pem -o yaml > sealed.yaml"
        )
        step.result = "sealed for this cluster, this namespace and this name"
    with screen.step("Commit it") as step:
        commit(shell, "Seal the password for the cluster")
        step.result = "this is what a GitOps tool would pick up"


def _deliver(screen: Screen, shell: Shell, site: Site, secrets: "_Watch", sealed: "_Watch") -> None:
    there = f"--namespace {site.namespace}"
    read_back = f"kubectl get secret db {there} -o go-template='{{{{.data.password | base64decode}}}}'"
    with screen.step("Apply the commit, and read the Secret that comes of it") as step:
        shell.run("git show HEAD:sealed.yaml | kubectl apply -f -")
        seconds = secrets.time_of(_VALUE) - sealed.time_of("db")
        shell.run(f"kubectl get sealedsecret db {there}")
        _compare(shell.run(read_back))
        step.result = f"it holds the value that was sealed; it came {_said(seconds)} after the SealedSecret"
    with screen.step("Edit the Secret by hand, past Git") as step:
        shell.run(f'kubectl patch secret db {there} -p \'{{"stringData": {{"password": "{_EDIT}"}}}}\'')
        edited, repaired = (secrets.time_of(value) for value in (_EDIT, _VALUE))
        _compare(shell.run(read_back))
        step.result = f"the controller put the committed value back after {_said(repaired - edited)}"


def _said(seconds: float) -> str:
    """With two digits: what is watched is read each 2 ms, when the machine has time for it."""
    return f"{seconds:.2f} s" if seconds > 0.01 else "less than 0.01 s"


def _compare(value: str) -> None:
    if value != _VALUE:
        raise CommandFailed("the Secret in the cluster does not hold the value that was sealed")


def _start_controller(screen: Screen, shell: Shell, nest: Nest, site: Site) -> tuple[Process, str]:
    address, metrics = (f"127.0.0.1:{free_port()}" for _ in range(2))
    shell.export("POD_NAMESPACE", site.controller_namespace)
    line = f"kseal controller --listen-addr {address} --listen-metrics-addr {metrics}{site.controller_flags}"
    screen.command(f"{line} &")
    controller = nest.start("controller", shlex.split(line), env=shell.environ)
    controller.wait_ready(lambda: _answers(f"http://{address}/readyz"))
    return controller, address


def _answers(url: str) -> bool:
    try:
        with _NO_PROXY.open(url, timeout=5.0) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


class _Watch:
    """Takes the time of each change of `db` when the API server announces it, however long commands take."""

    def __init__(
        self, nest: Nest, shell: Shell, site: Site, controller: Process, *, resource: str, template: str
    ) -> None:
        command = ["kubectl", "get", resource, "--namespace", site.namespace, "--field-selector=metadata.name=db"]
        command += ["--watch", f"--output=go-template={template}{_LINE_END}"]
        self._resource, self._controller = resource, controller
        self._process = nest.start(f"watch-{resource}", command, env=shell.environ)
        self._seen: queue.SimpleQueue[tuple[str, float]] = queue.SimpleQueue()
        self._is_over = threading.Event()
        threading.Thread(target=self._follow, name="watch", daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()

    def time_of(self, value: str) -> float:
        """When the next value was announced, on the monotonic clock.

        Raises: CommandFailed with the controller's log when it is another one, or none comes.
        """
        try:
            found, moment = self._seen.get(timeout=_LIMIT_SECONDS)
        except queue.Empty as error:
            raise CommandFailed(self._explained(f"no change within {_LIMIT_SECONDS:.0f} s")) from error
        if found != value:
            raise CommandFailed(self._explained(f'"{found}" came, not "{value}"'))
        return moment

    def _explained(self, what: str) -> str:
        return f"{self._resource}: {what}; end of the controller's log:\n{self._controller.log_tail()}"

    def _follow(self) -> None:
        count = 0
        while not self._is_over.wait(_POLL_SECONDS):
            lines = self._process.log.read_text().split("\n")[:-1]  # the last one is still being written
            for line in lines[count:]:
                self._seen.put((line, time.monotonic()))
            count = len(lines)
