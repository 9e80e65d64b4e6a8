"""The demo's second half: controller, certificate, pipeline, commit, apply, read back, and the repair of an edit."""

import shlex
import time
import urllib.error
import urllib.request
from typing import Final

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
_NO_PROXY: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def play(screen: Screen, shell: Shell, nest: Nest, site: Site) -> None:
    """Six steps. Raises: CommandFailed or Died where the cluster does not do what the demo promises."""
    there = f" --namespace {site.namespace}"
    with screen.step("Start the controller; it makes a sealing key of its own") as step:
        controller, address = _start_controller(screen, shell, nest, site)
        step.result = "it is ready"
    with screen.step("Fetch its certificate") as step:
        shell.run(f"kseal cert --cert http://{address}/v1/cert.pem --write cert.pem")
        step.result = "this half of the key is public"
    with screen.step("Make a Secret and seal it in one line, so that no file ever holds the plain value") as step:
        shell.run(
            f"kubectl create secret generic db{there} --from-literal=password={_VALUE} --dry-run=client -o yaml"
            " \\\n  | kseal seal --cert cert.pem -o yaml > sealed.yaml",
        )
        step.result = "sealed for this cluster, this namespace and this name"
    with screen.step("Commit it") as step:
        commit(shell, "Seal the password for the cluster")
        step.result = "this is what a GitOps tool would pick up"
    watch = _Watch(nest, shell, site)
    with screen.step("Apply the commit, and read the Secret that comes of it") as step:
        shell.run("git show HEAD:sealed.yaml | kubectl apply -f -")
        seconds = watch.seconds_until(_VALUE, controller)
        shell.run(f"kubectl get sealedsecret db{there}")
        value = shell.run(f"kubectl get secret db{there} -o go-template='{{{{.data.password | base64decode}}}}'")
        if value != _VALUE:
            raise CommandFailed("the Secret in the cluster does not hold the value that was sealed")
        step.result = f"the value is the one that was sealed; the Secret was there {seconds:.2f} s after the apply"
    with screen.step("Edit the Secret by hand, past Git") as step:
        shell.run(f'kubectl patch secret db{there} -p \'{{"stringData": {{"password": "{_EDIT}"}}}}\'')
        watch.seconds_until(_EDIT, controller)
        seconds = watch.seconds_until(_VALUE, controller)
        shell.run(f"kubectl get secret db{there} -o go-template='{{{{.data.password | base64decode}}}}'")
        step.result = f"the controller put the committed value back after {seconds:.2f} s"


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
    """Sees each value of the Secret as the API server announces it, so that times are not those of kubectl's start."""

    def __init__(self, nest: Nest, shell: Shell, site: Site) -> None:
        line = (
            f"kubectl get secrets --field-selector metadata.name=db --namespace {site.namespace} --watch"
            ' -o go-template={{.data.password|base64decode}}{{"\\n"}}'
        )
        self._process = nest.start("watch", line.split(" "), env=shell.environ)
        self._seen = 0
        self._since = time.monotonic()

    def seconds_until(self, value: str, controller: Process) -> float:
        """Wait for the next value; the seconds are from the last one, or from the start of the wait for the first.

        Raises: CommandFailed with the controller's log when another value comes, or none in time.
        """
        if not self._seen:
            self._since = time.monotonic()
        deadline = time.monotonic() + _LIMIT_SECONDS
        while len(lines := self._lines()) <= self._seen:
            if time.monotonic() > deadline:
                raise CommandFailed(f"no change of the Secret within {_LIMIT_SECONDS:.0f} s\n{self._logs(controller)}")
            time.sleep(_POLL_SECONDS)
        seconds, self._since = time.monotonic() - self._since, time.monotonic()
        self._seen += 1
        if lines[self._seen - 1] != value:
            raise CommandFailed(f'the Secret held "{lines[self._seen - 1]}"\n{self._logs(controller)}')
        return seconds

    def _lines(self) -> list[str]:
        return self._process.log.read_text().split("\n")[:-1]  # the last one is still being written

    def _logs(self, controller: Process) -> str:
        return f"end of the controller's log:\n{controller.log_tail()}"
