"""Under lock-down deliveries act as a service account of their namespace, in everything and without exception."""

import json
from collections.abc import Callable

import pytest

from tests.kit.process import wait_until
from tests.kit.tenants import LockedDown, Tenant, config_map

pytestmark = pytest.mark.cluster

OWNER = "kustomize.toolkit.fluxcd.io"
OWN_WRITES = frozenset(
    {
        *(f"kustomizations{part}" for part in ("", "/status")),
        *(f"gitrepositories{part}" for part in ("", "/status")),
        "events",
    }
)
"""What the controller writes as itself in namespaces of tenants: the resources that it works on, and news of them."""
OWN_LOOKS = frozenset({"kustomizations", "gitrepositories", "serviceaccounts"})


def foreign_map(owner: Tenant, claimed_by: Tenant) -> str:
    """Make a ConfigMap of one tenant that says it is delivered by the other one; returns its path."""
    labels = {f"{OWNER}/name": "app", f"{OWNER}/namespace": claimed_by.namespace}
    folder = f"/api/v1/namespaces/{owner.namespace}/configmaps"
    owner.plane.api.text("POST", folder, {"metadata": {"name": "precious", "labels": labels}})
    return f"{folder}/precious"


def entry_of(path: str) -> dict[str, str]:
    namespace, name = path.split("/")[4], path.rsplit("/", 1)[1]
    return {"id": f"{namespace}_{name}__ConfigMap", "v": "v1"}


def test_who_names_no_account_acts_as_the_default_one(tenant: Tenant) -> None:
    tenant.deliver_files({"one.yaml": config_map("one")}, account=None)
    told = tenant.wait_failed("kustomization", "app", containing="forbidden")
    assert tenant.user("default") in told
    assert tenant.config_map("one") is None


@pytest.mark.parametrize("account", ["kube-system:default", "../kube-system/default", "a:b", "x/y", "default "])
def test_a_name_that_reads_as_somebody_else_is_refused(tenant: Tenant, account: str) -> None:
    tenant.deliver_files({"one.yaml": config_map("one")}, account=account)
    tenant.wait_failed("kustomization", "app", containing="is no name of a service account")
    assert tenant.config_map("one") is None


def test_an_account_of_another_namespace_is_looked_for_in_the_own_one(
    new_tenant: Callable[[], Tenant],
) -> None:
    tenant, other = new_tenant(), new_tenant()
    other.give_account("strong", ({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},))
    foreign = config_map("one", metadata={"namespace": other.namespace})
    tenant.deliver_files({"one.yaml": foreign}, account="strong", targetNamespace=None)
    told = tenant.wait_failed("kustomization", "app", containing="forbidden")
    assert tenant.user("strong") in told
    assert other.config_map("one") is None


@pytest.mark.parametrize(
    "wanted",
    [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "taken-over"}},
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "taken-over"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        },
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "taken-over", "namespace": "kube-system"}},
    ],
    ids=lambda wanted: wanted["kind"],
)
def test_what_the_account_may_not_apply_is_refused_in_its_name(tenant: Tenant, wanted: dict[str, object]) -> None:
    tenant.deliver_files({"wanted.yaml": json.dumps(wanted)}, targetNamespace=None)
    told = tenant.wait_failed("kustomization", "app", containing=tenant.user())
    assert "Forbidden" in told or "forbidden" in told


def test_the_controller_itself_touches_nothing_that_is_delivered(locked_down: LockedDown, tenant: Tenant) -> None:
    tenant.deliver_files(
        {"one.yaml": config_map("one"), "two.yaml": config_map("two")}, wait=True, healthChecks=[_check("one")]
    )
    tenant.wait_ready("kustomization", "app")
    tenant.repository.remove("app/two.yaml")
    tenant.deliver()
    tenant.wait_ready("kustomization", "app")
    assert tenant.config_map("two") is None
    tenant.plane.kubectl("annotate", "configmap", "one", "by=hand", "--overwrite", namespace=tenant.namespace)
    tenant.plane.kubectl("delete", "configmap", "one", namespace=tenant.namespace)
    wait_until(lambda: tenant.config_map("one") is not None, "it is made again")
    tenant.delete("kustomization", "app")
    tenant.wait_gone(tenant.path("kustomization", "app"))
    assert tenant.config_map("one") is None
    asked = set(locked_down.requests(tenant.namespace))
    assert {acting for acting, *_ in asked} == {"", tenant.user()}
    own = {(verb, resource) for acting, verb, resource, _ in asked if not acting}
    assert {resource for verb, resource in own if verb not in ("get", "list", "watch")} <= OWN_WRITES
    assert {resource for verb, resource in own if verb in ("get", "list", "watch")} <= OWN_LOOKS
    assert (tenant.user(), "delete", "configmaps", "two") in asked
    assert (tenant.user(), "delete", "configmaps", "one") in asked


def test_labels_and_an_edited_inventory_prune_nothing_of_others(
    locked_down: LockedDown, new_tenant: Callable[[], Tenant]
) -> None:
    tenant, other = new_tenant(), new_tenant()
    precious = foreign_map(other, tenant)
    tenant.deliver_files({"one.yaml": config_map("one"), "two.yaml": config_map("two")})
    tenant.wait_ready("kustomization", "app")
    entries = tenant.get("kustomization", "app")["status"]["inventory"]["entries"]
    tenant.write_status("kustomization", "app", {"inventory": {"entries": [*entries, entry_of(precious)]}})
    tenant.repository.remove("app/two.yaml")
    tenant.deliver()
    told = tenant.wait_failed("kustomization", "app", containing="forbidden")
    assert tenant.user() in told
    assert other.find(precious) is not None
    assert {acting for acting, *_ in locked_down.requests(other.namespace)} <= {tenant.user()}


def test_a_deletion_with_an_edited_inventory_takes_nothing_of_others(
    locked_down: LockedDown, new_tenant: Callable[[], Tenant]
) -> None:
    tenant, other = new_tenant(), new_tenant()
    precious = foreign_map(other, tenant)
    tenant.deliver_files({"one.yaml": config_map("one")})
    tenant.wait_ready("kustomization", "app")
    tenant.patch("kustomization", "app", {"spec": {"suspend": True}})
    tenant.write_status("kustomization", "app", {"inventory": {"entries": [entry_of(precious)]}})
    tenant.patch("kustomization", "app", {"spec": {"suspend": False, "deletionPolicy": "Delete"}})
    tenant.write_status("kustomization", "app", {"inventory": {"entries": [entry_of(precious)]}})
    tenant.delete("kustomization", "app")
    wait_until(
        lambda: (
            tenant.find(tenant.path("kustomization", "app")) is None
            or any("forbidden" in one["message"] for one in _events(tenant))
        ),
        "the deletion is refused or over",
    )
    assert other.find(precious) is not None
    assert {acting for acting, *_ in locked_down.requests(other.namespace)} <= {tenant.user()}


def test_without_its_account_a_deletion_leaves_the_objects_and_ends(tenant: Tenant) -> None:
    tenant.deliver_files({"one.yaml": config_map("one")})
    tenant.wait_ready("kustomization", "app")
    tenant.plane.api.text("DELETE", f"/api/v1/namespaces/{tenant.namespace}/serviceaccounts/deployer")
    tenant.delete("kustomization", "app")
    tenant.wait_gone(tenant.path("kustomization", "app"))
    assert tenant.config_map("one") is not None
    wait_until(lambda: any("unable to prune objects" in one["message"] for one in _events(tenant)), "the event says so")


def test_another_account_proves_again_what_the_first_one_applied(tenant: Tenant) -> None:
    tenant.deliver_files({"one.yaml": config_map("one")})
    tenant.wait_ready("kustomization", "app")
    tenant.give_account("weak")
    tenant.patch("kustomization", "app", {"spec": {"serviceAccountName": "weak"}})
    assert tenant.user("weak") in tenant.wait_failed("kustomization", "app", containing="forbidden")


def test_rights_that_were_taken_away_end_a_delivery(tenant: Tenant) -> None:
    tenant.deliver_files({"one.yaml": config_map("one")})
    tenant.wait_ready("kustomization", "app")
    bindings = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{tenant.namespace}/rolebindings"
    tenant.plane.api.text("DELETE", f"{bindings}/deployer")
    tenant.repository.write("app/one.yaml", config_map("one", data={"changed": "yes"}))
    tenant.deliver()
    assert tenant.user() in tenant.wait_failed("kustomization", "app", containing="forbidden")
    found = tenant.config_map("one")
    assert found is not None
    assert "data" not in found


def _check(name: str) -> dict[str, str]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "name": name}


def _events(tenant: Tenant) -> list[dict[str, str]]:
    items: list[dict[str, str]] = tenant.plane.api.json("GET", f"/api/v1/namespaces/{tenant.namespace}/events")["items"]
    return items
