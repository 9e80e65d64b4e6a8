"""What becomes of objects that two Kustomizations deliver, that the server refuses, or whose owner is suspended."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.kit.controlplane import ControlPlane
from tests.kit.deliveries import git_repository, kustomization
from tests.kit.flux import OurController
from tests.kit.fluxground import FluxGround
from tests.kit.fluxobjects import install_definitions
from tests.kit.gitserver import GitServer
from tests.kit.process import Nest, wait_until
from tests.kit.workcopy import WorkCopy

pytestmark = pytest.mark.cluster

OWNER: Final = "kustomize.toolkit.fluxcd.io/name"
DEPLOYMENT: Final = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: registry.example/web:1}]}
"""


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    with GitServer(tmp_path_factory.mktemp("repositories")) as server:
        yield server


@pytest.fixture(scope="module")
def plane(control_plane: ControlPlane) -> Iterator[ControlPlane]:
    """With a controller at work in it."""
    install_definitions(control_plane)
    with Nest("owners") as nest:
        controller = OurController(nest, control_plane, flags=["--requeue-dependency=1s"])
        controller.start()
        yield control_plane
        controller.stop()


@pytest.fixture
def ground(plane: ControlPlane, host: GitServer, tmp_path: Path) -> Iterator[FluxGround]:
    namespace = plane.create_namespace("owners")
    ground = FluxGround(plane, WorkCopy(host, tmp_path / namespace, namespace), namespace)
    yield ground
    ground.suspend()


def begin(ground: FluxGround, files: dict[str, dict[str, Any]], *kustomizations: dict[str, Any]) -> None:
    ground.repository.write_all({path: json.dumps(raw) for path, raw in files.items()})
    ground.repository.push()
    ground.apply(git_repository(ground.repository, ground.namespace), *kustomizations)


def config(ground: FluxGround, name: str, value: str = "value") -> dict[str, Any]:
    metadata = {"name": name, "namespace": ground.namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"key": value}}


def live(ground: FluxGround, name: str) -> dict[str, Any]:
    found = ground.find(f"/api/v1/namespaces/{ground.namespace}/configmaps/{name}")
    assert found is not None, name
    return found


def test_an_object_moves_to_another_kustomization_without_being_deleted(ground: FluxGround) -> None:
    """As a person does it: the new owner has it first, then the old one leaves it out."""
    files = {
        "old/shared.yaml": config(ground, "shared"),
        "old/other.yaml": config(ground, "other"),
        "new/shared.yaml": config(ground, "shared"),
        "left/other.yaml": config(ground, "other"),
    }
    begin(ground, files, kustomization("old", ground.namespace, "./old"))
    ground.wait_ready("kustomization", "old")
    uid = live(ground, "shared")["metadata"]["uid"]
    ground.apply(kustomization("new", ground.namespace, "./new"))
    ground.wait_ready("kustomization", "new")
    value = ground.request("kustomization", "new")
    ground.wait_handled("kustomization", "new", value=value)
    assert live(ground, "shared")["metadata"]["labels"][OWNER] == "new"
    ground.patch("kustomization", "old", {"spec": {"path": "./left"}})
    ground.wait_ready("kustomization", "old")
    assert live(ground, "shared")["metadata"]["uid"] == uid
    entries = ground.get("kustomization", "old")["status"]["inventory"]["entries"]
    assert [entry["id"] for entry in entries] == [f"{ground.namespace}_other__ConfigMap"]


def test_a_name_that_the_server_refused_is_mended_and_deleted_again(ground: FluxGround) -> None:
    begin(
        ground,
        {"bad.yaml": config(ground, "Not_A_Name"), "good.yaml": config(ground, "good")},
        kustomization("all", ground.namespace, "./"),
    )
    ground.wait_failed("kustomization", "all", containing="Not_A_Name")
    ground.repository.remove("bad.yaml")
    ground.deliver()
    ground.wait_ready("kustomization", "all")
    entries = ground.get("kustomization", "all")["status"]["inventory"]["entries"]
    assert [entry["id"] for entry in entries] == [f"{ground.namespace}_good__ConfigMap"]


def test_a_kustomization_that_names_a_refused_object_can_be_deleted(ground: FluxGround) -> None:
    begin(ground, {"bad.yaml": config(ground, "Not_A_Name")}, kustomization("all", ground.namespace, "./"))
    ground.wait_failed("kustomization", "all", containing="Not_A_Name")
    ground.delete("kustomization", "all")
    ground.wait_gone(ground.path("kustomization", "all"))


def test_a_suspended_dependency_that_is_ready_holds_nobody_up(ground: FluxGround) -> None:
    files = {"first/one.yaml": config(ground, "one"), "second/two.yaml": config(ground, "two")}
    begin(ground, files, kustomization("first", ground.namespace, "./first"))
    ground.wait_ready("kustomization", "first")
    ground.patch("kustomization", "first", {"spec": {"suspend": True}})
    ground.apply(kustomization("second", ground.namespace, "./second", dependsOn=[{"name": "first"}]))
    ground.wait_ready("kustomization", "second")


def test_a_ready_expression_of_a_field_that_is_not_there_yet_waits_for_it(ground: FluxGround) -> None:
    files = {"first/one.yaml": config(ground, "one"), "second/two.yaml": config(ground, "two")}
    expression = "dep.metadata.annotations['example.com/open'] == 'yes'"
    begin(
        ground,
        files,
        kustomization("first", ground.namespace, "./first"),
        kustomization("second", ground.namespace, "./second", dependsOn=[{"name": "first", "readyExpr": expression}]),
    )
    ground.wait_failed("kustomization", "second", containing="no such key")
    ground.patch("kustomization", "first", {"metadata": {"annotations": {"example.com/open": "yes"}}})
    ground.wait_ready("kustomization", "second")


def test_a_failed_wait_is_not_begun_anew_by_news_that_heal_nothing(ground: FluxGround) -> None:
    """What became healthy ends it at once, before the retry."""
    deployment = yaml.safe_load(DEPLOYMENT)
    deployment["metadata"]["namespace"] = ground.namespace
    waiting = kustomization("all", ground.namespace, "./", wait=True, timeout="1m")
    begin(ground, {"web.yaml": deployment}, waiting)
    path = f"/apis/apps/v1/namespaces/{ground.namespace}/deployments/web/status"
    wait_until(lambda: ground.find(path.removesuffix("/status")) is not None, "it is applied")
    late = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
    report(ground, path, conditions=[late])
    ground.wait_failed("kustomization", "all", containing="Deployment/")
    report(ground, path, unavailableReplicas=2)
    report(ground, path, unavailableReplicas=1)
    well = [{**late, "status": "True", "reason": "NewReplicaSetAvailable"}, {"type": "Available", "status": "True"}]
    counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), 1)
    report(ground, path, conditions=well, unavailableReplicas=None, **counts)
    ground.wait_ready("kustomization", "all", limit_seconds=30)
    history = ground.get("kustomization", "all")["status"]["history"]
    told = {one["lastReconciledStatus"]: one["totalReconciliations"] for one in history}
    assert told == {"ReconciliationSucceeded": 1, "HealthCheckFailed": 1}


def report(ground: FluxGround, path: str, **status: Any) -> None:
    body = {"status": {"observedGeneration": 1, **status}}
    ground.plane.api.text("PATCH", path, body, content_type="application/merge-patch+json")


def test_an_empty_build_prunes_everything_and_says_so(ground: FluxGround) -> None:
    files = {"one.yaml": config(ground, "one"), "kustomization.yaml": {"resources": ["one.yaml"]}}
    begin(ground, files, kustomization("all", ground.namespace, "./"))
    ground.wait_ready("kustomization", "all")
    ground.repository.write("kustomization.yaml", "resource: [one.yaml]\n")
    ground.deliver()
    ground.wait_gone(f"/api/v1/namespaces/{ground.namespace}/configmaps/one")

    def told() -> list[str]:
        events = ground.plane.kubectl("get", "events", "-o", "json", namespace=ground.namespace).stdout
        return [event["message"] for event in json.loads(events)["items"] if event["reason"] == "EmptyBuild"]

    wait_until(lambda: bool(told()), "the empty build is told")
    (message,) = told()
    assert "all 1 objects are pruned" in message
    assert "spec.path" in message
