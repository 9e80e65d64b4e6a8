"""The control plane does for tests what they rely on."""

import base64
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.kit.apicalls import Refused
from tests.kit.controlplane import ControlPlane
from tests.kit.process import wait_until

pytestmark = pytest.mark.cluster

Kubectl = Callable[..., subprocess.CompletedProcess[str]]
ENCRYPTED = {
    "apiVersion": "apiserver.config.k8s.io/v1",
    "kind": "EncryptionConfiguration",
    "resources": [
        {
            "resources": ["secrets"],
            "providers": [
                {"secretbox": {"keys": [{"name": "k", "secret": base64.b64encode(bytes(range(32))).decode()}]}}
            ],
        }
    ],
}


def secret(name: str, **data: str) -> dict[str, Any]:
    return {"metadata": {"name": name}, "stringData": data}


def test_each_test_gets_a_namespace_that_the_real_kubectl_sees(namespace: str, kubectl: Kubectl) -> None:
    kubectl("create", "secret", "generic", "db", "--from-literal=password=x", namespace=namespace)
    assert kubectl("get", "secrets", "--output=name", namespace=namespace).stdout == "secret/db\n"


def test_a_kubectl_that_fails_shows_what_it_said(kubectl: Kubectl) -> None:
    with pytest.raises(subprocess.CalledProcessError) as caught:
        kubectl("get", "secret", "nothing")
    assert 'secrets "nothing" not found' in caught.value.__notes__[0]
    assert kubectl("get", "secret", "nothing", check=False).returncode == 1


@pytest.mark.parametrize("file", ["kubeconfig", "certificate_kubeconfig"])
def test_the_admin_is_known_by_token_and_by_certificate(
    control_plane: ControlPlane, kubectl: Kubectl, file: str
) -> None:
    allowed = kubectl("auth", "can-i", "*", "*", "--all-namespaces", kubeconfig=getattr(control_plane, file))
    assert allowed.stdout.strip() == "yes"


def test_a_service_account_is_itself_and_may_do_nothing_yet(
    control_plane: ControlPlane, namespace: str, kubectl: Kubectl
) -> None:
    account = control_plane.account(namespace, "robot")
    who = kubectl("auth", "whoami", "--output=jsonpath={.status.userInfo.username}", kubeconfig=account.kubeconfig)
    assert who.stdout == f"system:serviceaccount:{namespace}:robot"
    assert "Forbidden" in kubectl("get", "secrets", kubeconfig=account.kubeconfig, check=False).stderr


def test_what_was_asked_of_the_api_server_can_be_counted(control_plane: ControlPlane, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/secrets"
    before = control_plane.requests()
    control_plane.api.text("POST", path, secret("counted", a="b"))
    control_plane.api.text("GET", path)
    asked = {
        (request.verb, request.code): n
        for request, n in (control_plane.requests() - before).items()
        if request.resource == "secrets"
    }
    assert asked == {("POST", 201): 1, ("LIST", 200): 1}


def test_the_api_server_can_be_taken_away_and_comes_back_with_its_data(
    new_control_plane: Callable[..., ControlPlane],
) -> None:
    plane = new_control_plane()
    namespace = plane.create_namespace()
    plane.pause()
    with pytest.raises(ConnectionRefusedError):
        plane.api.text("GET", "/readyz")
    plane.resume()
    assert plane.api.json("GET", f"/api/v1/namespaces/{namespace}")["metadata"]["name"] == namespace


def test_a_frozen_api_server_takes_connections_and_says_nothing(
    new_control_plane: Callable[..., ControlPlane],
) -> None:
    plane = new_control_plane()
    plane.pause(freeze=True)
    silent = plane.kubectl("get", "--raw=/readyz", "--request-timeout=1s", check=False)
    assert silent.returncode == 1
    assert "refused" not in silent.stderr
    plane.resume()
    assert plane.api.answers("/readyz")


def test_every_request_of_a_user_is_in_the_audit_log(new_control_plane: Callable[..., ControlPlane]) -> None:
    plane = new_control_plane(audit=True)
    account = plane.account("default", "robot")
    plane.kubectl("get", "secrets", kubeconfig=account.kubeconfig, check=False)
    user = "system:serviceaccount:default:robot"

    def refused() -> list[int]:
        events = plane.audit_events(user=user)
        return [
            event["responseStatus"]["code"]
            for event in events
            if event.get("objectRef", {}).get("resource") == "secrets"
        ]

    wait_until(lambda: refused() == [403], "the refusal is in the audit log")


def test_secrets_can_be_encrypted_at_rest(new_control_plane: Callable[..., ControlPlane]) -> None:
    plane = new_control_plane(encryption=ENCRYPTED)
    secrets = "/api/v1/namespaces/default/secrets"
    plane.api.text("POST", secrets, secret("hidden", password="planted-plaintext"))
    assert plane.api.json("GET", f"{secrets}/hidden")["data"] == {"password": "cGxhbnRlZC1wbGFpbnRleHQ="}
    assert not any(b"planted-plaintext" in file.read_bytes() for file in stored(plane))


def test_secrets_are_plain_in_the_store_otherwise(control_plane: ControlPlane, namespace: str) -> None:
    """The proof that the test above looks in the right place."""
    control_plane.api.text(
        "POST", f"/api/v1/namespaces/{namespace}/secrets", secret("open", password="other-plaintext")
    )
    assert any(b"other-plaintext" in file.read_bytes() for file in stored(control_plane))


def stored(plane: ControlPlane) -> list[Path]:
    """The files of etcd."""
    return [file for file in (plane.nest.folder / "etcd").rglob("*") if file.is_file()]


def test_with_controllers_owned_objects_are_collected_and_deployments_become_ready(
    full_control_plane: ControlPlane,
) -> None:
    plane = full_control_plane
    namespace = plane.create_namespace()
    plane.add_node("node-of-a-test")
    plane.kubectl("create", "deployment", "web", "--image=none", "--replicas=2", namespace=namespace)
    plane.kubectl("rollout", "status", "deployment/web", "--timeout=60s", namespace=namespace)
    plane.kubectl("delete", "deployment", "web", "--wait=false", namespace=namespace)
    pods = f"/api/v1/namespaces/{namespace}/pods"
    wait_until(lambda: plane.api.json("GET", pods)["items"] == [], "the Pods are collected")


def test_an_answer_of_the_api_server_that_refuses_is_an_error_with_its_status(control_plane: ControlPlane) -> None:
    with pytest.raises(Refused, match="404") as caught:
        control_plane.api.text("GET", "/api/v1/namespaces/none-of-this-name")
    assert caught.value.status == 404
