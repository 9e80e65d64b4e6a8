"""The dry run of an adoption where no Deployment tells who runs: the exit code, and what a person sees."""

import base64
import json
import subprocess
from collections.abc import Callable, Iterator

import pytest

from tests.kit.controlplane import ControlPlane
from tests.kit.ground import Ground, install_crd, open_ground
from tests.kit.running import KSEAL

pytestmark = pytest.mark.cluster


@pytest.fixture
def ground(new_control_plane: Callable[..., ControlPlane]) -> Iterator[Ground]:
    """A cluster whose SealedSecrets were unsealed by a controller that is gone since."""
    plane = new_control_plane()
    install_crd(plane)
    with open_ground(plane) as ground:
        ground.controller.start()
        for name in ("db", "mail"):
            ground.apply(ground.sealed(name, {"password": b"right"}))
            ground.wait_synced(name)
        yield ground


def _look(ground: Ground, *flags: str) -> "subprocess.CompletedProcess[str]":
    command = [str(KSEAL), "adopt", "sealed-secrets", f"--kubeconfig={ground.plane.kubeconfig}"]
    command += [f"--controller-namespace={ground.namespace}", *flags]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_the_exit_code_tells_whether_anything_would_change(ground: Ground) -> None:
    done = _look(ground, "--dry-run")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    ground.controller.stop()
    edit = {"data": {"password": base64.b64encode(b"wrong").decode()}, "metadata": {"labels": {"a": "b"}}}
    path = f"/api/v1/namespaces/{ground.namespace}/secrets"
    ground.plane.api.text("PATCH", f"{path}/db", edit, content_type="application/merge-patch+json")
    ground.plane.api.text("DELETE", f"{path}/mail")
    before = ground.plane.api.json("GET", path)["items"]
    done = _look(ground, "--dry-run")
    assert done.returncode == 3
    rows = [line.split("   ") for line in done.stdout.splitlines()]
    assert [[cell.strip() for cell in row if cell.strip()] for row in rows] == [
        ["OBJECT", "STATE", "DETAIL"],
        [f"SealedSecret/{ground.namespace}/db", "would be changed", "item password changed; label a removed"],
        [f"SealedSecret/{ground.namespace}/mail", "would be created", "-"],
    ]
    assert ground.plane.api.json("GET", path)["items"] == before
    ground.controller.start()  # whose metrics are searched for plain values at the end


def test_without_a_controller_of_ours_nothing_is_taken_over(ground: Ground) -> None:
    done = _look(ground)
    assert done.returncode == 1
    assert "kseal's controller is not installed" in done.stderr
    assert "hint:" in done.stderr


def test_a_report_for_programs_has_the_same_in_it(ground: Ground) -> None:
    done = _look(ground, "--dry-run", "-o", "json")
    assert json.loads(done.stdout) == {
        "sealedSecrets": [],
        "right": 2,
        "keys": {"usable": 1, "unreadable": []},
        "steps": [],
    }
