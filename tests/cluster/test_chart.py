"""The Helm chart installed by the real helm into a real API server; its Pod at work, with the rights that it gives."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.kit import real
from tests.kit.controlplane import ControlPlane
from tests.kit.errors import Unavailable
from tests.kit.pod import Pod
from tests.kit.process import wait_until
from tests.kit.tree import ROOT

pytestmark = [pytest.mark.cluster, pytest.mark.netns]

CHART = ROOT / "deploy" / "helm" / "kseal"
NAME, HOME = "sealed-secrets-controller", "sealing"
KUSTOMIZATIONS = "kustomizations.kustomize.toolkit.fluxcd.io"
DEPLOYMENT = f"/apis/apps/v1/namespaces/{HOME}/deployments/{NAME}"


class Installation(NamedTuple):
    """A cluster with a release in it, and its Pod, which is ready."""

    plane: ControlPlane
    pod: Pod


def _helm(plane: ControlPlane, *arguments: str) -> str:
    folder = plane.nest.folder / "helm"
    homes = {name: str(folder) for name in ("HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME")}
    command = [str(real.require("helm")), f"--kubeconfig={plane.kubeconfig}", f"--namespace={HOME}", *arguments]
    done = subprocess.run(
        command, env={**plane.nest.bare_environment(), **homes}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    with ExitStack() as stack:
        try:
            plane = stack.enter_context(ControlPlane())
        except Unavailable as error:
            real.do_without(error)
        _helm(plane, "install", "kseal", str(CHART), "--create-namespace", f"--set=fullnameOverride={NAME}")
        pod = stack.enter_context(Pod(plane, plane.api.json("GET", DEPLOYMENT)))
        pod.wait_ready()
        yield Installation(plane, pod)


@pytest.fixture(autouse=True)
def shown_log(installation: Installation) -> Iterator[None]:
    """What the controller said, for whoever reads the report of a failed test."""
    yield
    print(installation.pod.process.log_tail())


def test_the_installed_controller_unseals(installation: Installation, tmp_path: Path) -> None:
    plane, pod = installation
    namespace, value = plane.create_namespace(), os.urandom(32)
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "db", "namespace": namespace},
        "data": {"password": base64.b64encode(value).decode()},
    }
    certificate = tmp_path / "cert.pem"
    certificate.write_text(pod.get("http", "/v1/cert.pem").body)
    seal = [str(Path(sys.executable).with_name("kseal")), "seal", "--cert", str(certificate)]
    sealed = subprocess.run(seal, input=json.dumps(secret), capture_output=True, text=True, check=True).stdout
    plane.kubectl("apply", "-f", "-", input=sealed)
    path = f"/api/v1/namespaces/{namespace}/secrets/db"
    wait_until(lambda: plane.api.answers(path), "the Secret is there")
    assert base64.b64decode(plane.api.json("GET", path)["data"]["password"]) == value
    plane.kubectl("wait", "--for=condition=Synced", "--timeout=30s", "sealedsecret/db", namespace=namespace)


def test_it_asks_for_nothing_that_the_chart_does_not_give(installation: Installation) -> None:
    assert installation.pod.probe("livenessProbe")
    assert installation.pod.get("metrics", "/metrics").status == HTTPStatus.OK
    assert not {request for request in installation.plane.requests() if request.code == HTTPStatus.FORBIDDEN}


def test_the_process_has_neither_rights_nor_a_writable_root(installation: Installation) -> None:
    pod = installation.pod
    assert pod.user() == 1001
    assert int(pod.kernel_status()["CapEff"], 16) == 0
    assert not pod.is_writable("/")
    assert pod.is_writable("/tmp")


def test_an_upgrade_changes_what_its_values_say_and_the_api_server_takes_it(installation: Installation) -> None:
    """All that can be switched on without kinds of other projects."""
    plane = installation.plane
    on = ("ingress.enabled", "networkPolicy.enabled", "networkPolicy.egress.enabled", "pdb.create")
    switches = [f"--set={name}=true" for name in (*on, "metrics.dashboards.create")]
    names = [f"--set=fullnameOverride={NAME}", "--set=replicaCount=2", "--set=secretName=keys"]
    selector = plane.api.json("GET", DEPLOYMENT)["spec"]["selector"]
    _helm(plane, "upgrade", "kseal", str(CHART), *names, *switches)
    spec = plane.api.json("GET", DEPLOYMENT)["spec"]
    assert (spec["replicas"], spec["selector"]) == (2, selector)
    assert "--key-prefix=keys" in spec["template"]["spec"]["containers"][0]["args"]
    for path in ("apis/networking.k8s.io/v1", "apis/policy/v1"):
        kind = "ingresses" if "networking" in path else "poddisruptionbudgets"
        assert plane.api.answers(f"/{path}/namespaces/{HOME}/{kind}/{NAME}")


def test_deliveries_are_switched_on_by_a_value_and_the_api_server_takes_them(installation: Installation) -> None:
    """Their Pod at work is shown by test_deploy_deliveries.py: test_chart_rendered.py compares the two."""
    plane = installation.plane
    tenants = ["--set=deliveries.tenants.enabled=true", f"--set=deliveries.tenants.namespaces={{{HOME}}}"]
    _helm(
        plane,
        "upgrade",
        "kseal",
        str(CHART),
        f"--set=fullnameOverride={NAME}",
        "--set=deliveries.enabled=true",
        *tenants,
    )
    plane.wait_established(KUSTOMIZATIONS)
    assert plane.api.answers("/apis/apps/v1/namespaces/flux-system/deployments/kseal-deliveries")
    assert plane.api.answers("/api/v1/namespaces/flux-system/services/source-controller")
    assert plane.api.answers(
        f"/apis/rbac.authorization.k8s.io/v1/namespaces/{HOME}/rolebindings/kseal-deliveries-tenant"
    )


def test_what_the_release_leaves_behind_is_what_must_not_be_lost(installation: Installation) -> None:
    plane = installation.plane
    _helm(plane, "uninstall", "kseal")
    assert not plane.api.answers(DEPLOYMENT)
    for definition in ("sealedsecrets.bitnami.com", KUSTOMIZATIONS):
        assert plane.api.answers(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{definition}")
    keys = plane.api.json(
        "GET", f"/api/v1/namespaces/{HOME}/secrets?labelSelector=sealedsecrets.bitnami.com/sealed-secrets-key"
    )
    assert keys["items"]
