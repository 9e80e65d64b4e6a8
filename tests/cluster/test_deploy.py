"""The installed controller at work: started as a node would start it, with the rights that the installed roles give.

Source: control-plane.md sections 4 and 5; sealed-secrets.md section 8.
"""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from engine.kube.yaml import Dialect, read_all
from tests.kit import real
from tests.kit.controlplane import ControlPlane
from tests.kit.errors import Unavailable
from tests.kit.pod import Pod
from tests.kit.process import wait_until
from tests.kit.serviceproxy import expose
from tests.kit.tree import ROOT

pytestmark = [pytest.mark.cluster, pytest.mark.netns]

NAME, HOME = "sealed-secrets-controller", "kube-system"
_RBAC = {"apiVersion": "rbac.authorization.k8s.io/v1"}
ORIGINAL_ROLES: list[dict[str, Any]] = [
    {
        **_RBAC,
        "kind": "ClusterRole",
        "metadata": {"name": "secrets-unsealer"},
        "rules": [
            {"apiGroups": ["bitnami.com"], "resources": ["sealedsecrets"], "verbs": ["get", "list", "watch"]},
            {"apiGroups": ["bitnami.com"], "resources": ["sealedsecrets/status"], "verbs": ["update"]},
            {
                "apiGroups": [""],
                "resources": ["secrets"],
                "verbs": ["get", "list", "create", "update", "delete", "watch"],
            },
            {"apiGroups": [""], "resources": ["events"], "verbs": ["create", "patch"]},
            {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"]},
        ],
    },
    {
        **_RBAC,
        "kind": "Role",
        "metadata": {"name": "sealed-secrets-key-admin", "namespace": HOME},
        "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["create", "list"]}],
    },
]


class Installation(NamedTuple):
    """A cluster with the base in it, and its Pod, which is ready."""

    plane: ControlPlane
    pod: Pod


@pytest.fixture(scope="module", params=["our roles", "the original's roles"])
def installation(request: pytest.FixtureRequest) -> Iterator[Installation]:
    """One cluster for each set of roles: sealing keys and SealedSecrets of other tests would be in the way."""
    with ExitStack() as stack:
        try:
            plane = stack.enter_context(ControlPlane(audit=True))
        except Unavailable as error:
            real.do_without(error)
        plane.kubectl("apply", "-k", str(ROOT / "deploy" / "manifests"))
        if request.param == "the original's roles":
            for role in ORIGINAL_ROLES:
                plane.kubectl("apply", "-f", "-", input=json.dumps(role))
        pod = stack.enter_context(Pod(plane, _deployment(plane)))
        pod.wait_ready()
        yield Installation(plane, pod)


@pytest.fixture(autouse=True)
def shown_log(installation: Installation) -> Iterator[None]:
    """What the controller said, for whoever reads the report of a failed test."""
    yield
    print(installation.pod.process.log_tail())


def _deployment(plane: ControlPlane) -> dict[str, Any]:
    rendered = plane.kubectl("kustomize", str(ROOT / "deploy" / "manifests")).stdout
    objects = read_all(rendered.encode(), dialect=Dialect.V3, source="kubectl kustomize")
    (deployment,) = [found for found in objects if found["kind"] == "Deployment"]
    assert isinstance(deployment, dict)
    return deployment


def _seal(certificate: str, namespace: str, name: str, value: bytes, folder: Path) -> str:
    """A SealedSecret with the item `password`, by the command that users type."""
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        "data": {"password": base64.b64encode(value).decode()},
    }
    certificate_file = folder / "cert.pem"
    certificate_file.write_text(certificate)
    command = [str(Path(sys.executable).with_name("kseal")), "seal", "--cert", str(certificate_file)]
    return subprocess.run(command, input=json.dumps(secret), capture_output=True, text=True, check=True).stdout


def test_the_probes_of_the_deployment_answer(installation: Installation) -> None:
    assert installation.pod.probe("livenessProbe")
    assert installation.pod.probe("readinessProbe")
    assert installation.pod.get("metrics", "/metrics").status == 200


def test_a_sealed_secret_becomes_a_secret_with_status_and_event(installation: Installation, tmp_path: Path) -> None:
    plane, pod = installation
    namespace = plane.create_namespace()
    value = os.urandom(32)
    certificate = pod.get("http", "/v1/cert.pem").body
    plane.kubectl("apply", "-f", "-", input=_seal(certificate, namespace, "db", value, tmp_path))

    secret_path = f"/api/v1/namespaces/{namespace}/secrets/db"
    wait_until(lambda: plane.api.answers(secret_path), "the Secret is there")
    secret = plane.api.json("GET", secret_path)
    assert base64.b64decode(secret["data"]["password"]) == value
    assert [owner["kind"] for owner in secret["metadata"]["ownerReferences"]] == ["SealedSecret"]

    plane.kubectl("wait", "--for=condition=Synced", "--timeout=30s", "sealedsecret/db", namespace=namespace)
    events = f"/api/v1/namespaces/{namespace}/events"
    wait_until(lambda: "Unsealed" in plane.api.text("GET", events), "the event is there")


def test_an_edited_secret_is_repaired(installation: Installation, tmp_path: Path) -> None:
    plane, pod = installation
    namespace = plane.create_namespace()
    certificate = pod.get("http", "/v1/cert.pem").body
    plane.kubectl("apply", "-f", "-", input=_seal(certificate, namespace, "db", b"right", tmp_path))
    secret = f"/api/v1/namespaces/{namespace}/secrets/db"
    wait_until(lambda: plane.api.answers(secret), "the Secret is there")
    wrong = {"data": {"password": base64.b64encode(b"wrong").decode()}}
    plane.api.text("PATCH", secret, wrong, content_type="application/merge-patch+json")
    right = base64.b64encode(b"right").decode()
    wait_until(lambda: plane.api.json("GET", secret)["data"]["password"] == right, "the edit is undone")


def test_it_asks_for_nothing_that_its_roles_do_not_give(installation: Installation) -> None:
    """But for Lease and ConfigMap, which the roles of the original do not know: then it does without, and says so."""
    user = f"system:serviceaccount:{HOME}:{NAME}"
    events = list(installation.plane.audit_events(user=user))
    refused = [event for event in events if event["responseStatus"]["code"] == HTTPStatus.FORBIDDEN]
    said = installation.pod.process.log.read_text(errors="replace")
    is_alone = "no election of a leader" in said
    assert events
    resources = {event["objectRef"]["resource"] for event in refused}
    assert resources == ({"leases", "configmaps"} if is_alone else set())
    assert said.count("certificate not published") == (1 if is_alone else 0)


def test_clients_reach_the_certificate_through_the_service(installation: Installation, tmp_path: Path) -> None:
    """As any person who is logged in: the proxy rights go to all of them."""
    plane, pod = installation
    expose(plane.api, HOME, NAME)
    visitor = plane.account("default", "visitor").kubeconfig
    service = plane.kubectl("get", "service", NAME, "-o", "json", namespace=HOME, kubeconfig=visitor).stdout
    port = json.loads(service)["spec"]["ports"][0].get("name", "")
    path = f"/api/v1/namespaces/{HOME}/services/http:{NAME}:{port}/proxy/v1/cert.pem"
    fetched = plane.kubectl("get", "--raw", path, kubeconfig=visitor).stdout
    assert fetched == pod.get("http", "/v1/cert.pem").body


def test_the_process_has_neither_rights_nor_a_writable_root(installation: Installation) -> None:
    pod = installation.pod
    assert pod.user() == 1001
    status = pod.kernel_status()
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0
    assert status["NoNewPrivs"] == "1"
    assert not pod.is_writable("/")
    assert not pod.is_writable("/var/run/secrets/kubernetes.io/serviceaccount")
    assert pod.is_writable("/tmp")


def test_it_ends_well_when_the_node_asks_for_it(installation: Installation) -> None:
    assert installation.pod.terminate() == 0
    assert not installation.pod.probe("livenessProbe")
