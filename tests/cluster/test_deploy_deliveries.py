"""The installed controller of deliveries: started as a node would start it, with the rights its objects give it."""

import urllib.request
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest

from tests.kit import real
from tests.kit.apicalls import Refused
from tests.kit.deliverypod import HOME, NAME, Installation, installed, rendered
from tests.kit.errors import Unavailable
from tests.kit.fluxground import FluxGround
from tests.kit.process import wait_until
from tests.kit.workcopy import WorkCopy

pytestmark = [pytest.mark.cluster, pytest.mark.netns]

KUSTOMIZATIONS = ("infrastructure", "web-staging", "web-production")


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    try:
        with installed(tmp_path_factory.mktemp("git")) as found:
            yield found
    except Unavailable as error:
        real.do_without(error)


@pytest.fixture(autouse=True)
def shown_log(installation: Installation) -> Iterator[None]:
    """What the controller said, for whoever reads the report of a failed test."""
    yield
    print(installation.pod.process.log_tail())


@pytest.fixture
def ground(installation: Installation, tmp_path: Path) -> FluxGround:
    """The reference scenario, delivered."""
    namespace = installation.plane.create_namespace()
    ground = FluxGround(installation.plane, WorkCopy(installation.git, tmp_path / "copy", namespace), namespace)
    ground.begin()
    ground.wait_ready("kustomization", *KUSTOMIZATIONS)
    return ground


def test_the_probes_of_the_deployment_answer(installation: Installation) -> None:
    assert installation.pod.probe("livenessProbe")
    assert installation.pod.probe("readinessProbe")
    assert installation.pod.get("metrics", "/metrics").status == HTTPStatus.OK


def test_what_is_in_git_reaches_the_cluster(ground: FluxGround) -> None:
    assert (ground.level(ground.names.staging), ground.level(ground.names.production)) == ("debug", "warn")
    assert ground.find(f"/api/v1/namespaces/{ground.names.staging}/resourcequotas/pods")


def test_an_edit_by_hand_is_undone_and_a_removed_file_is_pruned(ground: FluxGround) -> None:
    web = f"/apis/apps/v1/namespaces/{ground.names.production}/deployments/web"
    edit = {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "registry.example/web:edited"}]}}}}
    ground.plane.api.text("PATCH", web, edit, content_type="application/strategic-merge-patch+json")
    account = f"/api/v1/namespaces/{ground.names.production}/serviceaccounts/web"
    assert ground.find(account)
    ground.repository.remove("apps/web/overlays/production/account.yaml")
    ground.repository.edit(
        "apps/web/overlays/production/kustomization.yaml", '"../../base",\n    "account.yaml"', '"../../base"'
    )
    ground.deliver("no account of its own")
    ground.wait_gone(account)

    def is_repaired() -> bool:
        (container,) = ground.web(ground.names.production)["spec"]["template"]["spec"]["containers"]
        return bool(container["image"] == "registry.example/web:1.0.1")

    wait_until(is_repaired, "the edit is undone")


def test_artifacts_are_served_at_the_port_and_under_the_name_that_consumers_know(
    ground: FluxGround, installation: Installation
) -> None:
    artifact = ground.get("gitrepository", "fleet")["status"]["artifact"]
    assert artifact["url"].startswith(f"http://source-controller.{HOME}.svc.cluster.local./")
    service = installation.plane.api.json("GET", f"/api/v1/namespaces/{HOME}/services/source-controller")
    (port,) = service["spec"]["ports"]
    assert port["port"] == 80
    ports = {found["name"]: found["containerPort"] for found in installation.pod.container["ports"]}
    with urllib.request.urlopen(f"http://127.0.0.1:{ports[port['targetPort']]}/{artifact['path']}") as answer:
        assert answer.read(2) == b"\x1f\x8b"  # gzip


def test_webhooks_come_in_at_the_port_of_their_service(installation: Installation) -> None:
    service = installation.plane.api.json("GET", f"/api/v1/namespaces/{HOME}/services/webhook-receiver")
    (port,) = service["spec"]["ports"]
    assert port["port"] == 80
    assert installation.pod.get(port["targetPort"], "/hook/unknown").status in {
        HTTPStatus.NOT_FOUND,
        HTTPStatus.METHOD_NOT_ALLOWED,
    }


def test_it_works_under_the_leases_of_flux(installation: Installation) -> None:
    path = f"/apis/coordination.k8s.io/v1/namespaces/{HOME}/leases"
    leases = installation.plane.api.json("GET", path)["items"]
    holders = {found["metadata"]["name"]: found["spec"]["holderIdentity"] for found in leases}
    assert holders == {
        f"{controller}-controller-leader-election": installation.pod.name
        for controller in ("source", "kustomize", "notification")
    }


def test_services_and_policy_select_the_pod(installation: Installation) -> None:
    objects = rendered(installation.plane)
    (deployment,) = [found for found in objects if found["kind"] == "Deployment"]
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    selectors = [found["spec"]["selector"] for found in objects if found["kind"] == "Service"]
    (policy,) = [found["spec"]["podSelector"]["matchLabels"] for found in objects if found["kind"] == "NetworkPolicy"]
    assert [*selectors, policy, deployment["spec"]["selector"]["matchLabels"]] == [labels] * 5
    assert labels == {"app.kubernetes.io/name": "kseal", "app.kubernetes.io/component": "deliveries"}


def test_another_namespace_is_one_line_in_an_overlay(installation: Installation) -> None:
    objects = rendered(installation.plane, namespace="elsewhere")
    homes = {found["metadata"].get("namespace", "elsewhere") for found in objects}
    subjects = {subject["namespace"] for found in objects for subject in found.get("subjects", [])}
    assert homes | subjects == {"elsewhere"}
    assert "elsewhere" in [found["metadata"]["name"] for found in objects if found["kind"] == "Namespace"]


def test_the_pod_meets_the_strictest_security_standard(installation: Installation) -> None:
    plane, namespace = installation.plane, installation.plane.create_namespace()
    plane.kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted")
    (deployment,) = [found for found in rendered(plane) if found["kind"] == "Deployment"]
    spec = {**deployment["spec"]["template"]["spec"], "serviceAccountName": "default"}
    pods = f"/api/v1/namespaces/{namespace}/pods?dryRun=All"
    plane.api.ensure(f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": "default"}})
    assert plane.api.json("POST", pods, {"metadata": {"name": "tried"}, "spec": spec})["spec"]["containers"]
    del spec["containers"][0]["securityContext"]
    with pytest.raises(Refused, match='violates PodSecurity \\\\"restricted'):
        plane.api.json("POST", pods, {"metadata": {"name": "tried"}, "spec": spec})


def test_the_process_has_neither_rights_nor_a_writable_root(installation: Installation) -> None:
    pod = installation.pod
    assert pod.user() == 1001
    status = pod.kernel_status()
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0
    assert status["NoNewPrivs"] == "1"
    assert not pod.is_writable("/")
    assert [point for point in ("/data", "/scratch", "/tmp") if not pod.is_writable(point)] == []


def test_it_asks_for_nothing_that_it_may_not_have(ground: FluxGround) -> None:
    user = f"system:serviceaccount:{HOME}:{NAME}"
    events = list(ground.plane.audit_events(user=user))
    assert events
    assert [event for event in events if event["responseStatus"]["code"] == HTTPStatus.FORBIDDEN] == []


def test_it_ends_well_when_the_node_asks_for_it(installation: Installation) -> None:
    assert installation.pod.terminate(limit_seconds=60.0) == 0
