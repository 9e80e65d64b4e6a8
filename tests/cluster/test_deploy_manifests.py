"""The kustomize base as text: the names that command lines rely on, and the restrictions of the Deployment."""

import json
import subprocess
import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from engine.kube.yaml import Dialect, read_all
from tests.kit import real
from tests.kit.tree import ROOT

BASE = ROOT / "deploy" / "manifests"
NAME = "sealed-secrets-controller"


def _read(path: Path) -> list[Any]:
    return read_all(path.read_bytes(), dialect=Dialect.V3, source=str(path))


OBJECTS = {
    (found["kind"], found["metadata"]["name"]): found
    for path in sorted(BASE.glob("*.yaml"))
    for found in _read(path)
    if "metadata" in found
}
DEPLOYMENT = OBJECTS["Deployment", NAME]
POD = DEPLOYMENT["spec"]["template"]["spec"]
(CONTAINER,) = POD["containers"]


def test_the_base_has_the_objects_of_the_original_and_who_may_read_the_certificate() -> None:
    assert {*OBJECTS} == {
        ("ServiceAccount", NAME),
        ("Deployment", NAME),
        ("Service", NAME),
        ("Service", f"{NAME}-metrics"),
        ("ClusterRole", "secrets-unsealer"),
        ("ClusterRoleBinding", NAME),
        ("Role", "sealed-secrets-key-admin"),
        ("RoleBinding", NAME),
        ("Role", "sealed-secrets-service-proxier"),
        ("RoleBinding", "sealed-secrets-service-proxier"),
        ("Role", "sealed-secrets-certificate-reader"),
        ("RoleBinding", "sealed-secrets-certificate-reader"),
    }


def test_the_kustomization_lists_every_file() -> None:
    (kustomization,) = _read(BASE / "kustomization.yaml")
    files = {path.name for path in BASE.glob("*.yaml")} - {"kustomization.yaml"}
    assert {*kustomization["resources"]} == {"../crds", *files}


def test_all_namespaced_objects_are_in_the_namespace_where_clients_look() -> None:
    namespaces = {found["metadata"].get("namespace") for (kind, _), found in OBJECTS.items() if "Cluster" not in kind}
    assert namespaces == {"kube-system"}


def test_the_service_of_the_certificate_has_one_port_without_a_name() -> None:
    assert OBJECTS["Service", NAME]["spec"]["ports"] == [{"port": 8080, "targetPort": 8080}]
    assert OBJECTS["Service", f"{NAME}-metrics"]["spec"]["ports"] == [{"port": 8081, "targetPort": 8081}]


def test_services_and_deployment_select_the_pods_that_the_deployment_makes() -> None:
    labels = DEPLOYMENT["spec"]["template"]["metadata"]["labels"]
    selectors = [found["spec"]["selector"] for (kind, _), found in OBJECTS.items() if kind == "Service"]
    assert [*selectors, DEPLOYMENT["spec"]["selector"]["matchLabels"]] == [labels] * 3
    assert labels == {"name": NAME}


def test_the_container_runs_the_controller_and_knows_its_pod() -> None:
    assert CONTAINER["name"] == NAME
    assert CONTAINER["command"] == ["kseal", "controller"]
    assert CONTAINER["args"] == ["--components=sealed"]
    assert CONTAINER["env"] == [
        {"name": "POD_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
        {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
    ]


def test_ports_are_named_and_probes_ask_the_one_that_is_called_http() -> None:
    assert [(port["name"], port["containerPort"]) for port in CONTAINER["ports"]] == [("http", 8080), ("metrics", 8081)]
    assert CONTAINER["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "http"}
    assert CONTAINER["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "http"}


def test_the_process_has_no_rights_on_its_node() -> None:
    assert POD["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 1001,
        "runAsGroup": 1001,
        "fsGroup": 65534,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert CONTAINER["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not {"hostNetwork", "hostPID", "hostIPC"} & POD.keys()


def test_nothing_that_is_written_reaches_a_disk() -> None:
    assert [volume["emptyDir"]["medium"] for volume in POD["volumes"]] == ["Memory"]


def test_one_controller_at_a_time() -> None:
    assert DEPLOYMENT["spec"]["replicas"] == 1
    assert DEPLOYMENT["spec"]["strategy"] == {"type": "Recreate"}


def test_the_image_is_a_local_one_of_this_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert CONTAINER["image"] == f"localhost/kseal:{project['version']}"


@pytest.mark.parametrize("kind", ["Role", "ClusterRole"])
def test_no_rule_says_everything(kind: str) -> None:
    rules = [rule for (found, _), role in OBJECTS.items() if found == kind for rule in role["rules"]]
    assert rules
    assert not [rule for rule in rules if "*" in (*rule["apiGroups"], *rule["resources"], *rule["verbs"])]


def _with_component(name: str) -> dict[tuple[str, str], Any]:
    """The base with a component, as kustomize makes it."""
    with TemporaryDirectory(dir=BASE.parent) as folder:  # kustomize reads nothing outside of a common root
        overlay = {"resources": ["../manifests"], "components": [f"../components/{name}"]}
        (Path(folder) / "kustomization.yaml").write_text(json.dumps(overlay))
        kubectl = [str(real.require("kubectl")), "kustomize", folder]
        rendered = subprocess.run(kubectl, capture_output=True, check=True).stdout
    objects = read_all(rendered, dialect=Dialect.V3, source=name)
    return {(found["kind"], found["metadata"]["name"]): found for found in objects}


def test_high_availability_is_two_replicas_on_two_nodes_of_which_one_always_stays() -> None:
    objects = _with_component("high-availability")
    spec = objects["Deployment", NAME]["spec"]
    assert spec["replicas"] == 2
    assert spec["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
    (spread,) = spec["template"]["spec"]["topologySpreadConstraints"]
    assert spread["labelSelector"] == spec["selector"]
    budget = objects["PodDisruptionBudget", NAME]
    assert budget["spec"] == {"minAvailable": 1, "selector": spec["selector"]}
    assert budget["metadata"]["namespace"] == "kube-system"


def test_the_right_to_delete_secrets_comes_only_with_its_component() -> None:
    def verbs(objects: dict[tuple[str, str], Any]) -> set[str]:
        rules = objects["ClusterRole", "secrets-unsealer"]["rules"]
        return {verb for rule in rules if rule["resources"] == ["secrets"] for verb in rule["verbs"]}

    assert "delete" not in verbs(OBJECTS)
    objects = _with_component("old-gc-behavior")
    assert verbs(objects) - verbs(OBJECTS) == {"delete"}
    (container,) = objects["Deployment", NAME]["spec"]["template"]["spec"]["containers"]
    assert container["command"] == ["kseal", "controller"]
    assert container["args"] == ["--components=sealed", "--old-gc-behavior"]
