"""The installed base, asked of a real API server: what its accounts may do, and what they are refused."""

from collections.abc import Callable
from subprocess import CompletedProcess
from typing import Any

import pytest

from engine.kube.yaml import Dialect, read_all
from tests.kit.apicalls import ApiCalls, Refused
from tests.kit.controlplane import ControlPlane
from tests.kit.tree import ROOT

pytestmark = pytest.mark.cluster

BASE = ROOT / "deploy" / "manifests"
HOME = "kube-system"
CONTROLLER = "sealed-secrets-controller"
REVIEWS = "/apis/authorization.k8s.io/v1"

Rule = tuple[str, str, str, str]
"""Verb, API group, resource, name (empty: any)."""


def _rules(verbs: str, group: str, resource: str, *names: str) -> set[Rule]:
    return {(verb, group, resource, name) for verb in verbs.split() for name in names or ("",)}


# What the API server lets everyone do who is logged in: ask about themselves.
EVERYONE = (
    _rules("create", "authorization.k8s.io", "selfsubjectaccessreviews")
    | _rules("create", "authorization.k8s.io", "selfsubjectrulesreviews")
    | _rules("create", "authentication.k8s.io", "selfsubjectreviews")
)
EVERYWHERE = (
    _rules("get list watch", "bitnami.com", "sealedsecrets")
    | _rules("update", "bitnami.com", "sealedsecrets/status")
    | _rules("get list watch create update", "", "secrets")
    | _rules("get", "", "namespaces")
    | _rules("create patch", "", "events")
)
PUBLISHED = f"{CONTROLLER}-certificate"
AT_HOME = (
    _rules("create", "coordination.k8s.io", "leases")
    | _rules("get update", "coordination.k8s.io", "leases", CONTROLLER)
    | _rules("create", "", "configmaps")
    | _rules("get update", "", "configmaps", PUBLISHED)
)
PROXY = _rules("get", "", "services", CONTROLLER) | _rules(
    "get create", "", "services/proxy", f"http:{CONTROLLER}:", f"http:{CONTROLLER}:http", CONTROLLER
)
CERTIFICATE = _rules("get", "", "configmaps", PUBLISHED)


@pytest.fixture(scope="module")
def installed(control_plane: ControlPlane) -> ControlPlane:
    control_plane.kubectl("apply", "-k", str(BASE))
    return control_plane


def _log_in(plane: ControlPlane, namespace: str, name: str) -> ApiCalls:
    return ApiCalls(plane.server, plane.ca, plane.account(namespace, name).token)


def _allowed(api: ApiCalls, namespace: str) -> set[Rule]:
    """All that the caller may do in the namespace, as the API server itself lists it."""
    review = api.json("POST", f"{REVIEWS}/selfsubjectrulesreviews", {"spec": {"namespace": namespace}})
    assert not review["status"]["incomplete"]
    return {
        (verb, group, resource, name)
        for rule in review["status"]["resourceRules"]
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for name in rule.get("resourceNames") or [""]
    }


def test_the_controllers_rights_in_any_namespace_are_these_and_no_others(
    installed: ControlPlane, namespace: str
) -> None:
    assert _allowed(_log_in(installed, HOME, CONTROLLER), namespace) == EVERYONE | EVERYWHERE


def test_its_own_namespace_gives_the_controller_lease_and_certificate_and_nothing_more(installed: ControlPlane) -> None:
    assert _allowed(_log_in(installed, HOME, CONTROLLER), HOME) == EVERYONE | EVERYWHERE | AT_HOME | PROXY | CERTIFICATE


def test_the_keys_stay_within_reach_of_a_controller_for_single_namespaces(installed: ControlPlane) -> None:
    """Where the ClusterRole is not bound, the Role alone gives what the keys need."""
    role = installed.api.json(
        "GET", f"/apis/rbac.authorization.k8s.io/v1/namespaces/{HOME}/roles/sealed-secrets-key-admin"
    )
    assert {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list", "watch", "create"]} in role["rules"]


def test_anyone_who_is_logged_in_reaches_service_and_certificate_and_nothing_else_there(
    installed: ControlPlane, namespace: str
) -> None:
    visitor = _log_in(installed, namespace, "visitor")
    assert _allowed(visitor, HOME) == EVERYONE | PROXY | CERTIFICATE
    assert _allowed(visitor, namespace) == EVERYONE


@pytest.mark.parametrize(
    ("verb", "group", "resource"),
    [
        ("patch", "", "secrets"),
        ("delete", "", "secrets"),
        ("deletecollection", "", "secrets"),
        ("update", "bitnami.com", "sealedsecrets"),
        ("patch", "bitnami.com", "sealedsecrets"),
        ("delete", "bitnami.com", "sealedsecrets"),
        ("patch", "bitnami.com", "sealedsecrets/status"),
        ("get", "", "pods"),
        ("create", "", "pods"),
        ("create", "", "pods/exec"),
        ("get", "", "configmaps"),
        ("list", "", "namespaces"),
        ("get", "", "nodes"),
        ("create", "", "serviceaccounts/token"),
        ("impersonate", "", "users"),
        ("list", "", "events"),
        ("get", "apps", "deployments"),
        ("list", "apiextensions.k8s.io", "customresourcedefinitions"),
        ("escalate", "rbac.authorization.k8s.io", "roles"),
        ("bind", "rbac.authorization.k8s.io", "clusterroles"),
    ],
)
def test_the_controller_is_refused(
    installed: ControlPlane, namespace: str, verb: str, group: str, resource: str
) -> None:
    plural, _, part = resource.partition("/")
    asked = {"verb": verb, "group": group, "resource": plural, "subresource": part, "namespace": namespace}
    controller = _log_in(installed, HOME, CONTROLLER)
    review = controller.json("POST", f"{REVIEWS}/selfsubjectaccessreviews", {"spec": {"resourceAttributes": asked}})
    assert review["status"]["allowed"] is False


def test_a_deletion_that_is_refused_leaves_the_secret(installed: ControlPlane, namespace: str) -> None:
    secrets = f"/api/v1/namespaces/{namespace}/secrets"
    installed.api.text("POST", secrets, {"metadata": {"name": "other"}})
    with pytest.raises(Refused, match="403"):
        _log_in(installed, HOME, CONTROLLER).text("DELETE", f"{secrets}/other")
    assert installed.api.answers(f"{secrets}/other")


def test_the_pod_meets_the_strictest_security_standard(
    installed: ControlPlane, namespace: str, kubectl: Callable[..., CompletedProcess[str]]
) -> None:
    kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted")
    (deployment,) = read_all((BASE / "deployment.yaml").read_bytes(), dialect=Dialect.V3, source="deployment.yaml")
    pod: dict[str, Any] = {"metadata": {"name": "tried"}, "spec": deployment["spec"]["template"]["spec"]}
    pods = f"/api/v1/namespaces/{namespace}/pods?dryRun=All"
    assert installed.api.json("POST", pods, pod)["spec"]["containers"]
    del pod["spec"]["containers"][0]["securityContext"]
    with pytest.raises(Refused, match='violates PodSecurity \\\\"restricted'):
        installed.api.json("POST", pods, pod)


def test_applying_it_again_changes_nothing(
    installed: ControlPlane, kubectl: Callable[..., CompletedProcess[str]]
) -> None:
    again = kubectl("apply", "-k", str(BASE)).stdout.splitlines()
    assert again
    assert [line for line in again if not line.endswith(" unchanged")] == []


def test_another_namespace_is_one_line_in_an_overlay(
    installed: ControlPlane, namespace: str, kubectl: Callable[..., CompletedProcess[str]]
) -> None:
    overlay = installed.nest.folder / namespace
    overlay.mkdir()
    relative = "../" * len(overlay.parts[1:]) + str(BASE).lstrip("/")
    overlay.joinpath("kustomization.yaml").write_text(f"namespace: {namespace}\nresources: [{relative}]\n")
    rendered = kubectl("kustomize", str(overlay)).stdout
    objects = read_all(rendered.encode(), dialect=Dialect.V3, source="overlay")
    namespaces = {found["metadata"].get("namespace", namespace) for found in objects}
    subjects = {subject.get("namespace", namespace) for found in objects for subject in found.get("subjects", [])}
    assert namespaces | subjects == {namespace}
