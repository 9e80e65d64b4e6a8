"""Without --cert: either command line finds either controller through the API server's proxy and seals for it."""

import base64
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from tests.kit.controlplane import ControlPlane
from tests.kit.ground import Ground
from tests.kit.process import Nest
from tests.kit.running import KSEAL, OriginalController, RunningController
from tests.kit.sandbox import POD_ADDRESS
from tests.kit.serviceproxy import expose, wait_reachable

pytestmark = [pytest.mark.cluster, pytest.mark.interop, pytest.mark.netns]

SERVICE: Final = "sealed-secrets-controller"
VALUE: Final = bytes(range(256))

Grounds = dict[str, Ground]


@pytest.fixture(scope="module")
def grounds(served: ControlPlane) -> Iterator[Grounds]:
    """A namespace for each controller, where its Service has the usual name."""
    flags = ["--all-namespaces=false", "--key-size=2048"]
    with Nest("proxy") as nest:
        ours, theirs = Ground(served, nest), Ground(served, nest)
        ours.controller = RunningController(
            nest, served.kubeconfig, namespace=ours.namespace, flags=flags, address=POD_ADDRESS
        )
        theirs.controller = OriginalController(
            nest, served, namespace=theirs.namespace, flags=flags, address=POD_ADDRESS
        )
        grounds = {"kseal's": ours, "the original's": theirs}
        for ground in grounds.values():
            ground.controller.launch()
        for ground in grounds.values():
            proxy = expose(served.api, ground.namespace, SERVICE, ground.controller.port)
            wait_reachable(served.api, proxy, "/v1/cert.pem")
        yield grounds


class CommandLine(NamedTuple):
    """How the two projects say the same."""

    program: str
    fetch: tuple[str, ...]
    seal: tuple[str, ...]

    def run(self, program: Callable[[str], Path], ground: Ground, *arguments: str, stdin: str = "") -> str:
        """Standard output of a command line that succeeds, without anything but the kubeconfig to go by."""
        path = KSEAL if self.program == "kseal" else program(self.program)
        done = subprocess.run(
            [path, *arguments, f"--controller-namespace={ground.namespace}"],
            input=stdin,
            env={"PATH": os.environ["PATH"], "KUBECONFIG": str(ground.plane.kubeconfig)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


KSEALS: Final = CommandLine("kseal", ("cert",), ("seal",))
KUBESEALS: Final = CommandLine("kubeseal", ("--fetch-cert",), ())


@pytest.mark.parametrize("controller", ["kseal's", "the original's"])
def test_both_fetch_the_certificate_that_the_controller_serves(
    grounds: Grounds, program: Callable[[str], Path], controller: str
) -> None:
    ground = grounds[controller]
    served = ground.controller.certificate()
    assert KSEALS.run(program, ground, *KSEALS.fetch) == served
    assert KUBESEALS.run(program, ground, *KUBESEALS.fetch) == served


@pytest.mark.parametrize("controller", ["kseal's", "the original's"])
@pytest.mark.parametrize("command_line", [KSEALS, KUBESEALS], ids=lambda command_line: command_line.program)
def test_the_controller_unseals_what_was_sealed_through_its_service(
    grounds: Grounds, program: Callable[[str], Path], command_line: CommandLine, controller: str
) -> None:
    ground, name = grounds[controller], f"by-{command_line.program}"
    metadata = {"name": name, "namespace": ground.namespace}
    data = {"password": base64.b64encode(VALUE).decode()}
    secret = json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})
    ground.apply(json.loads(command_line.run(program, ground, *command_line.seal, stdin=secret)))
    ground.wait_synced(name)
    assert ground.values(name) == {"password": VALUE}
