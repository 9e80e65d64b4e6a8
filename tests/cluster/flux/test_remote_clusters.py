"""Deliveries to another cluster by a kubeconfig in a Secret, and kubeconfigs that want more than that."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.kit.controlplane import ControlPlane
from tests.kit.process import wait_until
from tests.kit.tenants import EDITOR, LockedDown, Tenant, config_map

pytestmark = pytest.mark.cluster

REMOTE: Final = {"secretRef": {"name": "cluster"}}
_MERGE: Final = "application/merge-patch+json"


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[ControlPlane]:
    """The other cluster."""
    with ControlPlane("api", audit=True) as plane:
        yield plane


class Remote:
    """A tenant whose objects live in another cluster, in a namespace of the same name."""

    def __init__(self, tenant: Tenant, plane: ControlPlane) -> None:
        self.tenant = tenant
        self.plane = plane
        plane.api.text("POST", "/api/v1/namespaces", {"metadata": {"name": tenant.namespace}})
        # The same account with the same rights, known there by its name.
        there = object.__new__(Tenant)
        there.plane, there.namespace = plane, tenant.namespace
        there.give_account("deployer", EDITOR)
        tenant.give_secret("cluster", {"value": plane.kubeconfig.read_text()})

    def find(self, name: str, folder: str = "/api/v1", plural: str = "configmaps") -> dict[str, Any] | None:
        return self.plane.api.find(self.path(name, folder, plural))

    def path(self, name: str, folder: str = "/api/v1", plural: str = "configmaps") -> str:
        return f"{folder}/namespaces/{self.tenant.namespace}/{plural}/{name}"

    def level(self) -> str:
        found = self.find("one")
        return str((found or {}).get("data", {}).get("level"))


@pytest.fixture
def remote(tenant: Tenant, elsewhere: ControlPlane) -> Remote:
    return Remote(tenant, elsewhere)


def deliver(remote: Remote, **spec: Any) -> Tenant:
    files = {"one.yaml": config_map("one", data={"level": "info"}), "two.yaml": config_map("two")}
    remote.tenant.deliver_files(files, kubeConfig=REMOTE, **spec)
    return remote.tenant


def test_objects_come_to_change_and_go_in_the_other_cluster(remote: Remote) -> None:
    tenant = deliver(remote)
    tenant.wait_ready("kustomization", "app")
    assert remote.level() == "info"
    assert tenant.config_map("one") is None
    tenant.repository.write("app/one.yaml", config_map("one", data={"level": "debug"}))
    tenant.repository.remove("app/two.yaml")
    tenant.deliver()
    tenant.wait_ready("kustomization", "app")
    assert remote.level() == "debug"
    assert remote.find("two") is None
    tenant.delete("kustomization", "app")
    tenant.wait_gone(tenant.path("kustomization", "app"))
    assert remote.find("one") is None


def test_drift_in_the_other_cluster_is_noticed_by_watch(remote: Remote) -> None:
    tenant = deliver(remote, interval="1h")
    tenant.wait_ready("kustomization", "app")
    remote.plane.api.text("PATCH", remote.path("one"), {"data": {"level": "hacked"}}, content_type=_MERGE)
    wait_until(lambda: remote.level() == "info", "the edit is undone")
    remote.plane.api.text("DELETE", remote.path("two"))
    wait_until(lambda: remote.find("two") is not None, "what was deleted is made again")


def test_health_is_that_of_the_other_cluster(remote: Remote) -> None:
    labels = {"app": "web"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": "registry.example/web"}]}}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": pod},
    }
    tenant = remote.tenant
    tenant.deliver_files({"web.yaml": json.dumps(deployment)}, kubeConfig=REMOTE, wait=True, interval="1h")
    path = remote.path("web", "/apis/apps/v1", "deployments")
    wait_until(lambda: remote.plane.api.find(path) is not None, "the Deployment is there")
    wait_until(lambda: tenant.ready("kustomization", "app").get("status") == "Unknown", "its health is awaited")
    found = remote.plane.api.json("GET", path)
    conditions = [
        {"type": "Available", "status": "True", "reason": "x", "message": "x"},
        {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable", "message": "x"},
    ]
    counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), 1)
    status = {"observedGeneration": found["metadata"]["generation"], **counts, "conditions": conditions}
    remote.plane.api.text("PATCH", f"{path}/status", {"status": status}, content_type=_MERGE)
    tenant.wait_ready("kustomization", "app")


def test_the_account_counts_in_the_other_cluster_too(remote: Remote) -> None:
    remote.tenant.give_account("stranger")
    deliver(remote, account="stranger")
    told = remote.tenant.wait_failed("kustomization", "app", containing="forbidden")
    assert remote.tenant.user("stranger") in told
    writes = [
        (event.get("impersonatedUser") or {}).get("username")
        for event in remote.plane.audit_events()
        if event["verb"] in ("patch", "delete", "create")
        and (event.get("objectRef") or {}).get("namespace") == remote.tenant.namespace
        and event["objectRef"]["resource"] == "configmaps"
    ]
    assert set(writes) == {remote.tenant.user("stranger")}


def test_a_delivery_that_moves_leaves_the_first_cluster_alone(remote: Remote) -> None:
    tenant = deliver(remote)
    tenant.wait_ready("kustomization", "app")
    tenant.patch("kustomization", "app", {"spec": {"kubeConfig": None}})
    wait_until(lambda: tenant.config_map("one") is not None, "it is delivered here")
    tenant.wait_ready("kustomization", "app")
    assert remote.find("one") is not None


def test_a_new_kubeconfig_is_noticed_and_the_old_one_is_left(remote: Remote, locked_down: LockedDown) -> None:
    tenant = deliver(remote)
    tenant.wait_ready("kustomization", "app")
    secret = f"/api/v1/namespaces/{tenant.namespace}/secrets/cluster"
    before = _threads(locked_down)
    for number in range(6):
        text = remote.plane.kubeconfig.read_text() + " " * number
        tenant.plane.api.text("PATCH", secret, {"stringData": {"value": text}}, content_type=_MERGE)
        value = tenant.request("kustomization", "app")
        tenant.wait_handled("kustomization", "app", value=value)
    wait_until(lambda: _threads(locked_down) <= before + 4, "watches of clusters that nobody uses end")


def _threads(one: LockedDown) -> int:
    return len(list(Path(f"/proc/{one.controller.process.pid}/task").iterdir()))


def hostile(change: Callable[[dict[str, Any]], None]) -> Callable[[str], str]:
    def changed(text: str) -> str:
        raw = json.loads(text)
        change(raw)
        return json.dumps(raw)

    return changed


def user(**fields: Any) -> Callable[[str], str]:
    return hostile(lambda raw: raw["users"][0].update(user=fields))


def cluster(**fields: Any) -> Callable[[str], str]:
    return hostile(lambda raw: raw["clusters"][0]["cluster"].update(fields))


HOSTILE: Final[dict[str, tuple[Callable[[str], str], str]]] = {
    "exec": (
        user(exec={"apiVersion": "client.authentication.k8s.io/v1", "command": "/bin/sh", "interactiveMode": "Never"}),
        "would start a program",
    ),
    "auth-provider": (user(**{"auth-provider": {"name": "gcp", "config": {"cmd-path": "/bin/sh"}}}), "start a program"),
    "token-file": (user(tokenFile="/var/run/secrets/kubernetes.io/serviceaccount/token"), "names a file"),
    "certificate-file": (user(**{"client-certificate": "/etc/passwd", "client-key": "/etc/passwd"}), "names a file"),
    "authority-file": (cluster(**{"certificate-authority": "/etc/passwd"}), "names a file"),
    "insecure": (
        hostile(
            lambda raw: raw["clusters"][0].update(
                cluster={"server": raw["clusters"][0]["cluster"]["server"], "insecure-skip-tls-verify": True}
            )
        ),
        "insecure-skip-tls-verify",
    ),
    "proxy": (cluster(**{"proxy-url": "http://127.0.0.1:3128"}), "proxy"),
    "plain": (cluster(server="http://127.0.0.1:8080"), "https"),
    "metadata": (cluster(server="https://169.254.169.254"), "may not be dialled"),
    "bomb": (lambda _: "a: &a [x]\nb: " + "[" * 100_000, "kubeconfig"),
    "nothing": (lambda _: "{}", ""),
    "no-text": (lambda _: "\x00\x01", ""),
}


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_a_hostile_kubeconfig_is_refused_and_the_cure_is_said(tenant: Tenant, name: str) -> None:
    change, told = HOSTILE[name]
    tenant.give_secret("cluster", {"value": change(tenant.plane.kubeconfig.read_text())})
    tenant.deliver_files({"one.yaml": config_map("one")}, kubeConfig=REMOTE)
    message = tenant.wait_failed("kustomization", "app", containing="failed to build kube client")
    assert told in message or name == "bomb"
    assert tenant.plane.token not in message
    assert tenant.config_map("one") is None
    if told:
        events = f"/api/v1/namespaces/{tenant.namespace}/events"
        wait_until(
            lambda: any(message in one["message"] for one in tenant.plane.api.json("GET", events)["items"]),
            "the event says so",
        )


@pytest.mark.parametrize("key", ["value", "value.yaml", "own"])
def test_the_kubeconfig_stands_where_flux_has_it(tenant: Tenant, elsewhere: ControlPlane, key: str) -> None:
    remote = Remote(tenant, elsewhere)
    tenant.give_secret("other", {key: elsewhere.kubeconfig.read_text()})
    named = {"secretRef": {"name": "other", **({"key": key} if key == "own" else {})}}
    tenant.deliver_files({"one.yaml": config_map("one")}, kubeConfig=named)
    tenant.wait_ready("kustomization", "app")
    assert remote.find("one") is not None


def test_a_kubeconfig_that_is_missing_is_told(tenant: Tenant) -> None:
    tenant.deliver_files({"one.yaml": config_map("one")}, kubeConfig=REMOTE)
    assert "Secret" in tenant.wait_failed("kustomization", "app", containing="not found")
