"""`kseal tree` against a real API server: the inventory, what grew out of it, and how it stands."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kit import fluxobjects
from tests.kit.controlplane import ControlPlane
from tests.kit.fluxobjects import create, kustomization, path_of, report
from tests.kit.running import KSEAL

pytestmark = pytest.mark.cluster

LABELS = {"app": "web"}
POD = {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "web", "image": "none"}]}}
MERGE = "application/merge-patch+json"


class Team:
    """A Kustomization that has applied a Deployment, a ConfigMap and another Kustomization."""

    def __init__(self, plane: ControlPlane) -> None:
        self.plane = plane
        self.namespace = plane.create_namespace()
        core, apps = f"/api/v1/namespaces/{self.namespace}", f"/apis/apps/v1/namespaces/{self.namespace}"
        spec = {"replicas": 1, "selector": {"matchLabels": LABELS}, "template": POD}
        web = self.make(f"{apps}/deployments", "Deployment", "web", spec=spec)
        replicas = self.make(f"{apps}/replicasets", "ReplicaSet", "web-1", owner=web, spec=spec)
        self.make(f"{core}/pods", "Pod", "web-1-a", owner=replicas, spec=POD["spec"])
        self.make(f"{apps}/replicasets", "ReplicaSet", "web-0", owner=web, spec={**spec, "replicas": 0})
        self.make(f"{core}/pods", "Pod", "stranger", spec=POD["spec"])
        self.make(f"{core}/configmaps", "ConfigMap", "settings")
        more = "more_kustomize.toolkit.fluxcd.io_Kustomization"
        self.deliver("apps", "web_apps_Deployment", "settings__ConfigMap", more, "gone__Secret")
        self.deliver("more", "settings__ConfigMap", "apps_kustomize.toolkit.fluxcd.io_Kustomization")

    def make(
        self, path: str, kind: str, name: str, *, owner: dict[str, Any] | None = None, **fields: Any
    ) -> dict[str, Any]:
        metadata: dict[str, Any] = {"name": name, "labels": LABELS}
        if owner is not None:
            metadata["ownerReferences"] = [
                {key: owner[key] for key in ("apiVersion", "kind")}
                | {key: owner["metadata"][key] for key in ("name", "uid")}
                | {"controller": True}
            ]
        made: dict[str, Any] = self.plane.api.json("POST", path, {"metadata": metadata, **fields})
        return made | {"apiVersion": "apps/v1", "kind": kind}

    def deliver(self, name: str, *members: str) -> None:
        obj = create(self.plane, kustomization(self.namespace, name))
        report(self.plane, obj, ready="True", reason="ReconciliationSucceeded", message="Applied revision: main")
        entries = [{"id": f"{self.namespace}_{member}", "v": "v1"} for member in members]
        path = f"{path_of('Kustomization', self.namespace, name)}/status"
        self.plane.api.text("PATCH", path, {"status": {"inventory": {"entries": entries}}}, content_type=MERGE)

    def tree(self, *words: str) -> "subprocess.CompletedProcess[str]":
        command = [str(KSEAL), "tree", *words, f"--kubeconfig={self.plane.kubeconfig}", f"--namespace={self.namespace}"]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    def lines(self, *words: str) -> list[str]:
        done = self.tree(*words)
        assert done.returncode == 0, done.stderr
        return [line.partition(": ")[0].replace(f"/{self.namespace}", "") for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def team(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    fluxobjects.install_definitions(control_plane)
    return Team(control_plane)


def test_what_grew_out_of_an_inventory_is_shown_with_its_health(team: Team) -> None:
    assert team.lines("ks/apps") == [
        "Kustomization/apps Current",
        "├── Deployment/web InProgress",
        "│   └── ReplicaSet/web-1 InProgress",
        "│       └── Pod/web-1-a InProgress",
        "├── ConfigMap/settings Current",
        "├── Kustomization/more Current",
        "│   ├── ConfigMap/settings Current",
        "│   └── Kustomization/apps Current",
        "└── Secret/gone NotFound",
    ]


def test_only_what_was_applied_can_be_asked_for(team: Team) -> None:
    assert [line for line in team.lines("ks/apps", "--compact") if "Pod" in line or "ReplicaSet" in line] == []


def test_a_program_gets_the_same(team: Team) -> None:
    root = json.loads(team.tree("ks/more", "-o", "json").stdout)
    assert (root["object"], root["health"]) == (f"Kustomization/{team.namespace}/more", "Current")
    assert [child["kind"] for child in root["children"]] == ["ConfigMap", "Kustomization"]


def test_an_entry_that_names_no_namespace_is_told_and_breaks_nothing(team: Team) -> None:
    obj = create(team.plane, kustomization(team.namespace, "nowhere"))
    entries = [{"id": "_settings__ConfigMap", "v": "v1"}]
    path = f"{path_of('Kustomization', team.namespace, obj['metadata']['name'])}/status"
    team.plane.api.text("PATCH", path, {"status": {"inventory": {"entries": entries}}}, content_type=MERGE)
    assert team.lines("ks/nowhere")[1:] == ["└── ConfigMap/settings NotFound"]


def test_a_missing_object_is_told(team: Team, tmp_path: Path) -> None:
    done = team.tree("ks/nothing")
    assert done.returncode == 1
    assert f"Kustomization/{team.namespace}/nothing: not found" in done.stderr
