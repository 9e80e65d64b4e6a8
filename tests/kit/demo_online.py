"""The demo's second half: controller, certificate, pipeline, commit, apply, read back, and the repair of an edit."""

import shlex
import urllib.error
import urllib.request
from typing import Final

from tests.kit.demo_cluster import Site
from tests.kit.demo_offline import commit
from tests.kit.demo_screen import Screen
from tests.kit.demo_shell import CommandFailed, Shell
from tests.kit.demo_watch import Watch, said
from tests.kit.process import Nest, Process, free_port

# Shown on the screen and in the list of processes: no real password belongs on a command line.
_VALUE: Final = "not-a-real-password"
_EDIT: Final = "edited-by-hand"
_NO_PROXY: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def play(screen: Screen, shell: Shell, nest: Nest, site: Site) -> Process:
    """Six steps; returns the controller, which works on.

    Raises: CommandFailed or Died where the cluster does not do what the demo promises.
    """
    with screen.step("Start the controller; it makes a sealing key of its own") as step:
        controller, address = _start_controller(screen, shell, nest, site)
        step.result = "it is ready"

    def watch(resource: str, template: str) -> Watch:
        return Watch(nest, shell, controller, namespace=site.namespace, resource=resource, name="db", template=template)

    secrets = watch("secrets", "{{.data.password|base64decode}}")
    with secrets, watch("sealedsecrets", "{{.metadata.name}}") as sealed:
        _seal(screen, shell, site, address)
        _deliver(screen, shell, site, secrets, sealed)
    return controller


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


def _deliver(screen: Screen, shell: Shell, site: Site, secrets: Watch, sealed: Watch) -> None:
    there = f"--namespace {site.namespace}"
    read_back = f"kubectl get secret db {there} -o go-template='{{{{.data.password | base64decode}}}}'"
    with screen.step("Apply the commit, and read the Secret that comes of it") as step:
        shell.run("git show HEAD:sealed.yaml | kubectl apply -f -")
        seconds = secrets.time_of(_VALUE) - sealed.time_of("db")
        shell.run(f"kubectl get sealedsecret db {there}")
        _compare(shell.run(read_back))
        step.result = f"it holds the value that was sealed; it came {said(seconds)} after the SealedSecret"
    with screen.step("Edit the Secret by hand, past Git") as step:
        shell.run(f'kubectl patch secret db {there} -p \'{{"stringData": {{"password": "{_EDIT}"}}}}\'')
        edited, repaired = (secrets.time_of(value) for value in (_EDIT, _VALUE))
        _compare(shell.run(read_back))
        step.result = f"the controller put the committed value back after {said(repaired - edited)}"


def _compare(value: str) -> None:
    if value != _VALUE:
        raise CommandFailed("the Secret in the cluster does not hold the value that was sealed")


def _start_controller(screen: Screen, shell: Shell, nest: Nest, site: Site) -> tuple[Process, str]:
    address, metrics, artifacts, webhooks = (f"127.0.0.1:{free_port()}" for _ in range(4))
    shell.export("POD_NAMESPACE", site.controller_namespace)
    lines = [f"kseal controller --listen-addr {address} --listen-metrics-addr {metrics}{site.controller_flags}"]
    if site.is_whole:
        storage = shlex.quote(str(nest.folder / "data"))
        lines += [f"--components=sealed,flux --storage-path {storage}"]
        lines += [f"--storage-addr {artifacts} --receiver-addr {webhooks}"]
    screen.command(" \\\n  ".join(lines) + " &")
    controller = nest.start("controller", shlex.split(" ".join(lines)), env=shell.environ)
    controller.wait_ready(lambda: _answers(f"http://{address}/readyz"))
    return controller, address


def _answers(url: str) -> bool:
    try:
        with _NO_PROXY.open(url, timeout=5.0) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
