"""The Helm chart as text: the values of the original's users, the base's rights, and nothing that a linter finds.

Source: sealed-secrets.md section 8.
"""

import json
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import pytest

from controller.main import settings
from controller.options import OPTIONS
from engine.kube.yaml import Dialect, read_all
from tests.kit import real, wrappedkeys
from tests.kit.tree import ROOT

CHART = ROOT / "deploy" / "helm" / "kseal"
BASE = ROOT / "deploy" / "manifests"
NAME, HOME = "sealed-secrets-controller", "kube-system"

FLUX_DEFINITIONS = sorted((ROOT / "deploy" / "crds" / "flux").glob("*.toolkit.fluxcd.io_*.yaml"))

Objects = dict[tuple[str, str], Any]


def _helm(*arguments: str, values: Any = None) -> subprocess.CompletedProcess[bytes]:
    command = [str(real.require("helm")), *arguments, str(CHART), "--values", "-"]
    return subprocess.run(command, input=json.dumps(values or {}).encode(), capture_output=True, check=False)


def _render(values: Any = None, *, release: str = "kseal") -> Objects:
    done = _helm("template", "--namespace", HOME, release, values=values)
    assert done.returncode == 0, done.stderr.decode()
    objects = read_all(done.stdout, dialect=Dialect.V3, source="helm")
    found = {(one["kind"], one["metadata"]["name"]): one for one in objects}
    assert len(found) == len(objects)
    return found


def _deployment(values: Any = None) -> Any:
    (found,) = [one for (kind, _), one in _render(values).items() if kind == "Deployment"]
    return found


def _container(values: Any = None) -> Any:
    (container,) = _deployment(values)["spec"]["template"]["spec"]["containers"]
    return container


def _base() -> Objects:
    found = [
        one
        for path in sorted(BASE.glob("*.yaml"))
        for one in read_all(path.read_bytes(), dialect=Dialect.V3, source=path.name)
    ]
    return {(one["kind"], one["metadata"]["name"]): one for one in found if "metadata" in one}


EVERYTHING: dict[str, Any] = {
    "fullnameOverride": NAME,
    "commonLabels": {"team": "platform"},
    "commonAnnotations": {"note": "of all"},
    "replicaCount": 2,
    "image": {"digest": "sha256:" + "0" * 64, "pullSecrets": ["pull"]},
    "ingress": {
        "enabled": True,
        "ingressClassName": "front",
        "tls": True,
        "extraHosts": [{"name": "other.local"}],
        "annotations": {"note": "of the ingress"},
    },
    "networkPolicy": {"enabled": True, "egress": {"enabled": True, "kubeapiCidr": "192.0.2.1/32", "kubeapiPort": 6443}},
    "metrics": {
        "serviceMonitor": {"enabled": True, "interval": "30s"},
        "prometheusRule": {"enabled": True},
        "dashboards": {"create": True, "labels": {"grafana_dashboard": "1"}},
    },
    "pdb": {"create": True},
    "startupProbe": {"enabled": True},
    "hostUsers": False,
    "hostPorts": {"http": 8080},
    "extraDeploy": [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "an-object"}},
        'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: "{{ .Release.Name }}-as-text"}\n',
    ],
}


DELIVERIES: dict[str, Any] = {"deliveries": {"enabled": True}}
TENANTS: dict[str, Any] = {"deliveries": {"enabled": True, "tenants": {"enabled": True, "namespaces": ["shop"]}}}


@pytest.mark.parametrize(
    "values",
    [{}, EVERYTHING, {"createController": False}, DELIVERIES, TENANTS],
    ids=["defaults", "all", "no pod", "deliveries", "tenants"],
)
def test_the_linter_finds_nothing(values: Any) -> None:
    done = _helm("lint", "--strict", values=values)
    assert done.returncode == 0, done.stdout.decode()


def test_the_generated_files_are_those_of_the_tree() -> None:
    for copy, source in (
        ("crds/bitnami.com_sealedsecrets.yaml", "crds/bitnami.com_sealedsecrets.yaml"),
        ("files/alerts.yaml", "alerts/kseal.yaml"),
        ("files/dashboard.json", "dashboards/kseal.json"),
        *((f"files/flux/{path.name}", f"crds/flux/{path.name}") for path in FLUX_DEFINITIONS),
    ):
        assert (CHART / copy).read_bytes() == (ROOT / "deploy" / source).read_bytes(), f"copy deploy/{source} there"


def test_the_chart_has_the_version_of_the_project() -> None:
    (chart,) = read_all((CHART / "Chart.yaml").read_bytes(), dialect=Dialect.V3, source="Chart.yaml")
    image = _base()["Deployment", NAME]["spec"]["template"]["spec"]["containers"][0]["image"]
    assert _container()["image"] == image
    assert image.endswith(f":{chart['appVersion']}")


def _rules(objects: Objects, kind: str, name: str) -> list[Any]:
    rules: list[Any] = objects[kind, name]["rules"]
    return rules


def test_the_rights_are_the_bases() -> None:
    """But for the look at namespaces, which only additional ones need, and then by name."""
    ours, base = _render({"fullnameOverride": NAME}), _base()
    namespaces = {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"]}
    everywhere = [rule for rule in _rules(base, "ClusterRole", "secrets-unsealer") if rule != namespaces]
    assert _rules(ours, "ClusterRole", "secrets-unsealer") == everywhere
    keys = _rules(base, "Role", "sealed-secrets-key-admin")
    assert _rules(ours, "Role", f"{NAME}-key-admin") == keys
    proxy = _rules(base, "Role", "sealed-secrets-service-proxier")
    assert _rules(ours, "Role", f"{NAME}-service-proxier") == proxy
    subjects = base["RoleBinding", "sealed-secrets-service-proxier"]["subjects"]
    assert ours["RoleBinding", f"{NAME}-service-proxier"]["subjects"] == subjects
    certificate = _rules(base, "Role", "sealed-secrets-certificate-reader")
    assert _rules(ours, "Role", f"{NAME}-certificate-reader") == certificate
    readers = base["RoleBinding", "sealed-secrets-certificate-reader"]["subjects"]
    assert ours["RoleBinding", f"{NAME}-certificate-reader"]["subjects"] == readers
    some = _render({"additionalNamespaces": ["shop"]})
    assert {**namespaces, "resourceNames": ["shop"]} in _rules(some, "ClusterRole", "secrets-unsealer")


def test_namespaced_roles_stand_in_for_the_cluster_role() -> None:
    values = {"rbac": {"clusterRole": False, "namespacedRoles": True}, "additionalNamespaces": ["shop", "blog"]}
    done = _helm("template", "--namespace", HOME, "kseal", values=values)
    objects = read_all(done.stdout, dialect=Dialect.V3, source="helm")
    roles = [one for one in objects if one["metadata"]["name"] == "secrets-unsealer"]
    assert {(one["kind"], one["metadata"]["namespace"]) for one in roles} == {
        ("Role", "shop"),
        ("Role", "blog"),
        ("Role", HOME),
    }
    assert not [one for one in objects if one["kind"].startswith("ClusterRole")]


def test_the_pod_is_the_bases_but_for_its_name() -> None:
    ours = _deployment()["spec"]["template"]["spec"]
    base = _base()["Deployment", NAME]["spec"]["template"]["spec"]
    (container,), (expected,) = ours["containers"], base["containers"]
    security = {**base["securityContext"], **expected["securityContext"]}
    assert {**ours["securityContext"], **container["securityContext"]} == security
    for field in ("image", "command", "env", "ports", "resources", "volumeMounts"):
        assert container[field] == expected[field], field
    for probe in ("livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"] == expected[probe]["httpGet"]
    assert ours["volumes"] == base["volumes"]


def test_by_default_there_are_the_objects_of_the_base_and_no_others() -> None:
    assert {*_render({"fullnameOverride": NAME})} == {
        ("ServiceAccount", NAME),
        ("Deployment", NAME),
        ("Service", NAME),
        ("Service", f"{NAME}-metrics"),
        ("ClusterRole", "secrets-unsealer"),
        ("ClusterRoleBinding", NAME),
        ("Role", f"{NAME}-key-admin"),
        ("RoleBinding", f"{NAME}-key-admin"),
        ("Role", f"{NAME}-service-proxier"),
        ("RoleBinding", f"{NAME}-service-proxier"),
        ("Role", f"{NAME}-certificate-reader"),
        ("RoleBinding", f"{NAME}-certificate-reader"),
    }


def test_a_release_of_the_other_chart_can_be_taken_over_in_place() -> None:
    """Same names and, since it cannot be changed, same selector."""
    objects = _render({"nameOverride": "sealed-secrets"}, release="secrets")
    deployment = objects["Deployment", "secrets-sealed-secrets"]
    assert deployment["spec"]["selector"]["matchLabels"] == {
        "app.kubernetes.io/name": "sealed-secrets",
        "app.kubernetes.io/instance": "secrets",
    }
    assert objects["Service", "secrets-sealed-secrets"]["spec"]["ports"] == [
        {"name": "http", "port": 8080, "targetPort": "http"}
    ]


VAULT, RECIPIENT = "vault:https://vault/v1/transit/keys/kseal", f"age:{wrappedkeys.RECIPIENT}"
FLAGS = [
    ({"secretName": "keys"}, "--key-prefix=keys"),
    ({"updateStatus": False}, "--update-status=false"),
    ({"skipRecreate": True}, "--skip-recreate=true"),
    ({"keyrenewperiod": "0"}, "--key-renew-period=0"),
    ({"keyrenewperiod": 0}, "--key-renew-period=0"),
    ({"keyttl": "8760h"}, "--key-ttl=8760h"),
    ({"keycutofftime": "Mon, 02 Jan 2006 15:04:05 -0700"}, "--key-cutoff-time=Mon, 02 Jan 2006 15:04:05 -0700"),
    ({"rateLimit": 1000000}, "--rate-limit=1000000"),
    ({"rateLimitBurst": "4"}, "--rate-limit-burst=4"),
    ({"additionalNamespaces": ["shop", "blog"]}, "--additional-namespaces=shop,blog"),
    ({"privateKeyAnnotations": {"a": "1", "b": "x=y"}}, "--privatekey-annotations=a=1,b=x=y"),
    ({"privateKeyLabels": {"team": "platform"}}, "--privatekey-labels=team=platform"),
    ({"wrapKeysWith": [VAULT, RECIPIENT]}, f"--wrap-keys-with={VAULT},{RECIPIENT}"),
    ({"ageIdentitySecret": "age"}, "--age-identity-file=/etc/kseal/age/identity"),
    ({"logLevel": "DEBUG"}, "--log-level=DEBUG"),
    ({"logFormat": "json"}, "--log-format=json"),
    ({"kubeClientQPS": 2.5}, "--kubeclient-qps=2.5"),
    ({"kubeClientBurst": 20}, "--kubeclient-burst=20"),
    ({"containerPorts": {"http": 9090}}, "--listen-addr=:9090"),
    ({"containerPorts": {"metrics": 9091}}, "--listen-metrics-addr=:9091"),
    ({"fullnameOverride": "front"}, "--certificate-config-map=front-certificate"),
    ({"publishCertificate": False}, "--certificate-config-map="),
    ({"extraArgs": ["--first-key=never"]}, "--first-key=never"),
    ({"rbac": {"clusterRole": False}}, "--all-namespaces=false"),
]


@pytest.mark.slow  # as a whole
@pytest.mark.parametrize(("values", "argument"), FLAGS, ids=[argument for _, argument in FLAGS])
def test_a_value_becomes_a_flag_that_the_controller_takes(values: Any, argument: str) -> None:
    arguments = _container(values)["args"]
    assert argument in arguments
    flags = click.Command("controller", params=OPTIONS).make_context("controller", list(arguments)).params
    assert settings(flags, {"POD_NAMESPACE": HOME}).namespace == HOME


def test_without_values_the_controller_gets_its_own_defaults() -> None:
    arguments = list(_container({"fullnameOverride": NAME})["args"])
    given, default = (
        settings(
            click.Command("controller", params=OPTIONS).make_context("controller", words).params, {"POD_NAME": "same"}
        )
        for words in (arguments, ["--components=sealed"])
    )
    assert given == default


def test_the_age_identity_is_mounted_where_the_flag_says_and_credentials_come_as_variables() -> None:
    values = {"ageIdentitySecret": "age", "extraEnv": [{"name": "VAULT_CACERT", "value": "/ca.crt"}]}
    spec = _deployment(values)["spec"]["template"]["spec"]
    (volume,) = [one for one in spec["volumes"] if one["name"] == "age-identity"]
    assert volume["secret"]["secretName"] == "age"
    assert volume["secret"]["items"] == [{"key": "identity", "path": "identity"}]
    assert volume["secret"]["defaultMode"] == 0o440
    mounts = {one["name"]: one for one in _container(values)["volumeMounts"]}
    assert mounts["age-identity"] == {"name": "age-identity", "mountPath": "/etc/kseal/age", "readOnly": True}
    assert {"name": "VAULT_CACERT", "value": "/ca.crt"} in _container(values)["env"]
    assert "age-identity" not in json.dumps(_deployment())


def test_a_certificate_that_is_not_published_needs_no_rights() -> None:
    objects = _render({"fullnameOverride": NAME, "publishCertificate": False})
    assert not [name for _, name in objects if name.endswith("-certificate-reader")]
    resources = [rule["resources"] for rule in _rules(objects, "Role", f"{NAME}-key-admin")]
    assert ["configmaps"] not in resources


def test_command_and_args_replace_what_the_values_make() -> None:
    container = _container({"command": ["other"], "args": ["--key-prefix", "mine"], "secretName": "ignored"})
    assert (container["command"], container["args"]) == (["other"], ["--key-prefix", "mine"])


def test_everything_can_be_switched_on() -> None:
    objects = _render(EVERYTHING)
    extra = {*objects} - {*_render({"fullnameOverride": NAME})}
    assert extra == {
        ("Ingress", NAME),
        ("NetworkPolicy", NAME),
        ("ServiceMonitor", NAME),
        ("PrometheusRule", NAME),
        ("ConfigMap", f"{NAME}-dashboard"),
        ("PodDisruptionBudget", NAME),
        ("ConfigMap", "an-object"),
        ("ConfigMap", "kseal-as-text"),
    }
    for (kind, name), one in objects.items():
        if name not in ("an-object", "kseal-as-text"):
            assert one["metadata"]["labels"]["team"] == "platform", (kind, name)
            assert "note" in one["metadata"]["annotations"], (kind, name)
    assert objects["Ingress", NAME]["metadata"]["annotations"] == {"note": "of the ingress"}
    paths = [path["path"] for rule in objects["Ingress", NAME]["spec"]["rules"] for path in rule["http"]["paths"]]
    assert paths == ["/v1/cert.pem"] * 2
    board = json.loads(objects["ConfigMap", f"{NAME}-dashboard"]["data"]["kseal.json"])
    assert board == json.loads((ROOT / "deploy" / "dashboards" / "kseal.json").read_text())
    assert objects["PrometheusRule", NAME]["spec"]["groups"][0]["rules"]
    spec = objects["Deployment", NAME]["spec"]
    assert spec["strategy"]["type"] == "RollingUpdate"
    assert spec["template"]["spec"]["containers"][0]["image"] == "localhost/kseal@sha256:" + "0" * 64


def test_no_replica_is_a_number_too() -> None:
    assert _deployment({"replicaCount": 0})["spec"]["replicas"] == 0


def test_values_that_mean_nothing_here_are_accepted() -> None:
    values = {
        "kubeVersion": "1.30.0",
        "logInfoStdout": False,
        "maxRetries": "5",
        "watchForSecrets": True,
        "rbac": {"pspEnabled": True},
        "ingress": {"apiVersion": "", "selfSigned": True, "secrets": []},
    }
    assert _render(values) == _render()
    page = (ROOT / "docs" / "migrate-from-sealed-secrets.md").read_text()
    for name in ("kubeVersion", "logInfoStdout", "maxRetries", "watchForSecrets", "rbac.pspEnabled"):
        assert f"`{name}`" in page
    for name in ("ingress.apiVersion", "ingress.selfSigned", "ingress.secrets"):
        assert f"`{name}`" in page


def _deliveries(*components: str) -> Objects:
    """The objects of deploy/deliveries with components, as kustomize makes them."""
    with TemporaryDirectory(dir=BASE.parent) as folder:  # kustomize reads nothing outside of a common root
        overlay = {"resources": ["../deliveries"], "components": [f"../components/{name}" for name in components]}
        (Path(folder) / "kustomization.yaml").write_text(json.dumps(overlay))
        command = [str(real.require("kubectl")), "kustomize", folder]
        rendered = subprocess.run(command, capture_output=True, check=True).stdout
    objects = read_all(rendered, dialect=Dialect.V3, source="kubectl kustomize")
    return {(one["kind"], one["metadata"]["name"]): one for one in objects}


def _without_labels(one: Any) -> Any:
    """But for what the chart adds to every object."""
    kept = {name: one["metadata"][name] for name in ("name", "namespace") if name in one["metadata"]}
    return {**one, "metadata": kept}


@pytest.mark.parametrize("components", [(), ("tenants",)], ids=["deliveries", "tenants"])
def test_deliveries_are_the_objects_of_the_base(components: tuple[str, ...]) -> None:
    values = {"deliveries": {"enabled": True, "tenants": {"enabled": bool(components)}}}
    base, default = _deliveries(*components), _render()
    ours = {key: one for key, one in _render(values).items() if key not in default}
    assert {*ours} == {*base}
    labels = {
        "app.kubernetes.io/name": "kseal",
        "app.kubernetes.io/instance": "kseal-deliveries",
        "app.kubernetes.io/component": "deliveries",
    }
    for key, expected in base.items():
        found = _without_labels(ours[key])
        if key[0] == "Deployment":
            assert found["spec"]["selector"]["matchLabels"] == found["spec"]["template"]["metadata"]["labels"] == labels
            assert found["spec"]["template"]["spec"] == expected["spec"]["template"]["spec"]
        elif key[0] == "Service":
            assert found["spec"] == {**expected["spec"], "selector": labels}, key
        elif key[0] == "NetworkPolicy":
            assert found["spec"] == {**expected["spec"], "podSelector": {"matchLabels": labels}}
        else:
            assert found == _without_labels(expected), key
    aggregated = {key: _aggregations(one) for key, one in base.items() if key[0] == "ClusterRole"}
    assert {key: _aggregations(ours[key]) for key in aggregated} == aggregated


def _aggregations(role: Any) -> set[str]:
    return {name for name in role["metadata"]["labels"] if name.startswith("rbac.authorization.k8s.io/aggregate")}


def test_definitions_and_namespace_of_deliveries_stay_when_the_release_goes() -> None:
    objects = _render(DELIVERIES)
    kept = {
        key for key, one in objects.items() if (one["metadata"].get("annotations") or {}).get("helm.sh/resource-policy")
    }
    assert kept == {key for key in objects if key[0] in ("CustomResourceDefinition", "Namespace")}
    beside = {"deliveries": {"enabled": True, "installCRDs": False, "createNamespace": False, "replicaCount": 0}}
    left = _render(beside)
    assert {*objects} - {*left} == kept
    assert left["Deployment", "kseal-deliveries"]["spec"]["replicas"] == 0


def test_tenants_are_let_in_where_the_values_say() -> None:
    objects = _render(TENANTS)
    (binding,) = [one for one in objects.values() if one["metadata"].get("namespace") == "shop"]
    assert binding["roleRef"]["name"] == "kseal-tenant"
    assert binding["subjects"] == [
        {"kind": "ServiceAccount", "name": "kseal-deliveries", "namespace": "flux-system"},
    ]
    assert not [one for one in objects.values() if one.get("roleRef", {}).get("name") == "cluster-admin"]


def test_the_controller_takes_the_arguments_of_deliveries() -> None:
    values = {
        "deliveries": {
            "enabled": True,
            "components": ["flux-source", "flux-kustomize"],
            "extraArgs": ["--concurrent=8"],
        }
    }
    (container,) = _render(values)["Deployment", "kseal-deliveries"]["spec"]["template"]["spec"]["containers"]
    flags = click.Command("controller", params=OPTIONS).make_context("controller", list(container["args"])).params
    found = settings(flags, {"POD_NAMESPACE": "flux-system"})
    assert {*found.flux.controllers} == {"source", "kustomize"}
    assert (found.flux.concurrent, found.is_sealed) == (8, False)
