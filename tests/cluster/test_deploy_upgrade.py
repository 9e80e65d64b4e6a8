"""The base replaces an installed Sealed Secrets controller in place: same names, so one `kubectl apply` does it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from engine.kube.yaml import Dialect, read_all
from tests.kit import real
from tests.kit.controlplane import ControlPlane
from tests.kit.tree import ROOT

pytestmark = pytest.mark.cluster

NAME, HOME = "sealed-secrets-controller", "kube-system"
CRD = "helm/sealed-secrets/crds/bitnami.com_sealedsecrets.yaml"
DEPLOYMENT = f"/apis/apps/v1/namespaces/{HOME}/deployments/{NAME}"


def _original_deployment() -> dict[str, Any]:
    """What the original's plain manifest installs, in the fields that an update could trip over.

    Source: sealed-secrets.md section 8. The strategy is the one that its manifest spells out.
    """
    container = {
        "name": NAME,
        "image": "localhost/original:1",
        "command": ["controller"],
        "ports": [{"containerPort": 8080, "name": "http"}, {"containerPort": 8081, "name": "metrics"}],
        "volumeMounts": [{"mountPath": "/tmp", "name": "tmp"}],
    }
    pod = {"serviceAccountName": NAME, "containers": [container], "volumes": [{"name": "tmp", "emptyDir": {}}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": NAME, "namespace": HOME},
        "spec": {
            "replicas": 1,
            "minReadySeconds": 30,
            "selector": {"matchLabels": {"name": NAME}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
            "template": {"metadata": {"labels": {"name": NAME}}, "spec": pod},
        },
    }


@pytest.fixture
def plane(new_control_plane: Callable[..., ControlPlane]) -> ControlPlane:
    """A cluster in which the original's CRD and Deployment stand, and one SealedSecret."""
    plane = new_control_plane()
    plane.kubectl("apply", "-f", str(real.require_file("sealed-secrets-controller", CRD)))
    plane.wait_established()
    plane.kubectl("apply", "-f", "-", input=json.dumps(_original_deployment()))
    sealed = {
        "apiVersion": "bitnami.com/v1alpha1",
        "kind": "SealedSecret",
        "metadata": {"name": "db", "namespace": "default"},
        "spec": {"encryptedData": {"password": "AgB="}, "template": {"metadata": {"name": "db", "extra": "kept"}}},
    }
    plane.kubectl("apply", "-f", "-", input=json.dumps(sealed))
    return plane


def test_one_apply_turns_the_original_into_ours_and_keeps_every_sealed_secret(plane: ControlPlane) -> None:
    sealed = "/apis/bitnami.com/v1alpha1/namespaces/default/sealedsecrets/db"
    before = plane.api.json("GET", sealed)
    selector = plane.api.json("GET", DEPLOYMENT)["spec"]["selector"]

    plane.kubectl("apply", "-k", str(ROOT / "deploy" / "manifests"))

    assert plane.api.json("GET", sealed) == before
    after = plane.api.json("GET", DEPLOYMENT)["spec"]
    (desired,) = read_all(
        (ROOT / "deploy" / "manifests" / "deployment.yaml").read_bytes(), dialect=Dialect.V3, source="deployment.yaml"
    )
    assert after["selector"] == selector
    assert after["strategy"] == desired["spec"]["strategy"]
    (container,) = after["template"]["spec"]["containers"]
    assert container["command"] == ["kseal", "controller"]
    assert after["template"]["spec"]["volumes"] == desired["spec"]["template"]["spec"]["volumes"]
