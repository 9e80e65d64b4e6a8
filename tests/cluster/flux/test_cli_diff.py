"""`kseal diff --cluster` against a real API server: what would change, and that nothing is written."""

import base64
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.kit import fluxobjects
from tests.kit.controlplane import ControlPlane
from tests.kit.fluxobjects import kustomization, path_of
from tests.kit.running import KSEAL

pytestmark = pytest.mark.cluster

OWNER = "kustomize.toolkit.fluxcd.io"
APPLY = "application/apply-patch+yaml"
VALUES = ("hunter2", "hunter3", "from-a-secret")


class Team:
    """A namespace with a Kustomization and what it has applied, and a folder with what it should apply next."""

    def __init__(self, plane: ControlPlane, folder: Path) -> None:
        self.plane = plane
        self.namespace = plane.create_namespace()
        self.folder = folder
        self.made = fluxobjects.create(plane, kustomization(self.namespace, "apps"))
        (folder / "apps").mkdir()

    def config(self, name: str, data: dict[str, str], **metadata: Any) -> dict[str, Any]:
        return self._object("ConfigMap", name, data, metadata)

    def secret(self, name: str, data: dict[str, str]) -> dict[str, Any]:
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
        return self._object("Secret", name, encoded, {})

    def applied(self, *objects: dict[str, Any], owner: str = "apps") -> None:
        """Apply objects as the controller has, and write its inventory."""
        for obj in objects:
            labels = {f"{OWNER}/name": owner, f"{OWNER}/namespace": self.namespace}
            metadata = {**obj["metadata"], "labels": {**obj["metadata"].get("labels", {}), **labels}}
            path = f"/api/v1/namespaces/{self.namespace}/{obj['kind'].lower()}s/{metadata['name']}"
            query = "?fieldManager=kustomize-controller&force=true"
            self.plane.api.text("PATCH", path + query, {**obj, "metadata": metadata}, content_type=APPLY)
        entries = [{"id": f"{self.namespace}_{obj['metadata']['name']}__{obj['kind']}", "v": "v1"} for obj in objects]
        path = path_of("Kustomization", self.namespace, "apps")
        status = {"status": {"inventory": {"entries": entries}}}
        self.plane.api.text("PATCH", f"{path}/status", status, content_type="application/merge-patch+json")

    def committed(self, *objects: dict[str, Any]) -> None:
        """What the folder holds."""
        (self.folder / "apps" / "all.yaml").write_text(yaml.safe_dump_all(objects))

    def diff(self, *words: str) -> "subprocess.CompletedProcess[str]":
        command = [str(KSEAL), "diff", *words, "--cluster", f"--kubeconfig={self.plane.kubeconfig}"]
        return subprocess.run(
            [*command, f"--namespace={self.namespace}"],
            capture_output=True, text=True, check=False, timeout=60, cwd=self.folder,
        )  # fmt: skip

    def changes(self, *words: str) -> dict[str, str]:
        """What happens to which object."""
        done = self.diff(*words, "-o", "json")
        assert done.returncode in (0, 3), done.stderr
        for value in VALUES:
            assert value not in done.stdout + done.stderr
        return {
            one["object"].replace(f"/{self.namespace}", ""): one["change"] for one in json.loads(done.stdout)["objects"]
        }

    def _object(self, kind: str, name: str, data: dict[str, str], metadata: dict[str, Any]) -> dict[str, Any]:
        whole = {"namespace": self.namespace, "name": name, **metadata}
        return {"apiVersion": "v1", "kind": kind, "metadata": whole, "data": data}


@pytest.fixture(scope="module")
def served(control_plane: ControlPlane) -> ControlPlane:
    fluxobjects.install_definitions(control_plane)
    return control_plane


@pytest.fixture
def team(served: ControlPlane, tmp_path: Path) -> Iterator[Team]:
    return Team(served, tmp_path)


def test_what_is_applied_does_not_differ(team: Team) -> None:
    team.applied(team.config("web", {"a": "1"}), team.secret("db", {"password": "hunter2"}))
    team.committed(team.config("web", {"a": "1"}), team.secret("db", {"password": "hunter2"}))
    done = team.diff("apps", "--for", "ks/apps")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_what_would_be_created_changed_and_deleted_is_shown(team: Team) -> None:
    team.applied(team.config("web", {"a": "1", "b": "2"}), team.config("old", {}), team.secret("db", {"a": "hunter2"}))
    team.committed(team.config("web", {"a": "2"}), team.config("new", {}), team.secret("db", {"a": "hunter3"}))
    assert team.changes("apps", "--for", "ks/apps") == {
        "ConfigMap/web": "configured",
        "ConfigMap/new": "created",
        "ConfigMap/old": "deleted",
        "Secret/db": "configured",
    }
    shown = team.diff("apps", "--for", "kustomization/apps").stdout
    assert '  -  a: "1"\n  -  b: "2"\n  +  a: "2"\n' in shown


def test_nothing_is_written(team: Team, new_control_plane: Callable[..., ControlPlane], tmp_path: Path) -> None:
    plane = new_control_plane("api", audit=True)
    fluxobjects.install_definitions(plane)
    (tmp_path / "b").mkdir()
    other = Team(plane, tmp_path / "b")
    other.applied(other.config("web", {"a": "1"}), other.config("old", {}))
    other.committed(other.config("web", {"a": "2"}), other.config("new", {}))
    before = sum(1 for _ in plane.audit_events(user="kseal-admin"))
    assert other.diff("apps", "--for", "ks/apps").returncode == 3
    since = list(plane.audit_events(user="kseal-admin"))[before:]
    writes = [event["requestURI"] for event in since if event["verb"] not in ("get", "list", "watch")]
    assert writes != []
    assert [uri for uri in writes if "dryRun=All" not in uri] == []


def test_what_is_protected_or_of_another_owner_is_not_shown_as_deleted(team: Team) -> None:
    kept = team.config("kept", {}, annotations={f"{OWNER}/prune": "disabled"})
    team.applied(team.config("moved", {}), owner="others")
    team.applied(team.config("web", {}), kept)
    path = path_of("Kustomization", team.namespace, "apps")
    entries = [{"id": f"{team.namespace}_{name}__ConfigMap", "v": "v1"} for name in ("web", "kept", "moved", "gone")]
    status = {"status": {"inventory": {"entries": entries}}}
    team.plane.api.text("PATCH", f"{path}/status", status, content_type="application/merge-patch+json")
    team.committed(team.config("web", {}))
    assert team.changes("apps", "--for", "ks/apps") == {}


def test_words_on_an_object_keep_it_out(team: Team) -> None:
    team.applied(team.config("web", {"a": "1"}), team.config("once", {"a": "1"}))
    team.committed(
        team.config("web", {"a": "2"}, annotations={f"{OWNER}/reconcile": "disabled"}),
        team.config("once", {"a": "2"}, annotations={f"{OWNER}/ssa": "IfNotPresent"}),
    )
    assert team.changes("apps", "--for", "ks/apps") == {}


def test_a_kustomization_from_a_file_is_compared_with_its_inventory(team: Team) -> None:
    team.applied(team.config("web", {"a": "1"}), team.config("old", {}))
    team.committed(team.config("web", {"a": "1"}))
    raw = kustomization(team.namespace, "apps", path="./apps")
    (team.folder / "apps.yaml").write_text(yaml.safe_dump(raw))
    assert team.changes("apps.yaml") == {"ConfigMap/old": "deleted"}
    del raw["metadata"]["namespace"]
    (team.folder / "apps.yaml").write_text(yaml.safe_dump(raw))
    assert team.changes("apps.yaml") == {"ConfigMap/old": "deleted"}
    raw["spec"]["prune"] = False
    (team.folder / "apps.yaml").write_text(yaml.safe_dump(raw))
    assert team.changes("apps.yaml") == {}


def test_without_a_kustomization_the_owner_of_each_object_counts(team: Team) -> None:
    team.applied(team.config("web", {"a": "1", "b": "2"}), team.config("same", {"a": "1"}))
    nameless = team.config("web", {"a": "1"})
    del nameless["metadata"]["namespace"]
    team.committed(nameless, team.config("same", {"a": "1"}))
    assert team.changes("apps") == {"ConfigMap/web": "configured"}
    assert f"{OWNER}/name" not in "".join(
        line for line in team.diff("apps").stdout.splitlines() if line.lstrip().startswith(("+", "-"))
    )


def test_variables_come_from_the_cluster_and_secret_ones_are_hidden(team: Team) -> None:
    post_build = {
        "substituteFrom": [{"kind": "ConfigMap", "name": "vars"}, {"kind": "Secret", "name": "more"}],
    }
    path = path_of("Kustomization", team.namespace, "apps")
    patch = {"spec": {"postBuild": post_build}}
    team.plane.api.text("PATCH", path, patch, content_type="application/merge-patch+json")
    team.applied(team.config("vars", {"host": "shop.example"}), team.secret("more", {"token": "from-a-secret"}))
    team.applied(team.config("web", {"a": "1"}))
    team.committed(team.config("web", {"a": "${host} ${token}"}))
    assert team.changes("apps", "--for", "ks/apps") == {"ConfigMap/web": "configured"}
    shown = team.diff("apps", "--for", "ks/apps").stdout
    assert "+  a: shop.example (masked)\n" in shown


def test_an_object_that_the_server_refuses_is_told_and_the_rest_is_compared(team: Team) -> None:
    team.applied(team.config("web", {"a": "1"}))
    bad = team.config("bad", {"a/b": "x"})
    widget = {"apiVersion": "example.org/v1", "kind": "Widget", "metadata": {"name": "w", "namespace": team.namespace}}
    team.committed(team.config("web", {"a": "2"}), bad, widget)
    done = team.diff("apps", "--for", "ks/apps")
    assert done.returncode == 1
    assert "ConfigMap/" in done.stdout
    assert f"ConfigMap/{team.namespace}/bad: invalid" in done.stderr
    assert f"Widget/{team.namespace}/w: the cluster does not know Widget of example.org/v1" in done.stderr


def test_an_encrypted_secret_is_told_and_not_compared(team: Team) -> None:
    sealed = {**team.secret("db", {}), "stringData": {"a": "ENC[AES256_GCM,data:x,type:str]"}, "sops": {"mac": "x"}}
    team.committed(sealed)
    done = team.diff("apps", "--for", "ks/apps")
    assert done.returncode == 1
    assert f"Secret/{team.namespace}/db: is SOPS encrypted, and is not compared" in done.stderr


def test_objects_in_a_namespace_that_comes_with_them_are_created(team: Team) -> None:
    name = f"{team.namespace}-new"
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    team.committed(space, {**team.config("web", {"a": "1"}), "metadata": {"name": "web", "namespace": name}})
    done = team.diff("apps", "--for", "ks/apps", "-o", "json")
    assert done.returncode == 3, done.stderr
    assert [one["change"] for one in json.loads(done.stdout)["objects"]] == ["created", "created"]
