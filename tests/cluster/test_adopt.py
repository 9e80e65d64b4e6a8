"""The original controller and ours in one cluster: what a takeover would change, the takeover, and the way back.

The Deployments are real, their Pods are pretended; the controllers run as processes that are started and stopped when
a kubelet would. All requests are in an audit log.
"""

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from sealer.certificates import Certificate
from sealer.sealedsecret import seal_secret
from tests.kit import real
from tests.kit.controlplane import ControlPlane
from tests.kit.errors import Unavailable
from tests.kit.process import Nest, wait_until
from tests.kit.running import KSEAL, OriginalController, RunningController
from tests.kit.sealingkeys import a_key, broken, certificate, key_secret
from tests.kit.tree import ROOT
from tests.kit.wrappedkeys import wrapped_secret, write_identity

pytestmark = [pytest.mark.cluster, pytest.mark.interop, pytest.mark.slow, pytest.mark.timeout(300)]

NAME = "sealed-secrets-controller"
WRITES = {"create", "update", "patch", "delete", "deletecollection"}
VALUE = "tide-and-time"
RIGHT = ("one", "two", "three")


class Scene:
    """A cluster with the original at work, ours installed beside it by the chart with no replica, and an adopter."""

    def __init__(self, stack: ExitStack) -> None:
        self.plane = plane = stack.enter_context(ControlPlane("cluster", audit=True))
        plane.add_node("node")
        nest = stack.enter_context(Nest("adoption"))
        self.home, self.shop = plane.create_namespace("home"), plane.create_namespace("shop")
        self.original = OriginalController(nest, plane, namespace=self.home, flags=["--key-size=2048"]).start()
        self.certificate = self.original.certificate()
        self._install_original()
        self._install_ours()
        self.ours = RunningController(nest, plane.account(self.home, "kseal").kubeconfig, namespace=self.home)
        self.adopter = plane.account(self.home, "adopter").kubeconfig
        binding = f"--serviceaccount={self.home}:adopter"
        plane.kubectl("create", "clusterrolebinding", "adopter", "--clusterrole=cluster-admin", binding)
        for name in RIGHT:
            self.seal(name)
        self.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "theirs", "namespace": self.shop}})
        self.seal("theirs")
        self.seal("lost", pem=certificate(a_key()))
        for name in RIGHT:
            self.wait_status(name, "True")
        for name in ("theirs", "lost"):
            self.wait_status(name, "False")

    def _install_original(self) -> None:
        labels = {"name": NAME}
        container = {"name": NAME, "image": "localhost/sealed-secrets-controller:0.38.4", "command": ["controller"]}
        metadata = {"name": NAME, "namespace": self.home}
        pod = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
        spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": pod}
        self.apply({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec})
        ports = {"selector": labels, "ports": [{"port": 8080, "targetPort": 8080}]}
        self.apply({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": ports})
        self.plane.kubectl("rollout", "status", f"deployment/{NAME}", "--timeout=60s", namespace=self.home)

    def _install_ours(self) -> None:
        names = ["--set=fullnameOverride=kseal", "--set=rbac.clusterRoleName=kseal-unsealer", "--set=replicaCount=0"]
        chart = str(ROOT / "deploy" / "helm" / "kseal")
        helm = [str(real.require("helm")), "install", "kseal", chart, f"--namespace={self.home}", *names]
        environment = {**self.plane.nest.bare_environment(), "KUBECONFIG": str(self.plane.kubeconfig)}
        subprocess.run(helm, env=environment, check=True, capture_output=True)

    def apply(self, *objects: dict[str, Any]) -> None:
        listed = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        self.plane.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", input=json.dumps(listed))

    def seal(self, name: str, *, pem: str | None = None) -> None:
        data = {"password": base64.b64encode(VALUE.encode()).decode()}
        metadata = {"name": name, "namespace": self.shop}
        key = Certificate.parse((pem or self.certificate).encode(), source="test").public_key
        # Where no type is named, the original writes the Secret at each of its starts, though nothing differs.
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "data": data}
        self.apply(seal_secret(secret, key))

    def adopt(self, *flags: str) -> "subprocess.Popen[str]":
        """`kseal adopt sealed-secrets`, as the adopter."""
        command = [str(KSEAL), "adopt", "sealed-secrets", "--kubeconfig", str(self.adopter)]
        command += ["--controller-namespace", self.home, "--verbose", *flags]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def look(self) -> tuple[int, dict[str, Any]]:
        """The dry run: exit code and report."""
        process = self.adopt("--dry-run", "--output=json")
        out, errors = process.communicate(timeout=60)
        assert VALUE not in out + errors
        assert base64.b64encode(VALUE.encode()).decode() not in out + errors
        print(errors, file=sys.stderr)
        return process.returncode, json.loads(out)

    def replicas(self, deployment: str) -> int:
        path = f"/apis/apps/v1/namespaces/{self.home}/deployments/{deployment}"
        return int(self.plane.api.json("GET", path)["spec"]["replicas"])

    def pods(self, deployment: str) -> list[Any]:
        found = self.plane.api.json("GET", f"/api/v1/namespaces/{self.home}/pods")["items"]
        return [one for one in found if one["metadata"]["name"].startswith(f"{deployment}-")]

    def writes(self, since: int, *, user: str | None = None) -> list[tuple[str, str]]:
        """What was written after the first so many audited requests: verb and resource/name."""
        return [
            (event["verb"], f"{event['objectRef']['resource']}/{event['objectRef'].get('name', '')}")
            for event in [*self.plane.audit_events()][since:]
            if event["verb"] in WRITES and (user is None or event["user"]["username"] == user)
            if user is not None or event["objectRef"].get("namespace") == self.shop
        ]

    def mark(self) -> int:
        return len([*self.plane.audit_events()])

    def sealed(self) -> dict[str, Any]:
        path = f"/apis/bitnami.com/v1alpha1/namespaces/{self.shop}/sealedsecrets"
        return {one["metadata"]["name"]: one for one in self.plane.api.json("GET", path)["items"]}

    def statuses(self) -> dict[str, Any]:
        """All statuses without their times."""
        found = {}
        for name, one in self.sealed().items():
            conditions = one["status"]["conditions"]
            kept = [{key: text for key, text in each.items() if not key.endswith("Time")} for each in conditions]
            found[name] = {**one["status"], "conditions": kept}
        return found

    def wait_status(self, name: str, status: str) -> None:
        def is_so() -> bool:
            conditions = (self.sealed()[name].get("status") or {}).get("conditions") or [{}]
            return bool(conditions[0].get("status") == status)

        wait_until(is_so, f"{name} is {status}")

    def secrets(self) -> list[Any]:
        items: list[Any] = self.plane.api.json("GET", f"/api/v1/namespaces/{self.shop}/secrets")["items"]
        return items

    def selector(self) -> Any:
        return self.plane.api.json("GET", f"/api/v1/namespaces/{self.home}/services/{NAME}")["spec"]["selector"]


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with ExitStack() as stack:
        try:
            yield Scene(stack)
        except Unavailable as error:
            real.do_without(error)


def _steps(report: dict[str, Any]) -> list[str]:
    return [step["change"] for step in report["steps"]]


def test_a_dry_run_names_what_differs_first_and_writes_nothing(scene: Scene) -> None:
    wrong = {"data": {"password": base64.b64encode(b"by hand").decode()}}
    path = f"/api/v1/namespaces/{scene.shop}/secrets/two"
    right = {"data": scene.plane.api.json("GET", path)["data"]}
    bad_key = broken(key_secret("sealed-secrets-keybroken", a_key()))
    bad_key["metadata"]["namespace"] = scene.home
    scene.apply(bad_key)
    scene.plane.api.text("PATCH", path, wrong, content_type="application/merge-patch+json")
    since = scene.mark()
    try:
        code, report = scene.look()
    finally:
        scene.plane.api.text("PATCH", path, right, content_type="application/merge-patch+json")
        scene.plane.api.text("DELETE", f"/api/v1/namespaces/{scene.home}/secrets/sealed-secrets-keybroken")
    assert code == 3
    shop = scene.shop
    assert [(one["object"], one["state"], one["changesStatus"]) for one in report["sealedSecrets"]] == [
        (f"SealedSecret/{shop}/two", "would be changed", False),
        (f"SealedSecret/{shop}/theirs", "not managed", False),
        (f"SealedSecret/{shop}/lost", "would fail", False),
    ]
    assert report["sealedSecrets"][0]["detail"] == "item password changed"
    assert report["right"] == len(RIGHT) - 1
    assert report["keys"]["usable"] == 1
    assert [one["object"] for one in report["keys"]["unreadable"]] == [f"Secret/{scene.home}/sealed-secrets-keybroken"]
    user = f"system:serviceaccount:{scene.home}:adopter"
    assert scene.writes(since, user=user) == []
    asked = list(scene.plane.audit_events(user=user))
    assert {event["verb"] for event in asked} <= {"get", "list"}
    assert "secrets" in {event["objectRef"]["resource"] for event in asked}


def test_the_takeover_and_the_way_back_write_to_no_secret_and_to_no_status(scene: Scene) -> None:
    secrets, statuses, keys = scene.secrets(), scene.statuses(), _keys(scene)
    code, report = scene.look()
    assert code == 3
    assert _steps(report) == ["replicas 1 -> 0", "replicas 0 -> 1", f"leads to Deployment/{scene.home}/kseal"]
    since, before = scene.mark(), scene.selector()

    adopting = scene.adopt()
    wait_until(lambda: scene.replicas(NAME) == 0, "the original is scaled down")
    assert scene.original.stop() == 0
    wait_until(lambda: scene.replicas("kseal") == 1, "ours is scaled up", limit_seconds=90)
    assert scene.pods(NAME) == [], "both at once"
    scene.ours.start()
    _, errors = adopting.communicate(timeout=90)
    assert adopting.returncode == 0, errors
    assert scene.selector() == {"app.kubernetes.io/name": "kseal", "app.kubernetes.io/instance": "kseal"}
    assert scene.look() == (0, {**report, "steps": []})
    assert (scene.secrets(), scene.statuses(), _keys(scene)) == (secrets, statuses, keys)
    assert [write for write in scene.writes(since) if not write[1].startswith("events/")] == []

    scene.seal("meanwhile", pem=scene.ours.certificate())
    scene.wait_status("meanwhile", "True")
    secrets, statuses = scene.secrets(), scene.statuses()
    since = scene.mark()

    going_back = scene.adopt("--undo")
    wait_until(lambda: scene.replicas("kseal") == 0, "ours is scaled down")
    assert scene.ours.stop() == 0
    wait_until(lambda: scene.replicas(NAME) == 1, "the original is scaled up", limit_seconds=90)
    assert scene.pods("kseal") == [], "both at once"
    scene.original.start()
    _, errors = going_back.communicate(timeout=90)
    assert going_back.returncode == 0, errors
    assert scene.selector() == before
    scene.seal("afterwards")
    scene.wait_status("afterwards", "True")
    after = {one["metadata"]["name"]: one for one in scene.secrets()}
    assert [after[one["metadata"]["name"]] for one in secrets] == secrets
    assert {name: status for name, status in scene.statuses().items() if name != "afterwards"} == statuses
    writes = scene.writes(since)
    assert [verb for verb, what in writes if what.startswith("secrets/")] == ["create"]
    assert {what for _, what in writes if what.startswith("sealedsecrets/")} == {"sealedsecrets/afterwards"}
    code, again = scene.look()
    assert (code, _steps(again)) == (3, _steps(report))


def _keys(scene: Scene) -> Any:
    label = "sealedsecrets.bitnami.com/sealed-secrets-key"
    path = f"/api/v1/namespaces/{scene.home}/secrets?labelSelector={label}"
    return scene.plane.api.json("GET", path)["items"]


def test_there_is_no_way_back_without_a_takeover(scene: Scene) -> None:
    process = scene.adopt("--undo")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "there is no takeover to undo" in errors


def test_there_is_no_way_back_while_keys_are_wrapped_and_a_look_names_them(scene: Scene, tmp_path: Path) -> None:
    identity = write_identity(tmp_path / "identity")
    scene.apply(wrapped_secret("sealed-secrets-keyshut", scene.home, a_key(), identity))
    try:
        process = scene.adopt("--undo")
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 1
        assert "sealing keys are wrapped, which the original cannot read: sealed-secrets-keyshut" in errors
        assert "kseal keys unwrap --all --plaintext" in errors
        unreadable = {one["object"]: one["error"] for one in scene.look()[1]["keys"]["unreadable"]}
        assert "wrapped with age:age1" in unreadable[f"Secret/{scene.home}/sealed-secrets-keyshut"]
    finally:
        scene.plane.kubectl("delete", "secret", "sealed-secrets-keyshut", namespace=scene.home)


def test_a_takeover_that_would_break_something_is_refused_before_its_first_step(scene: Scene) -> None:
    """What is synced now, and no key of the cluster opens any more: its key was lost since."""
    scene.original.stop()  # it would write the status again
    status = f"/apis/bitnami.com/v1alpha1/namespaces/{scene.shop}/sealedsecrets/lost/status"
    synced = {"status": {"conditions": [{"type": "Synced", "status": "True"}]}}
    scene.plane.api.text("PATCH", status, synced, content_type="application/merge-patch+json")
    since = scene.mark()
    process = scene.adopt()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert f"SealedSecret/{scene.shop}/lost: is synced now, and would not be" in errors
    assert scene.writes(since, user=f"system:serviceaccount:{scene.home}:adopter") == []


def test_a_namespace_without_keys_is_a_failure_with_a_cure(scene: Scene) -> None:
    process = scene.adopt("--dry-run", "--controller-namespace", scene.shop)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "there is no sealing key" in errors
    assert "--controller-namespace" in errors


def test_who_may_not_read_secrets_is_told_so(scene: Scene, tmp_path: Path) -> None:
    visitor = scene.plane.account(scene.shop, "visitor").kubeconfig
    command = [str(KSEAL), "adopt", "sealed-secrets", "--dry-run", "--kubeconfig", str(visitor)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 1
    assert "forbidden" in done.stderr
