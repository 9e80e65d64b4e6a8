"""Under lock-down nothing of another namespace is read for a tenant, by whatever field it is named."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.kit.deliveries import git_repository
from tests.kit.process import wait_until
from tests.kit.tenants import LockedDown, Tenant, config_map

pytestmark = pytest.mark.cluster

BLOCKED = "cross-namespace references have been blocked"
SECRET = "no-tenant-sees-this"


@pytest.fixture
def neighbour(new_tenant: Callable[[], Tenant]) -> Tenant:
    """Another tenant, with a delivery of its own and a Secret."""
    other = new_tenant()
    other.deliver_files({"own.yaml": config_map("own", data={"value": SECRET})})
    other.give_secret("keys", {"value": SECRET, "username": SECRET, "password": SECRET})
    other.wait_ready("kustomization", "app")
    return other


def around(namespace: str, name: str) -> str:
    """A name that would climb into another namespace where names were put into paths as they are."""
    return f"../../{namespace}/secrets/{name}"


def test_a_source_of_another_namespace_is_refused(tenant: Tenant, neighbour: Tenant) -> None:
    reference = {"kind": "GitRepository", "name": "fleet", "namespace": neighbour.namespace}
    tenant.apply(tenant.app(sourceRef=reference))
    told = tenant.wait_failed("kustomization", "app", containing=BLOCKED)
    assert f"GitRepository/{neighbour.namespace}/fleet" in told
    assert tenant.config_map("own") is None


@pytest.mark.parametrize("expression", ["", "dep.status.lastAppliedRevision != ''", "dep.spec.path.startsWith('./a')"])
def test_a_dependency_in_another_namespace_is_not_even_looked_at(
    tenant: Tenant, neighbour: Tenant, expression: str
) -> None:
    dependency = {"name": "app", "namespace": neighbour.namespace, **({"readyExpr": expression} if expression else {})}
    tenant.deliver_files({"one.yaml": config_map("one")}, dependsOn=[dependency])
    tenant.wait_failed("kustomization", "app", containing=BLOCKED)
    assert tenant.config_map("one") is None


@pytest.mark.parametrize("kind", ["Secret", "ConfigMap"])
def test_variables_of_another_namespace_are_not_substituted(tenant: Tenant, neighbour: Tenant, kind: str) -> None:
    plural = {"Secret": "secrets", "ConfigMap": "configmaps"}[kind]
    name = {"Secret": "keys", "ConfigMap": "own"}[kind]
    climbing = f"../../{neighbour.namespace}/{plural}/{name}"
    post_build = {"substituteFrom": [{"kind": kind, "name": climbing}]}
    tenant.deliver_files({"one.yaml": config_map("one", data={"got": "${value:=nothing}"})}, postBuild=post_build)
    told = tenant.wait_failed("kustomization", "app", containing="substitute from")
    assert SECRET not in told


def test_a_namespace_beside_the_name_of_a_reference_means_nothing(tenant: Tenant, neighbour: Tenant) -> None:
    reference = {"kind": "Secret", "name": "keys", "namespace": neighbour.namespace, "optional": True}
    app = tenant.app(postBuild={"substitute": {"other": "x"}, "substituteFrom": [reference]})
    tenant.push({"app/one.yaml": config_map("one", data={"got": "${value:=nothing}"})})
    tenant.apply(git_repository(tenant.repository, tenant.namespace))
    tenant.plane.kubectl("apply", "--validate=false", "-f", "-", input=json.dumps(app))
    tenant.wait_ready("kustomization", "app")
    found = tenant.config_map("one")
    assert found is not None
    assert found["data"] == {"got": "nothing"}


@pytest.mark.parametrize("field", ["decryption", "kubeConfig"])
def test_secrets_of_another_namespace_are_not_read(tenant: Tenant, neighbour: Tenant, field: str) -> None:
    reference = {"secretRef": {"name": around(neighbour.namespace, "keys")}}
    given: dict[str, Any] = {field: {"provider": "sops", **reference} if field == "decryption" else reference}
    tenant.deliver_files({"one.yaml": config_map("one")}, **given)
    told = tenant.wait_failed("kustomization", "app")
    assert SECRET not in told
    assert tenant.config_map("one") is None


@pytest.mark.parametrize("field", ["secretRef", "proxySecretRef"])
def test_a_repository_has_no_log_in_of_another_namespace(tenant: Tenant, neighbour: Tenant, field: str) -> None:
    tenant.push({"app/one.yaml": config_map("one")})
    reference: dict[str, Any] = {field: {"name": around(neighbour.namespace, "keys")}}
    tenant.apply(git_repository(tenant.repository, tenant.namespace, **reference))
    assert SECRET not in tenant.wait_failed("gitrepository", "fleet")


def test_a_repository_includes_none_of_another_namespace(tenant: Tenant, neighbour: Tenant) -> None:
    tenant.push({"app/one.yaml": config_map("one")})
    climbing = f"../../{neighbour.namespace}/gitrepositories/fleet"
    for name in (climbing, f"{neighbour.namespace}/fleet"):
        include = [{"repository": {"name": name, "namespace": neighbour.namespace}, "toPath": "app/theirs"}]
        repository = git_repository(tenant.repository, tenant.namespace, include=include)
        tenant.plane.kubectl("apply", "--validate=false", "-f", "-", input=json.dumps(repository))
        tenant.wait_failed("gitrepository", "fleet")


def test_health_of_foreign_objects_is_not_told(locked_down: LockedDown, tenant: Tenant, neighbour: Tenant) -> None:
    there = {"apiVersion": "v1", "kind": "ConfigMap", "name": "own", "namespace": neighbour.namespace}
    told = []
    for number, name in enumerate(("own", "missing")):
        checks = [{**there, "name": name}]
        tenant.deliver_files({f"{number}.yaml": config_map(f"m{number}")}, healthChecks=checks)
        told.append(tenant.wait_failed("kustomization", "app", containing="forbidden").replace(name, "X"))
    assert told[0] == told[1], "whether an object is there was told"
    asked = {
        acting
        for acting, verb, resource, _ in locked_down.requests(neighbour.namespace)
        if verb == "get" and resource == "configmaps"
    }
    assert asked <= {neighbour.user(), tenant.user()}
    assert tenant.user() in asked


def test_health_of_objects_without_namespace_needs_the_right_to_see_them(tenant: Tenant) -> None:
    checks = [{"apiVersion": "v1", "kind": "Namespace", "name": "kube-system"}]
    tenant.deliver_files({"one.yaml": config_map("one")}, healthChecks=checks)
    assert tenant.user() in tenant.wait_failed("kustomization", "app", containing="forbidden")


def test_a_status_that_names_another_ones_artifact_delivers_nothing(tenant: Tenant, neighbour: Tenant) -> None:
    stolen = neighbour.get("gitrepository", "fleet")["status"]["artifact"]
    external = {
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "ExternalArtifact",
        "metadata": {"name": "loot", "namespace": tenant.namespace},
        "spec": {},
    }
    tenant.apply(external)
    path = f"/apis/source.toolkit.fluxcd.io/v1/namespaces/{tenant.namespace}/externalartifacts/loot/status"
    ready = {
        "type": "Ready",
        "status": "True",
        "reason": "Succeeded",
        "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    tenant.plane.api.text(
        "PATCH",
        path,
        {"status": {"artifact": stolen, "conditions": [ready]}},
        content_type="application/merge-patch+json",
    )
    tenant.apply(tenant.app(sourceRef={"kind": "ExternalArtifact", "name": "loot"}))
    tenant.wait_failed("kustomization", "app", containing="another one's")
    assert tenant.config_map("own") is None


def test_what_a_tenant_is_told_of_others_names_no_value(locked_down: LockedDown, tenant: Tenant) -> None:
    for place in locked_down.shown():
        assert SECRET.encode() not in place.content, place.name


@pytest.mark.slow
def test_many_names_of_one_tenant_do_not_delay_another_one(new_tenant: Callable[[], Tenant]) -> None:
    many, one = new_tenant(), new_tenant()
    many.push({f"app/{number}.yaml": config_map(f"m{number}") for number in range(8)})
    many.apply(*(many.app(f"app-{number:02}", namePrefix=f"n{number}-") for number in range(80)))
    one.push({"app/one.yaml": config_map("one")})
    one.apply(git_repository(one.repository, one.namespace))
    one.wait_ready("gitrepository", "fleet")
    one.apply(git_repository(many.repository, many.namespace))
    many.wait_ready("gitrepository", "fleet")  # all of them are woken by that
    one.apply(one.app())
    wait_until(lambda: one.config_map("one") is not None, "the other one is served")
    path = many.path("kustomization", "").rstrip("/")
    listed = many.plane.api.json("GET", path)["items"]
    waiting = [found for found in listed if "lastAppliedRevision" not in (found.get("status") or {})]
    assert len(waiting) > 10, "nearly all of the many were served before"
