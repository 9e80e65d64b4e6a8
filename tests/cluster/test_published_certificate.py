"""The certificate as a ConfigMap: kept right by the controller with its own rights, read by people without others."""

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from controller.sealed.publisher import Publisher
from engine.errors import Stalled
from engine.kube import config
from engine.kube.client import Cluster
from sealer.keys import SealingKey
from tests.kit import real
from tests.kit.controlplane import ControlPlane
from tests.kit.errors import Unavailable
from tests.kit.ground import Ground, open_ground
from tests.kit.process import Nest, wait_until
from tests.kit.running import KSEAL, RunningController
from tests.kit.sealingkeys import a_key, certificate
from tests.kit.tree import ROOT

pytestmark = pytest.mark.cluster

NAME, HOME = "sealed-secrets-controller", "kube-system"
PUBLISHED = f"{NAME}-certificate"
SECRET = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "db", "namespace": "default"},
    "stringData": {"password": "of the sea"},
}


class Installed:
    """The base with the controller's own rights, in a cluster where nobody may reach Services; nobody would answer."""

    def __init__(self, plane: ControlPlane, nest: Nest) -> None:
        self.plane = plane
        plane.kubectl("apply", "-k", str(ROOT / "deploy" / "manifests"))
        plane.wait_established()
        plane.kubectl("delete", "rolebinding", "sealed-secrets-service-proxier", namespace=HOME)
        account = plane.account(HOME, NAME).kubeconfig
        self.controller = RunningController(nest, account, namespace=HOME, flags=["--key-size=2048"]).start()
        wait_until(lambda: self.found() is not None, "the certificate is published")

    def found(self) -> dict[str, Any] | None:
        path = f"/api/v1/namespaces/{HOME}/configmaps/{PUBLISHED}"
        found: dict[str, Any] | None = self.plane.api.json("GET", path) if self.plane.api.answers(path) else None
        return found

    def kseal(self, *words: str, user: str = "visitor") -> subprocess.CompletedProcess[str]:
        """Typed by somebody who may do what everybody may."""
        command = [str(KSEAL), *words, f"--as={user}", "--as-group=system:authenticated"]
        environ = {**os.environ, "KUBECONFIG": str(self.plane.kubeconfig)}
        return subprocess.run(
            command, env=environ, input=json.dumps(SECRET), capture_output=True, text=True, check=False
        )


@pytest.fixture(scope="module")
def installed() -> Iterator[Installed]:
    try:
        with ControlPlane("api") as plane, Nest("published") as nest:
            yield Installed(plane, nest)
    except Unavailable as error:
        real.do_without(error)


@pytest.fixture(autouse=True)
def shown_log(installed: Installed) -> Iterator[None]:
    """What the controller said, for whoever reads the report of a failed test."""
    yield
    print(installed.controller.logs)


def test_who_may_not_reach_the_service_seals_all_the_same(installed: Installed) -> None:
    done = installed.kseal("seal", "--verbose")
    assert done.returncode == 0, done.stderr
    assert f"ConfigMap/{HOME}/{PUBLISHED}: sealing for 2048 bits" in done.stderr
    assert "warning" not in done.stderr
    installed.plane.kubectl("apply", "-f", "-", input=done.stdout)
    installed.plane.kubectl("wait", "--for=condition=Synced", "--timeout=30s", "sealedsecret/db", namespace="default")


def test_where_nobody_answers_behind_the_service_too(installed: Installed) -> None:
    """With every right: the Service has no endpoints."""
    environ = {**os.environ, "KUBECONFIG": str(installed.plane.kubeconfig)}
    done = subprocess.run([str(KSEAL), "cert"], env=environ, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == (installed.controller.certificate(), "")


def test_the_entry_point_of_kubeseal_finds_it_without_a_word(installed: Installed) -> None:
    done = installed.kseal("kubeseal", "--fetch-cert")
    assert (done.returncode, done.stdout, done.stderr) == (0, installed.controller.certificate(), "")


def test_that_is_all_that_everybody_may_read_there(installed: Installed) -> None:
    for kind in ("secrets", "configmaps", "services"):
        flags = ["--as=visitor", "--as-group=system:authenticated"]
        done = installed.plane.kubectl("get", kind, *flags, namespace=HOME, check=False)
        assert "Forbidden" in done.stderr, kind


def test_where_it_is_not_to_be_had_either_both_causes_are_named(installed: Installed) -> None:
    done = installed.kseal("cert", "--controller-name=other")
    assert done.returncode == 1
    (error, hint) = done.stderr.splitlines()
    assert "cannot get sealed secret service: Service/kube-system/other: forbidden" in error
    assert "nor is it published: ConfigMap/kube-system/other-certificate: forbidden" in error
    assert "--cert FILE" in hint
    original = installed.kseal("kubeseal", "--fetch-cert", "--controller-name=other")
    assert original.returncode == 1
    assert original.stderr.startswith("error: cannot get sealed secret service: ")
    assert "ConfigMap" not in original.stderr


def test_a_renewed_key_is_published_and_named(installed: Installed) -> None:
    before = installed.controller.certificate()
    installed.controller.process.signal(signal.SIGUSR1)
    wait_until(lambda: installed.controller.certificate() != before, "another certificate is served")
    newest = installed.controller.certificate()
    wait_until(lambda: (installed.found() or {})["data"] == {"tls.crt": newest}, "it is published")
    described = json.loads(installed.kseal("cert", "--output=json").stdout)
    assert (installed.found() or {})["metadata"]["annotations"] == {"kseal/fingerprint": described["fingerprint"]}


@pytest.fixture
def publisher(served: ControlPlane, namespace: str) -> Iterator[Callable[[SealingKey], Publisher]]:
    cluster = Cluster(config.load(kubeconfig=str(served.kubeconfig), environ={}))

    def make(key: SealingKey) -> Publisher:
        log = structlog.get_logger()
        return Publisher(cluster, lambda: key, namespace, "cert", leads=lambda: True, log=log)

    yield make
    cluster.close()


def of(plane: ControlPlane, namespace: str) -> dict[str, Any]:
    found: dict[str, Any] = plane.api.json("GET", f"/api/v1/namespaces/{namespace}/configmaps/cert")
    return found


def test_an_edit_is_undone_and_what_is_right_is_not_written(
    served: ControlPlane, namespace: str, publisher: Callable[[SealingKey], Publisher]
) -> None:
    key = a_key()
    publisher(key).publish()
    written = of(served, namespace)
    publisher(key).publish()
    assert of(served, namespace) == written
    edit = {"data": {"tls.crt": "of mine", "more": "x"}, "metadata": {"labels": {"team": "a"}}}
    path = f"/api/v1/namespaces/{namespace}/configmaps/cert"
    served.api.text("PATCH", path, edit, content_type="application/merge-patch+json")
    publisher(key).publish()
    assert of(served, namespace)["data"] == {"tls.crt": certificate(key)}
    assert of(served, namespace)["metadata"]["labels"]["team"] == "a"


def test_one_of_somebody_else_is_left_alone(
    served: ControlPlane, namespace: str, publisher: Callable[[SealingKey], Publisher]
) -> None:
    theirs = {"metadata": {"name": "cert"}, "data": {"tls.crt": "theirs"}}
    served.api.text("POST", f"/api/v1/namespaces/{namespace}/configmaps", theirs)
    before = of(served, namespace)
    with pytest.raises(Stalled, match="belongs to somebody else"):
        publisher(a_key()).publish()
    assert of(served, namespace) == before


def test_a_controller_that_meets_one_of_somebody_else_says_so_and_works(served: ControlPlane) -> None:
    with open_ground(served, "--certificate-config-map=cert") as ground:
        ground.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cert"}, "data": {"a": "b"}})
        ground.controller.start()
        wait_until(lambda: "belongs to somebody else" in ground.controller.logs, "it says so")
        ground.apply(ground.sealed("db", {"a": b"1"}))
        ground.wait_synced("db")
        assert ground.get("configmap", "cert")["data"] == {"a": "b"}


def test_a_certificate_that_nobody_published_is_not_sealed_with(installed: Installed, tmp_path: Path) -> None:
    """A ConfigMap of the right name alone does not choose what people seal for."""
    planted = {"metadata": {"name": "planted-certificate"}, "data": {"tls.crt": certificate(a_key())}}
    installed.plane.api.text("POST", f"/api/v1/namespaces/{HOME}/configmaps", planted)
    environ = {**os.environ, "KUBECONFIG": str(installed.plane.kubeconfig)}
    command = [str(KSEAL), "cert", "--controller-name=planted"]
    done = subprocess.run(command, env=environ, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "not published by a controller" in done.stderr


def test_it_can_be_turned_off(served: ControlPlane) -> None:
    with open_ground(served, "--certificate-config-map=", "--key-renew-period=2s") as ground:
        ground.controller.start()
        wait_until(lambda: "key made" in ground.controller.logs, "a key is renewed")
        assert ground.controller.stop() == 0
        assert published_in(ground) == []


def published_in(ground: Ground) -> list[str]:
    """The ConfigMaps of the ground that a controller published."""
    return ground.plane.kubectl(
        "get", "configmap", "-l", "kseal/certificate", "-o", "name", namespace=ground.namespace
    ).stdout.split()
