"""Tests marked `netns` have a network of their own, in which the API server's proxy reaches a local process."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kit import sandbox, serviceproxy
from tests.kit.controlplane import ControlPlane
from tests.kit.process import Nest

ROOT = Path(__file__).parents[2]
SEVERAL_OUTCOMES = """
import os, pytest
pytestmark = pytest.mark.netns
network = os.readlink("/proc/self/ns/net")
open({seen!r}, "a").write(network + "\\n")

def test_passes(): pass
def test_fails(): assert network == "expected to fail"
def test_skips(): pytest.skip("for a reason of its own")
@pytest.fixture
def broken(): raise RuntimeError("broken fixture")
def test_errs(broken): pass
def test_dies(): os._exit(9)
"""

needs_namespaces = pytest.mark.skipif(sandbox.refusal() is not None, reason=f"no user namespaces: {sandbox.refusal()}")


@pytest.mark.netns
def test_only_loopback_and_the_pod_address_exist() -> None:
    names = [name for _, name in socket.if_nameindex()]
    assert names == ["lo"]
    for address in ("127.0.0.1", sandbox.POD_ADDRESS):
        with socket.create_server((address, 0)) as server:
            socket.create_connection(server.getsockname(), timeout=5).close()
    with socket.socket() as other, pytest.raises(OSError, match="unreachable"):
        other.connect(("10.77.0.2", 80))


@pytest.mark.netns
@pytest.mark.cluster
def test_the_service_proxy_reaches_a_process_here(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> None:
    (tmp_path / "hello").write_text("from behind the Service")
    with Nest("web") as nest:
        command = [sys.executable, "-m", "http.server", "--bind", sandbox.POD_ADDRESS, "8080"]
        nest.start("web", command, cwd=tmp_path)
        proxy = serviceproxy.expose(control_plane.api, namespace, "web", 8080)
        serviceproxy.wait_reachable(control_plane.api, proxy, "/hello")
        assert control_plane.api.text("GET", f"{proxy}/hello") == "from behind the Service"


@needs_namespaces
@pytest.mark.slow
def test_outcomes_come_back_as_if_the_tests_had_run_here(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    (tmp_path / "test_outcomes.py").write_text(SEVERAL_OUTCOMES.format(seen=str(seen)))
    environ = dict(os.environ) | {"PYTEST_ADDOPTS": "-p tests.conftest -p no:cacheprovider"}
    command = [sys.executable, "-m", "pytest", "-q", "-ra", "-n0", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert "1 failed, 1 passed, 1 skipped, 2 errors" in done.stdout
    assert "for a reason of its own" in done.stdout
    assert "RuntimeError: broken fixture" in done.stdout
    assert "the child ended before this test did" in done.stdout
    here, *inside = seen.read_text().splitlines()
    assert set(inside).isdisjoint({here})


@needs_namespaces
def test_a_command_sees_its_service_account_as_in_a_pod(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("first")
    script = (
        f"cat {sandbox.ACCOUNT_FOLDER}/token; echo -n second > {tmp_path}/token; cat {sandbox.ACCOUNT_FOLDER}/token"
    )
    done = subprocess.run(
        sandbox.with_account(tmp_path, ["sh", "-c", script]), capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout == "firstsecond"
    assert not sandbox.ACCOUNT_FOLDER.exists()
