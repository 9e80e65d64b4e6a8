"""The client against a real API server: objects in, objects out, and each refusal by its name."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.kube.client import Cluster
from engine.kube.config import load
from engine.kube.errors import (
    AlreadyExists,
    ApiError,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    NotServed,
    Unauthorized,
)
from engine.kube.http.ratelimit import RateLimiter
from engine.kube.impersonate import Impersonate
from engine.kube.refs import NAMESPACES, SECRETS, Resource
from tests.kit.controlplane import ControlPlane

pytestmark = pytest.mark.cluster

CONFIGS = Resource("", "v1", "configmaps", "ConfigMap")
DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment")
ROLES = Resource("rbac.authorization.k8s.io", "v1", "roles", "Role")
PLANTED = "hunter2-planted"

Connect = Callable[..., Cluster]


@pytest.fixture
def connect(control_plane: ControlPlane) -> Iterator[Connect]:
    """Makes clients from a kubeconfig, by default the admin's."""
    clusters: list[Cluster] = []

    def make(kubeconfig: Path = control_plane.kubeconfig, **options: Any) -> Cluster:
        clusters.append(Cluster(load(kubeconfig=str(kubeconfig), environ={}, **options)))
        return clusters[-1]

    yield make
    for cluster in clusters:
        cluster.close()


@pytest.fixture
def cluster(connect: Connect) -> Cluster:
    return connect()


def config(namespace: str, name: str = "a", **fields: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": namespace, "name": name}, **fields}


def secret(namespace: str, name: str = "db", **fields: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"namespace": namespace, "name": name}, **fields}


def test_an_object_through_its_whole_life(cluster: Cluster, namespace: str) -> None:
    made = cluster.create(CONFIGS, config(namespace, data={"k": "v"}))
    assert cluster.get(CONFIGS, namespace, "a") == made
    changed = cluster.update(CONFIGS, {**made, "data": {"k": "w"}})
    assert changed["data"] == {"k": "w"}
    assert changed["metadata"]["resourceVersion"] != made["metadata"]["resourceVersion"]
    patched = cluster.patch(CONFIGS, namespace, "a", {"data": {"x": "y", "k": None}})
    assert patched["data"] == {"x": "y"}
    patched = cluster.patch(CONFIGS, namespace, "a", [{"op": "replace", "path": "/data/x", "value": "z"}], kind="json")
    assert patched["data"] == {"x": "z"}
    patched = cluster.patch(CONFIGS, namespace, "a", {"metadata": {"labels": {"l": "m"}}}, kind="strategic")
    assert patched["metadata"]["labels"] == {"l": "m"}
    cluster.delete(CONFIGS, namespace, "a")
    with pytest.raises(NotFound, match=f"^ConfigMap/{namespace}/a: not found"):
        cluster.get(CONFIGS, namespace, "a")


def test_a_name_that_the_server_chooses(cluster: Cluster, namespace: str) -> None:
    made = cluster.create(CONFIGS, {"metadata": {"namespace": namespace, "generateName": "a-"}})
    assert made["metadata"]["name"].startswith("a-")


def test_all_bytes_and_scripts_come_back(cluster: Cluster, namespace: str) -> None:
    text = "\0 \u2028 é 😀 \x7f \r\n \\ \" ' </script>"
    assert cluster.create(CONFIGS, config(namespace, data={"k": text}))["data"] == {"k": text}


def test_a_status_is_written_apart_from_the_rest(cluster: Cluster, namespace: str) -> None:
    labels = {"app": "x"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    spec = {"selector": {"matchLabels": labels}, "template": pod, "replicas": 1}
    made = cluster.create(DEPLOYMENTS, {"metadata": {"namespace": namespace, "name": "d"}, "spec": spec})
    changed = {**made, "spec": {**made["spec"], "replicas": 5}, "status": {"replicas": 1, "readyReplicas": 1}}
    after = cluster.update_status(DEPLOYMENTS, changed)
    assert (after["spec"]["replicas"], after["status"]["readyReplicas"]) == (1, 1)
    patch = {"status": {"readyReplicas": 0}}
    after = cluster.patch(DEPLOYMENTS, namespace, "d", patch, subresource="status")
    assert after["status"].get("readyReplicas", 0) == 0


def test_server_side_apply_owns_its_fields(cluster: Cluster, namespace: str) -> None:
    ours = cluster.apply(CONFIGS, config(namespace, data={"k": "v", "ours": "1"}), field_manager="one")
    managers = [(entry["manager"], entry["operation"]) for entry in ours["metadata"]["managedFields"]]
    assert managers == [("one", "Apply")]
    with pytest.raises(Conflict) as caught:
        cluster.apply(CONFIGS, config(namespace, data={"k": "w"}), field_manager="two")
    assert [(cause.field, cause.reason) for cause in caught.value.causes] == [(".data.k", "FieldManagerConflict")]
    assert 'conflict with "one"' in caught.value.causes[0].message
    forced = cluster.apply(CONFIGS, config(namespace, data={"k": "w"}), field_manager="two", force=True)
    assert forced["data"] == {"k": "w", "ours": "1"}
    dropped = cluster.apply(CONFIGS, config(namespace, data={}), field_manager="one")
    assert dropped["data"] == {"k": "w"}


def test_a_field_manager_has_the_name_that_it_gives(cluster: Cluster, namespace: str) -> None:
    made = cluster.create(CONFIGS, config(namespace, data={"k": "v"}), field_manager="someone")
    assert [entry["manager"] for entry in made["metadata"]["managedFields"]] == ["someone"]
    unnamed = cluster.create(CONFIGS, config(namespace, "b", data={"k": "v"}))
    assert [entry["manager"] for entry in unnamed["metadata"]["managedFields"]] == ["kseal"]


def test_an_update_of_an_older_state_is_a_conflict(cluster: Cluster, namespace: str) -> None:
    made = cluster.create(CONFIGS, config(namespace))
    cluster.patch(CONFIGS, namespace, "a", {"data": {"x": "y"}})
    with pytest.raises(Conflict, match=f"^ConfigMap/{namespace}/a: conflict: ") as caught:
        cluster.update(CONFIGS, {**made, "data": {"k": "w"}})
    assert caught.value.reason == "Conflict"


def test_deleting_spares_what_is_not_meant(cluster: Cluster, namespace: str) -> None:
    made = cluster.create(CONFIGS, config(namespace))["metadata"]
    for wrong in ({"uid": "00000000-0000-0000-0000-000000000000"}, {"resource_version": "1"}):
        with pytest.raises(Conflict):
            cluster.delete(CONFIGS, namespace, "a", **wrong)
    cluster.delete(CONFIGS, namespace, "a", uid=made["uid"], resource_version=made["resourceVersion"])
    with pytest.raises(NotFound):
        cluster.delete(CONFIGS, namespace, "a")


def test_foreground_deletion_waits_for_others(cluster: Cluster, namespace: str) -> None:
    cluster.create(CONFIGS, config(namespace))
    cluster.delete(CONFIGS, namespace, "a", propagation="Foreground")
    left = cluster.get(CONFIGS, namespace, "a")["metadata"]
    assert left["finalizers"] == ["foregroundDeletion"]


def test_a_taken_name(cluster: Cluster, namespace: str) -> None:
    cluster.create(SECRETS, secret(namespace))
    with pytest.raises(AlreadyExists, match=f"^Secret/{namespace}/db: already exists$"):
        cluster.create(SECRETS, secret(namespace))


def test_a_namespace_that_is_missing_is_named(cluster: Cluster) -> None:
    with pytest.raises(NotFound, match=r'^Secret/kseal-nowhere/db: not found: namespace "kseal-nowhere"$') as caught:
        cluster.create(SECRETS, secret("kseal-nowhere"))
    assert not isinstance(caught.value, NotServed)


@pytest.mark.parametrize(
    "resource",
    [
        Resource("bitnami.example.org", "v1alpha1", "sealedsecrets", "SealedSecret"),
        Resource("apps", "v9", "deployments", "Deployment"),
        Resource("apps", "v1", "widgets", "Widget"),
    ],
)
def test_a_kind_that_is_not_served(cluster: Cluster, namespace: str, resource: Resource) -> None:
    for call in (
        lambda: cluster.get(resource, namespace, "a"),
        lambda: list(cluster.list(resource, namespace)),
        lambda: cluster.create(resource, config(namespace)),
    ):
        with pytest.raises(NotServed) as caught:
            call()
        assert resource.plural in (caught.value.hint or "")


def test_an_invalid_secret_is_told_by_fields_and_never_by_values(cluster: Cluster, namespace: str) -> None:
    wrong = secret(namespace, type="kubernetes.io/tls", stringData={"a b": PLANTED, "tls.crt": PLANTED})
    with pytest.raises(Invalid) as caught:
        cluster.create(SECRETS, wrong)
    said = f"{caught.value!r} {caught.value.hint} {vars(caught.value)}"
    assert PLANTED not in said
    assert "data[a b] FieldValueInvalid" in str(caught.value)
    assert {cause.field for cause in caught.value.causes} >= {"data[a b]", "data[tls.key]"}


@pytest.mark.parametrize(
    "fields",
    [
        {"data": {"a": PLANTED}},
        {"data": PLANTED},
        {"data": [PLANTED]},
        {"data": {"a": 3}, "stringData": {"b": PLANTED}},
        {"metadata": {"name": "db", "labels": {"l": f"{PLANTED} "}}},
        {"immutable": PLANTED},
        {"type": "x" * 300 + PLANTED, "data": {"a b": ""}},
    ],
)
def test_no_refusal_of_a_secret_quotes_it(cluster: Cluster, namespace: str, fields: dict[str, Any]) -> None:
    wrong = secret(namespace, **fields)
    wrong["metadata"]["namespace"] = namespace
    said = []
    for write in (
        lambda: cluster.create(SECRETS, wrong),
        lambda: cluster.apply(SECRETS, wrong, field_manager="test"),
        lambda: cluster.patch(SECRETS, namespace, "db", wrong),
    ):
        try:
            write()
        except ApiError as error:
            said.append(f"{error!r} {error.hint} {vars(error)} {error.__cause__!r}")
    assert said
    assert PLANTED not in "".join(said)


def test_an_immutable_secret_says_which_field(cluster: Cluster, namespace: str) -> None:
    made = cluster.create(SECRETS, secret(namespace, immutable=True, stringData={"a": PLANTED}))
    with pytest.raises(Invalid, match=r"data FieldValueForbidden") as caught:
        cluster.update(SECRETS, {**made, "data": {"a": "eA=="}})
    assert PLANTED not in str(caught.value)


def test_an_object_too_large_for_the_store(cluster: Cluster, namespace: str) -> None:
    with pytest.raises(Invalid, match=r"data FieldValueTooLong$"):
        cluster.create(SECRETS, secret(namespace, data={"a": "QUFB" * 500_000}))


def test_what_rbac_lacks_is_named(connect: Connect, control_plane: ControlPlane, namespace: str) -> None:
    nobody = connect(control_plane.account(namespace, "nobody").kubeconfig)
    user = f"system:serviceaccount:{namespace}:nobody"
    with pytest.raises(Forbidden) as caught:
        nobody.get(SECRETS, namespace, "db")
    assert str(caught.value) == f'Secret/{namespace}/db: forbidden: user "{user}" cannot get secrets'
    assert caught.value.hint == f'RBAC must allow the verb "get" on "secrets" in namespace "{namespace}"'
    with pytest.raises(Forbidden) as caught:
        list(nobody.list(DEPLOYMENTS))
    assert caught.value.hint == 'RBAC must allow the verb "list" on "deployments.apps" in all namespaces'
    with pytest.raises(Forbidden) as caught:
        nobody.update_status(DEPLOYMENTS, {"metadata": {"namespace": namespace, "name": "d"}})
    assert (
        caught.value.hint
        == f'RBAC must allow the verb "update" on "deployments.apps/status" in namespace "{namespace}"'
    )


def test_a_used_up_quota_is_told(cluster: Cluster, namespace: str) -> None:
    quotas = Resource("", "v1", "resourcequotas", "ResourceQuota")
    cluster.create(quotas, {"metadata": {"namespace": namespace, "name": "q"}, "spec": {"hard": {"secrets": "0"}}})
    made = cluster.get(quotas, namespace, "q")
    cluster.update_status(quotas, {**made, "status": {"hard": {"secrets": "0"}, "used": {"secrets": "0"}}})

    def fill() -> None:
        for _ in range(50):  # the admission plug-in learns of the quota a moment later
            cluster.create(SECRETS, {"metadata": {"namespace": namespace, "generateName": "s-"}})

    with pytest.raises(Forbidden, match="the quota of the namespace is used up"):
        fill()


def test_credentials_that_are_unknown(tmp_path: Path, control_plane: ControlPlane) -> None:
    document = json.loads(kubeconfig_as_json(control_plane))
    document["users"][0]["user"] = {"token": PLANTED}
    file = tmp_path / "config"
    file.write_text(json.dumps(document))
    cluster = Cluster(load(kubeconfig=str(file), environ={}))
    with pytest.raises(Unauthorized) as caught:
        cluster.get(NAMESPACES, None, "default")
    cluster.close()
    assert str(file) in (caught.value.hint or "")
    assert PLANTED not in f"{caught.value} {caught.value.hint}"


def kubeconfig_as_json(control_plane: ControlPlane) -> str:
    return control_plane.kubectl("config", "view", "--raw", "--flatten", "-o", "json").stdout


def test_a_client_certificate_logs_in(connect: Connect, control_plane: ControlPlane) -> None:
    cluster = connect(control_plane.certificate_kubeconfig)
    assert whoami(cluster)["username"] == "kseal-admin-by-certificate"


REVIEWS = Resource("authentication.k8s.io", "v1", "selfsubjectreviews", "SelfSubjectReview", namespaced=False)


def whoami(cluster: Cluster) -> dict[str, Any]:
    return cluster.create(REVIEWS, {"metadata": {"generateName": "x"}})["status"]["userInfo"]


def test_impersonation_reaches_the_server_whole(connect: Connect) -> None:
    other = Impersonate("jane", ("dev", "ops"), "42", (("acme.org/scope", "a"), ("acme.org/scope", "b")))
    who = whoami(connect(impersonate=other))
    assert (who["username"], who["uid"], who["extra"]) == ("jane", "42", {"acme.org/scope": ["a", "b"]})
    assert {"dev", "ops"} <= set(who["groups"])


def test_a_log_in_program_logs_in(tmp_path: Path, control_plane: ControlPlane, namespace: str) -> None:
    token = control_plane.account(namespace, "robot").token
    script = tmp_path / "login"
    credential = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": token}}
    script.write_text(f"#!{sys.executable}\nprint({json.dumps(json.dumps(credential))})\n")
    script.chmod(0o700)
    document = json.loads(kubeconfig_as_json(control_plane))
    program = {"command": str(script), "apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never"}
    document["users"][0]["user"] = {"exec": program}
    file = tmp_path / "config"
    file.write_text(json.dumps(document))
    cluster = Cluster(load(kubeconfig=str(file), environ={}))
    assert whoami(cluster)["username"] == f"system:serviceaccount:{namespace}:robot"
    cluster.close()


def test_the_limit_of_requests_holds_against_a_real_server(control_plane: ControlPlane) -> None:
    waits: list[float] = []

    class Watched(RateLimiter):
        def reserve(self) -> float:
            waits.append(super().reserve())
            return 0.0

    connection = load(kubeconfig=str(control_plane.kubeconfig), environ={})
    cluster = Cluster(connection, limiter=Watched(1, 2))
    for _ in range(4):
        cluster.get(NAMESPACES, None, "default")
    cluster.close()
    assert [wait > 0 for wait in waits] == [False, False, True, True]
