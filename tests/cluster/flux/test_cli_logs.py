"""`kseal logs` through a real API server; the test plays the node that keeps the logs."""

import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.kit import pki
from tests.kit.controlplane import ControlPlane
from tests.kit.running import KSEAL

pytestmark = pytest.mark.cluster

LINES = (
    "time=2026-01-01T00:00:00Z level=INFO msg=applied ref=Kustomization/flux-system/apps\n"
    'time=2026-01-01T00:00:01Z level=ERROR msg="build failed" ref=Kustomization/flux-system/infra\n'
    "time=2026-01-01T00:00:02Z level=INFO msg=fetched ref=GitRepository/flux-system/web\n"
    "panic: \x1b[2Jsomething else\n"
)


class Node:
    """A kubelet's log endpoint: what was asked of it, and one line more for who follows."""

    def __init__(self, folder: Path) -> None:
        self.asked: list[dict[str, list[str]]] = []
        self.more = threading.Event()
        node = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                query = parse_qs(urlsplit(self.path).query)
                node.asked.append(query)
                self.send_response(200)
                self.end_headers()
                self.wfile.write(LINES.encode())
                if "follow" in query:
                    self.wfile.flush()
                    node.more.wait(30)
                    self.wfile.write(b"time=2026-01-01T00:01:00Z level=INFO msg=later ref=Kustomization/x/y\n")

            def log_message(self, *_: object) -> None:
                """Nothing is said."""

        leaf = pki.Authority("node").server("127.0.0.1")
        (folder / "node.pem").write_bytes(leaf.certificate + leaf.key)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(folder / "node.pem")
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self.server.server_address[1])


@pytest.fixture
def node(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[Node]:
    """A node with the controller's pod on it."""
    node, api = Node(tmp_path), control_plane.api
    merge = "application/merge-patch+json"
    api.text("POST", "/api/v1/nodes", {"metadata": {"name": namespace}})
    status = {
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": node.port}},
    }
    api.text("PATCH", f"/api/v1/nodes/{namespace}/status", {"status": status}, content_type=merge)
    pod = {
        "metadata": {"name": "controller", "labels": {"name": "sealed-secrets-controller"}},
        "spec": {"nodeName": namespace, "containers": [{"name": "main", "image": "none"}]},
    }
    path = f"/api/v1/namespaces/{namespace}/pods"
    api.text("POST", path, pod)
    api.text("PATCH", f"{path}/controller/status", {"status": {"phase": "Running"}}, content_type=merge)
    yield node
    node.more.set()
    node.server.shutdown()
    node.server.server_close()


def command(plane: ControlPlane, namespace: str, *words: str) -> list[str]:
    return [str(KSEAL), "logs", *words, f"--kubeconfig={plane.kubeconfig}", f"--controller-namespace={namespace}"]


def shown(plane: ControlPlane, namespace: str, *words: str) -> list[str]:
    done = subprocess.run(command(plane, namespace, *words), capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_all_lines_are_shown_for_a_person(control_plane: ControlPlane, namespace: str, node: Node) -> None:
    assert shown(control_plane, namespace) == [
        "2026-01-01T00:00:00Z info Kustomization/flux-system/apps applied",
        "2026-01-01T00:00:01Z error Kustomization/flux-system/infra build failed",
        "2026-01-01T00:00:02Z info GitRepository/flux-system/web fetched",
        "panic: \\x1b[2Jsomething else",
    ]


def test_lines_are_narrowed(control_plane: ControlPlane, namespace: str, node: Node) -> None:
    assert [line.split()[-1] for line in shown(control_plane, namespace, "ks/apps")] == ["applied"]
    assert len(shown(control_plane, namespace, "--kind", "ks")) == 2
    assert len(shown(control_plane, namespace, "--level", "error")) == 1
    assert shown(control_plane, namespace, "-n", "shop", "--kind", "ks") == []
    raw = shown(control_plane, namespace, "--name", "web", "--raw")
    assert raw == ["time=2026-01-01T00:00:02Z level=INFO msg=fetched ref=GitRepository/flux-system/web"]


def test_the_server_narrows_by_time_and_number(control_plane: ControlPlane, namespace: str, node: Node) -> None:
    shown(control_plane, namespace, "--since", "10m", "--tail", "5")
    assert (node.asked[-1]["sinceSeconds"], node.asked[-1]["tailLines"]) == (["600"], ["5"])


def test_new_lines_are_shown_as_they_come(control_plane: ControlPlane, namespace: str, node: Node) -> None:
    following = subprocess.Popen(command(control_plane, namespace, "--follow"), stdout=subprocess.PIPE, text=True)
    try:
        assert following.stdout is not None
        for _ in range(4):
            assert following.stdout.readline()
        node.more.set()
        assert following.stdout.readline().endswith("Kustomization/x/y later\n")
        assert following.wait(30) == 0
    finally:
        following.kill()
        following.communicate()


def test_the_pods_of_deliveries_are_found_without_a_word_about_them(
    control_plane: ControlPlane, namespace: str, node: Node
) -> None:
    labels = {"app.kubernetes.io/name": "kseal", "app.kubernetes.io/component": "deliveries", "name": None}
    path, merge = f"/api/v1/namespaces/{namespace}/pods/controller", "application/merge-patch+json"
    control_plane.api.text("PATCH", path, {"metadata": {"labels": labels}}, content_type=merge)
    assert len(shown(control_plane, namespace)) == 4


def test_where_no_pod_is_found_the_places_are_named(control_plane: ControlPlane) -> None:
    words = [str(KSEAL), "logs", f"--kubeconfig={control_plane.kubeconfig}"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert 'Namespace/kube-system: no pod has the labels "name=sealed-secrets-controller"; ' in done.stderr
    assert 'Namespace/flux-system: no pod has the labels "app.kubernetes.io/name=kseal,' in done.stderr
