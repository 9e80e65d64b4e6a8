"""A push reaches the cluster in seconds by a webhook, however long the intervals are: the whole controller runs."""

import hashlib
import hmac
import http.client
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.controlplane import ControlPlane
from tests.kit.flux import OurController
from tests.kit.fluxground import FluxGround
from tests.kit.fluxobjects import install_definitions
from tests.kit.gitserver import GitServer
from tests.kit.process import Nest, free_port, wait_until
from tests.kit.workcopy import WorkCopy

pytestmark = pytest.mark.cluster

TOKEN = "webhook-token"
HOUR = "1h"


@pytest.fixture
def delivered(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[tuple[FluxGround, str]]:
    """A source and a Kustomization with intervals of an hour, delivered; and where webhooks are answered."""
    install_definitions(control_plane)
    (tmp_path / "host").mkdir()
    address = f"127.0.0.1:{free_port()}"
    with GitServer(tmp_path / "host") as host, Nest("webhook") as nest:
        ground = FluxGround(control_plane, WorkCopy(host, tmp_path / "copy", "fleet"), namespace)
        ground.repository.write("web.yaml", _config("first"))
        ground.repository.push()
        controller = OurController(nest, control_plane, flags=[f"--receiver-addr={address}"]).start()
        try:
            ground.apply(
                _object("v1", "Secret", namespace, "token", stringData={"token": TOKEN}),
                _object(
                    "source.toolkit.fluxcd.io/v1",
                    "GitRepository",
                    namespace,
                    "fleet",
                    spec={"interval": HOUR, "url": ground.repository.url, "ref": {"branch": "main"}},
                ),
                _object(
                    "kustomize.toolkit.fluxcd.io/v1",
                    "Kustomization",
                    namespace,
                    "web",
                    spec={
                        "interval": HOUR,
                        "prune": True,
                        "targetNamespace": namespace,
                        "sourceRef": {"kind": "GitRepository", "name": "fleet"},
                    },
                ),
                _object(
                    "notification.toolkit.fluxcd.io/v1",
                    "Receiver",
                    namespace,
                    "push",
                    spec={
                        "type": "github",
                        "events": ["push"],
                        "secretRef": {"name": "token"},
                        "resources": [{"kind": "GitRepository", "name": "fleet"}],
                    },
                ),
            )
            ground.wait_ready("kustomization", "web")
            yield ground, address
        finally:
            controller.stop()


def _config(value: str) -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: web}}\ndata: {{said: {value}}}\n"


def _object(version: str, kind: str, namespace: str, name: str, **rest: object) -> dict[str, object]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": namespace}, **rest}


def _said(ground: FluxGround) -> str:
    found = ground.find(f"/api/v1/namespaces/{ground.namespace}/configmaps/web")
    return "" if found is None else str(found["data"]["said"])


def test_a_push_is_delivered_when_the_forge_calls(delivered: tuple[FluxGround, str]) -> None:
    ground, address = delivered
    assert _said(ground) == "first"
    path = f"/apis/notification.toolkit.fluxcd.io/v1/namespaces/{ground.namespace}/receivers/push"
    wait_until(lambda: "webhookPath" in (ground.find(path) or {}).get("status", {}), "the receiver has a path")
    hook = (ground.find(path) or {})["status"]["webhookPath"]
    ground.repository.write("web.yaml", _config("second"))
    ground.repository.push("second")
    body = b'{"ref":"refs/heads/main"}'
    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Event": "push",
        "X-Hub-Signature-256": f"sha256={hmac.new(TOKEN.encode(), body, hashlib.sha256).hexdigest()}",
    }
    connection = http.client.HTTPConnection(address, timeout=10)
    connection.request("POST", hook, body, headers)
    assert connection.getresponse().status == 200
    connection.close()
    wait_until(lambda: _said(ground) == "second", "the second commit is delivered", limit_seconds=10)
    ground.wait_ready("kustomization", "web")
