"""A takeover from Flux and the way back, of Deployments without Pods: what is said, what is written, in which order.

That the controllers themselves then write to nothing they manage is shown by tests/interop/flux/test_flux_takeover.py.
"""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.kit import fluxobjects
from tests.kit.controlplane import ControlPlane
from tests.kit.fluxinstallation import (
    FOREIGN_KINDS,
    FluxInstallation,
    Kubelet,
    deployment,
    foreign,
    install_foreign_kinds,
    services,
)
from tests.kit.fluxobjects import create, git_repository, kustomization, report
from tests.kit.process import wait_until
from tests.kit.running import KSEAL
from tests.kit.tree import ROOT

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

WRITES = {"create", "update", "patch", "delete", "deletecollection"}
FLUX = ("kustomize-controller", "notification-controller", "source-controller")
OURS = {"app.kubernetes.io/name": "kseal", "app.kubernetes.io/component": "deliveries"}
UP = {**dict.fromkeys(FLUX, 1), "kseal-deliveries": 0}
DOWN = {**dict.fromkeys(FLUX, 0), "kseal-deliveries": 1}


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """Nobody else has resources of Flux's in it: a takeover looks at all of them."""
    with ControlPlane("api", audit=True) as plane:
        fluxobjects.install_definitions(plane)
        install_foreign_kinds(plane)
        yield plane


class Scene(FluxInstallation):
    """Flux in a namespace of its own, and an adopter."""

    def __init__(self, plane: ControlPlane) -> None:
        super().__init__(plane, plane.create_namespace("flux"))
        self.adopter = plane.account(self.namespace, "adopter").kubeconfig
        binding = f"--serviceaccount={self.namespace}:adopter"
        plane.kubectl("create", "clusterrolebinding", self.namespace, "--clusterrole=cluster-admin", binding)

    def command(self, *flags: str) -> list[str]:
        command = [str(KSEAL), "adopt", "flux", f"--kubeconfig={self.adopter}"]
        return [*command, f"--runtime-namespace={self.namespace}", *flags]

    def adopt(self, *flags: str) -> "subprocess.CompletedProcess[str]":
        with Kubelet(self.plane, self.namespace):
            return subprocess.run(self.command(*flags), capture_output=True, text=True, check=False, timeout=60)

    def look(self) -> tuple[int, dict[str, Any]]:
        done = self.adopt("--dry-run", "-o", "json")
        assert done.returncode in (0, 3), done.stderr
        return done.returncode, json.loads(done.stdout)

    @contextmanager
    def adopting(self, *flags: str) -> Iterator["subprocess.Popen[str]"]:
        with (
            Kubelet(self.plane, self.namespace),
            subprocess.Popen(
                self.command(*flags), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            ) as process,
        ):
            yield process
            process.kill()

    def writes(self) -> list[str]:
        """What the adopter wrote so far."""
        user = f"system:serviceaccount:{self.namespace}:adopter"
        return [
            f"{event['objectRef']['resource']}/{event['objectRef'].get('name', '')}"
            for event in self.plane.audit_events(user=user)
            if event["verb"] in WRITES and "dryRun=" not in event["requestURI"]
        ]

    def ready(self, raw: dict[str, Any]) -> None:
        report(self.plane, create(self.plane, raw), ready="True", reason="Succeeded", message="all is well")

    def bootstrap(self, **spec: Any) -> None:
        """The Kustomization that holds Flux itself, which has just been applied."""
        create(self.plane, kustomization(self.namespace, "flux-system", path="./clusters/prod", **spec))
        deployments = [f"{self.namespace}_{name}_apps_Deployment" for name in FLUX]
        self.give_inventory("flux-system", *deployments, f"{self.namespace}_webhook-receiver__Service")

    def set_spec(self, name: str, **spec: Any) -> None:
        path = fluxobjects.path_of("Kustomization", self.namespace, name)
        self.plane.api.text("PATCH", path, {"spec": spec}, content_type="application/merge-patch+json")

    def clear(self) -> None:
        """The next test's takeover looks at all namespaces."""
        plurals = {**fluxobjects.PLURALS, **{kind: (one[0], one[2]) for kind, one in FOREIGN_KINDS.items()}}
        kinds = ",".join(f"{plural}.{group}" for group, plural in plurals.values())
        self.plane.kubectl("delete", f"deployments,{kinds}", "--all", namespace=self.namespace)


@pytest.fixture
def scene(plane: ControlPlane) -> Iterator[Scene]:
    scene = Scene(plane)
    yield scene
    scene.clear()


def test_a_dry_run_shows_who_is_replaced_and_how_resources_stand_and_writes_nothing(scene: Scene) -> None:
    scene.install(*FLUX, "helm-controller")
    scene.install_ours()
    scene.hold("source-controller", "source-controller-77_1")
    scene.ready(git_repository(scene.namespace, "web"))
    scene.ready(kustomization(scene.namespace, "apps"))
    create(scene.plane, kustomization(scene.namespace, "idle", suspend=True))
    broken = create(scene.plane, kustomization(scene.namespace, "broken"))
    report(scene.plane, broken, ready="False", reason="BuildFailed", message="no such\n folder")
    before = scene.replicas()
    code, shown = scene.look()
    home = scene.namespace
    assert code == 3
    assert {one["controller"]: one.get("why", "") for one in shown["controllers"]} == {
        **dict.fromkeys(FLUX, ""),
        "helm-controller": "kseal is no helm-controller",
    }
    lease = f"Lease/{home}/source-controller-leader-election"
    assert shown["leases"] == [{"object": lease, "holder": "source-controller-77_1"}]
    assert shown["flags"] == ["--components=flux"]
    assert shown["resources"] == [
        {"object": f"Kustomization/{home}/broken", "state": "is not ready", "detail": "no such folder"},
        {"object": f"Kustomization/{home}/idle", "state": "is suspended"},
    ]
    assert shown["right"] == {"GitRepository": 1, "Kustomization": 1, "Receiver": 0}
    assert shown["obstacles"] == []
    assert [(step["object"].split("/")[2], step["change"]) for step in shown["steps"]] == [
        ("kustomize-controller", "replicas 1 -> 0"),
        ("notification-controller", "replicas 1 -> 0"),
        ("source-controller", "replicas 1 -> 0"),
        ("kseal-deliveries", "replicas 0 -> 1"),
        ("source-controller", f"leads to Deployment/{home}/kseal-deliveries"),
        ("webhook-receiver", f"leads to Deployment/{home}/kseal-deliveries"),
    ]
    assert scene.writes() == []
    assert scene.replicas() == before


def test_the_takeover_and_the_way_back_change_deployments_and_services_alone(scene: Scene) -> None:
    scene.install()
    scene.install_ours()
    scene.ready(git_repository(scene.namespace, "web"))
    done = scene.adopt()
    assert done.returncode == 0, done.stderr
    assert scene.replicas() == DOWN
    assert scene.leads_to("webhook-receiver") == (OURS, 9292)
    assert scene.leads_to("source-controller") == (OURS, 9090)
    assert scene.leads_to("notification-controller") == ({"app": "notification-controller"}, "http")
    assert {what.partition("/")[0] for what in scene.writes()} == {"deployments", "services"}
    assert scene.look()[0] == 0
    count = len(scene.writes())
    again = scene.adopt()
    assert again.returncode == 0, again.stderr
    assert len(scene.writes()) == count

    back = scene.adopt("--undo")
    assert back.returncode == 0, back.stderr
    assert scene.replicas() == UP
    assert scene.leads_to("webhook-receiver") == ({"app": "notification-controller"}, "http-webhook")
    assert scene.leads_to("source-controller") == ({"app": "source-controller"}, "http")
    assert {what.partition("/")[0] for what in scene.writes()} == {"deployments", "services"}
    annotations = scene.read("source-controller")["metadata"].get("annotations") or {}
    assert not [key for key in annotations if key.startswith("kseal/")]
    refused = scene.adopt("--undo")
    assert refused.returncode == 1
    assert "there is no takeover to undo" in refused.stderr


def test_replicas_come_back_as_they_were(scene: Scene) -> None:
    scene.install(replicas=2)
    scene.install_ours()
    assert scene.adopt().returncode == 0
    assert scene.adopt("--undo").returncode == 0
    assert scene.replicas() == {**dict.fromkeys(FLUX, 2), "kseal-deliveries": 0}


def test_kseal_is_scaled_up_only_when_the_leases_are_free(scene: Scene) -> None:
    scene.install()
    scene.install_ours()
    scene.hold("kustomize-controller", "kustomize-controller-77_1")
    with scene.adopting() as process:
        wait_until(lambda: scene.replicas()["source-controller"] == 0, "Flux is scaled down")
        assert scene.replicas()["kseal-deliveries"] == 0
        scene.hold("kustomize-controller", "")
        _, errors = process.communicate(timeout=30)
        assert process.returncode == 0, errors
    assert scene.replicas() == DOWN


def test_a_lease_that_is_not_given_back_is_named_when_the_time_is_over_and_the_run_repeated(scene: Scene) -> None:
    scene.install()
    scene.install_ours()
    scene.hold("source-controller", "source-controller-77_1")
    done = scene.adopt("--timeout=1s")
    assert done.returncode == 1
    held = f"Lease/{scene.namespace}/source-controller-leader-election: is still held by source-controller-77_1"
    assert held in done.stderr
    assert "kseal adopt flux --undo" in done.stderr
    assert scene.replicas()["kseal-deliveries"] == 0
    scene.hold("source-controller", "source-controller-77_1", seconds=1)  # of a holder that was killed
    done = scene.adopt()
    assert done.returncode == 0, done.stderr
    assert scene.replicas() == DOWN


def test_pods_that_have_not_ended_are_waited_for(scene: Scene) -> None:
    scene.install()
    scene.install_ours()
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "source-controller-abc", "uid": "1"}
    labels = {"app": "source-controller", "pod-template-hash": "abc"}
    metadata = {"name": "source-controller-abc-1", "labels": labels, "ownerReferences": [owner]}
    pod = {"metadata": metadata, "spec": {"containers": [{"name": "manager", "image": "localhost/none"}]}}
    pods = f"/api/v1/namespaces/{scene.namespace}/pods"
    scene.plane.api.text("POST", pods, pod)
    with scene.adopting() as process:
        wait_until(lambda: scene.replicas()["source-controller"] == 0, "Flux is scaled down")
        assert scene.replicas()["kseal-deliveries"] == 0
        now = {"gracePeriodSeconds": 0}
        scene.plane.api.text("DELETE", f"{pods}/source-controller-abc-1", now)
        _, errors = process.communicate(timeout=30)
        assert process.returncode == 0, errors
    assert scene.replicas() == DOWN


def test_a_run_that_was_killed_half_way_is_run_again_or_undone(scene: Scene) -> None:
    scene.install()
    scene.install_ours()
    scene.hold("source-controller", "source-controller-77_1")
    for flags, after in (((), DOWN), (("--undo",), UP), ((), None), (("--undo",), UP)):
        if after is None or after is DOWN:
            scene.hold("source-controller", "source-controller-77_1")
            with scene.adopting() as process:
                wait_until(lambda: scene.replicas()["source-controller"] == 0, "Flux is scaled down")
                process.kill()
            scene.hold("source-controller", "")
        if after is not None:
            done = scene.adopt(*flags)
            assert done.returncode == 0, done.stderr
            assert scene.replicas() == after


def test_nothing_begins_while_both_are_scaled_up(scene: Scene) -> None:
    scene.install()
    scene.install_ours(replicas=1)
    done = scene.adopt()
    assert done.returncode == 1
    assert "both are scaled up" in done.stderr
    assert f"kubectl scale -n {scene.namespace} deployment/kseal-deliveries --replicas=0" in done.stderr
    assert scene.writes() == []


def test_without_kseal_nothing_begins_and_the_flags_to_install_it_with_are_said(scene: Scene) -> None:
    scene.install()
    scene.apply(foreign("HelmRepository", scene.namespace, "charts"))
    done = scene.adopt()
    assert done.returncode == 1
    assert "is not installed" in done.stderr
    assert "--components=flux-kustomize,flux-notification" in done.stderr
    assert scene.writes() == []
    assert scene.look()[0] == 3


def test_controllers_that_others_need_stay(scene: Scene) -> None:
    scene.install(*FLUX, "helm-controller")
    scene.apply(foreign("HelmRepository", scene.namespace, "charts"))
    scene.apply(foreign("Alert", scene.namespace, "chat"))
    events = f"--events-addr=http://notification-controller.{scene.namespace}.svc.cluster.local./"
    scene.install_ours()
    done = scene.adopt()
    assert done.returncode == 1
    assert "it is set to be source-controller too, which has to stay" in done.stderr
    assert f"set --components=flux-kustomize {events}" in done.stderr
    assert scene.writes() == []
    scene.install_ours("--components=flux-kustomize")
    silent = scene.adopt()
    assert silent.returncode == 1
    assert "Alerts stay with Flux, and would not hear of what kseal does" in silent.stderr
    scene.install_ours("--components=flux-kustomize", events)
    done = scene.adopt()
    assert done.returncode == 0, done.stderr
    kept = dict.fromkeys((*FLUX[1:], "helm-controller"), 1)
    assert scene.replicas() == {**kept, "kustomize-controller": 0, "kseal-deliveries": 1}
    assert scene.leads_to("source-controller") == ({"app": "source-controller"}, "http")
    assert f"HelmRepository/{scene.namespace}/charts needs it" in done.stdout


def test_what_works_and_would_not_any_more_is_in_the_way(scene: Scene) -> None:
    scene.install()
    scene.install_ours()
    remote = {"kubeConfig": {"configMapRef": {"name": "other"}}}
    scene.ready(kustomization(scene.namespace, "elsewhere", **remote))
    create(scene.plane, kustomization(scene.namespace, "never", **remote))
    code, shown = scene.look()
    assert code == 3
    assert [(one["object"].rpartition("/")[2], one["state"]) for one in shown["resources"]] == [
        ("elsewhere", "would fail"),
        ("never", "would fail"),
    ]
    assert [one["object"] for one in shown["obstacles"]] == [f"Kustomization/{scene.namespace}/elsewhere"]
    assert scene.adopt().returncode == 1
    assert scene.writes() == []
    scene.set_spec("elsewhere", suspend=True)
    assert scene.adopt().returncode == 0


def test_a_kustomization_that_would_bring_flux_back_is_in_the_way_with_a_patch_that_cures_it(
    scene: Scene, tmp_path: Path
) -> None:
    scene.install()
    scene.install_ours()
    scene.bootstrap()
    done = scene.adopt()
    assert done.returncode == 1
    assert f"Kustomization/{scene.namespace}/flux-system would bring it back" in done.stderr
    assert f"kseal suspend ks/flux-system -n {scene.namespace}" in done.stderr
    assert "clusters/prod/flux-system/kustomization.yaml" in done.stderr
    assert scene.writes() == []
    built = _built(scene, done.stdout, tmp_path)
    deployments = {one["metadata"]["name"]: one["spec"]["replicas"] for one in built if one["kind"] == "Deployment"}
    assert deployments == {**dict.fromkeys(FLUX, 0), "helm-controller": 1}
    scene.apply(*built, manager="kustomize-controller")
    assert scene.leads_to("webhook-receiver") == (OURS, 9292)
    assert scene.leads_to("source-controller") == (OURS, 9090)
    assert scene.leads_to("notification-controller") == ({"app": "notification-controller"}, "http")
    done = scene.adopt()
    assert done.returncode == 0, done.stderr
    assert scene.replicas() == {**DOWN, "helm-controller": 1}


def _built(scene: Scene, patch: str, folder: Path) -> list[dict[str, Any]]:
    """What kustomize makes of Flux's manifests when the patch is committed."""
    components = [deployment(name, scene.namespace) for name in (*FLUX, "helm-controller")]
    (folder / "gotk-components.yaml").write_text(yaml.safe_dump_all([*components, *services(scene.namespace)]))
    (folder / "kustomization.yaml").write_text(f"resources: [gotk-components.yaml]\n{patch}")
    return list(yaml.safe_load_all(scene.plane.kubectl("kustomize", str(folder)).stdout))


def test_a_suspended_kustomization_of_flux_is_not_in_the_way(scene: Scene) -> None:
    scene.install(manager="kustomize-controller")
    scene.install_ours()
    scene.bootstrap(suspend=True)
    done = scene.adopt()
    assert done.returncode == 0, done.stderr
    assert scene.replicas() == DOWN
    scene.set_spec("flux-system", suspend=None)
    shown = scene.look()[1]
    assert {one["object"].rpartition("/")[2] for one in shown["obstacles"]} == set(FLUX), "resumed, and not yet applied"
    inventory = [f"{scene.namespace}_{name}_apps_Deployment" for name in FLUX]
    scene.give_inventory("flux-system", *inventory)
    code, shown = scene.look()
    assert (code, shown["obstacles"]) == (0, []), "applied since, and still at 0: so does Git want it"
    back = scene.adopt("--undo")
    assert back.returncode == 1
    assert "would scale it down again" in back.stderr


def test_what_git_scales_to_0_is_not_in_the_way(scene: Scene) -> None:
    scene.install(manager="kustomize-controller", replicas=0)
    scene.install_ours()
    scene.bootstrap()
    obstacles = scene.look()[1]["obstacles"]
    assert [one["object"] for one in obstacles] == [f"Service/{scene.namespace}/webhook-receiver"]
    labels = {"kustomize.toolkit.fluxcd.io/reconcile": "disabled"}
    path = f"/api/v1/namespaces/{scene.namespace}/services/webhook-receiver"
    change = {"metadata": {"labels": labels}}
    scene.plane.api.text("PATCH", path, change, content_type="application/merge-patch+json")
    done = scene.adopt()
    assert done.returncode == 0, done.stderr
    assert scene.replicas() == DOWN


def test_restrictions_of_flux_are_not_lost(scene: Scene) -> None:
    flags = ["--no-cross-namespace-refs=true", "--default-service-account=reconciler", "--sops-age-secret=ages"]
    scene.install(flags=flags)
    scene.install_ours()
    shown = scene.look()[1]
    assert {one["cause"] for one in shown["obstacles"]} == {
        "it refuses references to other namespaces, kseal does not",
        "it acts as ServiceAccount reconciler by default, kseal as itself or another",
    }
    assert {one["detail"] for one in shown["differing"]} == {"--sops-age-secret=ages is not set in kseal"}
    scene.install_ours("--no-cross-namespace-refs", "--default-service-account", "reconciler")
    assert scene.adopt().returncode == 0


def test_options_of_the_other_system_are_misused(scene: Scene) -> None:
    done = scene.adopt("--controller-namespace=kube-system")
    assert (done.returncode, "belongs to kseal adopt sealed-secrets" in done.stderr) == (2, True)


def test_what_is_installed_beside_flux_takes_nothing_of_flux_over_by_itself(scene: Scene) -> None:
    text = scene.plane.kubectl("kustomize", str(ROOT / "deploy" / "beside-flux")).stdout
    found = {(one["kind"], one["metadata"]["name"]): one for one in yaml.safe_load_all(text)}
    assert {kind for kind, _ in found}.isdisjoint({"CustomResourceDefinition", "Namespace"})
    names = {name for kind, name in found if kind == "Service"}
    assert names.isdisjoint({"source-controller", "webhook-receiver", "notification-controller"})
    own = found["Deployment", "kseal-deliveries"]
    assert own["spec"]["replicas"] == 0
    own["metadata"]["namespace"] = scene.namespace
    scene.install()
    scene.apply(own)
    done = scene.adopt()
    assert done.returncode == 0, done.stderr
    assert scene.replicas() == DOWN
    assert scene.leads_to("source-controller") == (OURS, 9090)


def test_while_somebody_holds_a_lease_without_a_deployment_nothing_is_written(scene: Scene) -> None:
    """Flux's controllers may run anywhere, under names of their own."""
    scene.install_ours()
    scene.hold("kustomize-controller", "laptop_1")
    done = scene.adopt("--timeout=1s")
    assert done.returncode == 1
    assert f"Lease/{scene.namespace}/kustomize-controller-leader-election: is still held by laptop_1" in done.stderr
    assert scene.writes() == []
