"""The installed controller of deliveries for tenants: it has no right of its own to what they deliver."""

import json
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from tests.kit import real
from tests.kit.apicalls import ApiCalls
from tests.kit.deliveries import git_repository, kustomization
from tests.kit.deliverypod import HOME, NAME, Installation, installed, rendered
from tests.kit.errors import Unavailable
from tests.kit.fluxground import FluxGround
from tests.kit.process import wait_until
from tests.kit.workcopy import WorkCopy

pytestmark = [pytest.mark.cluster, pytest.mark.netns]

REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
USER = f"system:serviceaccount:{HOME}:{NAME}"


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    try:
        with installed(tmp_path_factory.mktemp("git"), "tenants") as found:
            yield found
    except Unavailable as error:
        real.do_without(error)


@pytest.fixture(autouse=True)
def shown_log(installation: Installation) -> Iterator[None]:
    """What the controller said, for whoever reads the report of a failed test."""
    yield
    print(installation.pod.process.log_tail())


class Tenant(FluxGround):
    """A namespace with an account `deployer`, which may have ConfigMaps there."""

    def __init__(self, installation: Installation, folder: Path) -> None:
        namespace = installation.plane.create_namespace("tenant")
        super().__init__(installation.plane, WorkCopy(installation.git, folder / namespace, namespace), namespace)
        self.plane.kubectl("create", "serviceaccount", "deployer", namespace=namespace)
        verbs = "--verb=get,list,watch,create,patch,delete"
        self.plane.kubectl("create", "role", "deployer", verbs, "--resource=configmaps", namespace=namespace)
        self.bind("deployer", "--role=deployer", f"--serviceaccount={namespace}:deployer")

    def let_in(self) -> None:
        """What deploy/components/tenants tells an administrator to type."""
        self.bind(f"{NAME}-tenant", "--clusterrole=kseal-tenant", f"--serviceaccount={HOME}:{NAME}")

    def bind(self, name: str, *words: str) -> None:
        self.plane.kubectl("create", "rolebinding", name, *words, namespace=self.namespace)

    def order(self, files: dict[str, dict[str, Any]], **spec: Any) -> None:
        """Have these files delivered, by `deployer` unless said otherwise."""
        self.repository.write_all({f"apps/{name}": json.dumps(raw) for name, raw in files.items()})
        self.repository.push()
        named = {"serviceAccountName": "deployer", **spec}
        wanted = {field: value for field, value in named.items() if value is not None}
        self.apply(
            git_repository(self.repository, self.namespace), kustomization("apps", self.namespace, "./apps", **wanted)
        )

    def has(self, name: str) -> bool:
        """Whether a ConfigMap is there."""
        return self.find(f"/api/v1/namespaces/{self.namespace}/configmaps/{name}") is not None


@pytest.fixture
def tenant(installation: Installation, tmp_path: Path) -> Tenant:
    tenant = Tenant(installation, tmp_path)
    tenant.let_in()
    return tenant


@pytest.fixture
def stranger(installation: Installation, tmp_path: Path) -> Tenant:
    """Another one, whom nobody has let in."""
    return Tenant(installation, tmp_path)


def _config(name: str, namespace: str | None = None) -> dict[str, Any]:
    metadata = {"name": name} if namespace is None else {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"level": "info"}}


def test_a_tenant_delivers_into_its_namespace_and_an_edit_is_undone_at_once(tenant: Tenant) -> None:
    tenant.order({"web.yaml": _config("web")}, targetNamespace=tenant.namespace)
    tenant.wait_ready("kustomization", "apps")
    path = f"/api/v1/namespaces/{tenant.namespace}/configmaps/web"
    edit = {"data": {"level": "edited"}}
    tenant.plane.api.text("PATCH", path, edit, content_type="application/merge-patch+json")
    wait_until(lambda: tenant.plane.api.json("GET", path)["data"]["level"] == "info", "the edit is undone")


def test_a_tenant_delivers_nothing_into_another_namespace(tenant: Tenant, stranger: Tenant) -> None:
    tenant.order({"web.yaml": _config("web", stranger.namespace)})
    assert "forbidden" in tenant.wait_failed("kustomization", "apps").lower()
    assert not stranger.has("web")


def test_a_tenant_gives_itself_no_rights_in_the_cluster(tenant: Tenant) -> None:
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": tenant.namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": "deployer", "namespace": tenant.namespace}],
    }
    tenant.order({"binding.yaml": binding})
    assert "forbidden" in tenant.wait_failed("kustomization", "apps").lower()
    assert tenant.find(f"/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/{tenant.namespace}") is None


def test_who_names_no_account_acts_as_the_one_without_rights(tenant: Tenant) -> None:
    tenant.plane.api.ensure(f"/api/v1/namespaces/{tenant.namespace}/serviceaccounts", {"metadata": {"name": "default"}})
    tenant.order({"web.yaml": _config("web", tenant.namespace)}, serviceAccountName=None)
    assert f"{tenant.namespace}:default" in tenant.wait_failed("kustomization", "apps", containing="forbidden")
    assert not tenant.has("web")


def test_a_namespace_that_nobody_let_it_into_gets_nothing(stranger: Tenant) -> None:
    stranger.order({"web.yaml": _config("web", stranger.namespace)})
    stranger.wait_failed("kustomization", "apps", containing="forbidden")
    assert not stranger.has("web")


def test_a_tenant_takes_no_source_of_another_namespace(
    tenant: Tenant, installation: Installation, tmp_path: Path
) -> None:
    other = Tenant(installation, tmp_path / "other")
    other.let_in()
    other.order({"web.yaml": _config("web", other.namespace)})
    other.wait_ready("kustomization", "apps")
    reference = {"kind": "GitRepository", "name": "fleet", "namespace": other.namespace}
    tenant.order({"web.yaml": _config("web", tenant.namespace)}, sourceRef=reference)
    tenant.wait_failed("kustomization", "apps", containing="cross-namespace")
    assert not tenant.has("web")


@pytest.mark.parametrize(
    ("verb", "group", "resource"),
    [
        ("get", "", "secrets"),
        ("list", "", "secrets"),
        ("watch", "", "secrets"),
        ("get", "", "configmaps"),
        ("create", "", "configmaps"),
        ("patch", "apps", "deployments"),
        ("create", "", "pods"),
        ("create", "", "pods/exec"),
        ("create", "", "serviceaccounts/token"),
        ("impersonate", "", "serviceaccounts"),
        ("impersonate", "", "users"),
        ("impersonate", "", "groups"),
        ("update", "coordination.k8s.io", "leases"),
        ("create", "kustomize.toolkit.fluxcd.io", "kustomizations"),
        ("delete", "kustomize.toolkit.fluxcd.io", "kustomizations"),
        ("create", "rbac.authorization.k8s.io", "rolebindings"),
        ("bind", "rbac.authorization.k8s.io", "clusterroles"),
        ("escalate", "rbac.authorization.k8s.io", "roles"),
    ],
)
def test_without_being_let_in_the_controller_itself_is_refused(
    installation: Installation, verb: str, group: str, resource: str
) -> None:
    """As in any namespace: roles alone are asked, so it need not be there."""
    plane = installation.plane
    plural, _, part = resource.partition("/")
    asked = {"verb": verb, "group": group, "resource": plural, "subresource": part, "namespace": "any"}
    controller = ApiCalls(plane.server, plane.ca, plane.account(HOME, NAME).token)
    review = controller.json("POST", REVIEWS, {"spec": {"resourceAttributes": asked}})
    assert review["status"]["allowed"] is False


def test_whoever_edits_a_namespace_may_order_deliveries_and_whoever_views_it_may_look(
    installation: Installation,
) -> None:
    roles = {
        found["metadata"]["name"]: found
        for found in rendered(installation.plane, ["tenants"])
        if found["kind"] == "ClusterRole"
    }
    assert {*roles} == {NAME, "kseal-tenant", f"{NAME}-edit", f"{NAME}-view"}
    viewed = {verb for rule in roles[f"{NAME}-view"]["rules"] for verb in rule["verbs"]}
    assert viewed == {"get", "list", "watch"}
    assert "rbac.authorization.k8s.io/aggregate-to-view" not in roles[f"{NAME}-edit"]["metadata"]["labels"]
    assert not [
        rule for role in roles.values() for rule in role["rules"] if "*" in (*rule["verbs"], *rule["resources"])
    ]


def test_as_itself_it_asks_for_nothing_that_its_roles_do_not_give(tenant: Tenant) -> None:
    """After a delivery whose kinds it may watch."""
    before = len(_refused(tenant))
    tenant.order({"web.yaml": _config("web")}, targetNamespace=tenant.namespace)
    tenant.wait_ready("kustomization", "apps")
    assert _refused(tenant)[before:] == []


def _refused(tenant: Tenant) -> list[dict[str, Any]]:
    events = tenant.plane.audit_events(user=USER)
    return [event for event in events if event["responseStatus"]["code"] == HTTPStatus.FORBIDDEN]
