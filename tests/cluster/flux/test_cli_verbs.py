"""The verbs of deliveries against a real API server; the test itself plays the controller."""

import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pexpect
import pytest

from tests.kit import fluxobjects
from tests.kit.controlplane import ControlPlane
from tests.kit.fluxobjects import create, git_repository, kustomization, path_of, report
from tests.kit.process import wait_until
from tests.kit.running import KSEAL

pytestmark = pytest.mark.cluster

COMMIT = "1eabc9a41ca088515cab83f1cce49eb43e84b67f"
REVISION = f"main@sha1:{COMMIT}"


class Team:
    """Somebody at a command line, and a namespace with a source and two Kustomizations."""

    def __init__(self, plane: ControlPlane, folder: Path) -> None:
        self.plane = plane
        self.namespace = plane.create_namespace()
        self._folder = folder
        self.source = create(plane, git_repository(self.namespace, "web"))
        self.apps = create(plane, kustomization(self.namespace, "apps"))
        self.infra = create(plane, kustomization(self.namespace, "infra"))
        artifact = {
            "path": "gitrepository/x.tar.gz",
            "url": "http://source/x.tar.gz",
            "revision": REVISION,
            "digest": f"sha256:{'0' * 64}",
            "lastUpdateTime": "2026-01-01T00:00:00Z",
        }
        stored = f"stored artifact for revision '{REVISION}'"
        report(plane, self.source, ready="True", reason="Succeeded", message=stored, artifact=artifact)
        self.applied(self.apps)

    def applied(self, obj: dict[str, Any]) -> None:
        """Say of a Kustomization that it is applied."""
        message = f"Applied revision: {REVISION}"
        report(
            self.plane,
            obj,
            ready="True",
            reason="ReconciliationSucceeded",
            message=message,
            lastAppliedRevision=REVISION,
        )

    def command(self, *words: str, here: bool = True) -> list[str]:
        where = [f"--namespace={self.namespace}"] if here else []
        return [str(KSEAL), *words, f"--kubeconfig={self.plane.kubeconfig}", *where]

    def run(self, *words: str, here: bool = True) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            self.command(*words, here=here), capture_output=True, text=True, check=False, timeout=60, cwd=self._folder
        )

    def begin(self, *words: str) -> "subprocess.Popen[str]":
        here = "-A" not in words
        return subprocess.Popen(
            self.command(*words, here=here), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def read(self, kind: str, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.plane.api.json("GET", path_of(kind, self.namespace, name))
        return found

    def requested(self, kind: str, name: str) -> str | None:
        annotations = self.read(kind, name)["metadata"].get("annotations") or {}
        return annotations.get(fluxobjects.REQUESTED_AT)


@pytest.fixture(scope="module")
def served(control_plane: ControlPlane) -> ControlPlane:
    fluxobjects.install_definitions(control_plane)
    return control_plane


@pytest.fixture
def team(served: ControlPlane, tmp_path: Path) -> Iterator[Team]:
    return Team(served, tmp_path)


def rows(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("   ") if cell.strip()] for line in text.splitlines()]


def test_a_table_has_the_columns_of_flux(team: Team) -> None:
    done = team.run("get", "ks")
    assert (done.returncode, done.stderr) == (0, "")
    assert rows(done.stdout) == [
        ["NAME", "REVISION", "SUSPENDED", "READY", "MESSAGE"],
        ["apps", "main@sha1:1eabc9a4", "False", "True", "Applied revision: main@sha1:1eabc9a4"],
        ["infra", "-", "False", "False", "waiting to be reconciled"],
    ]


def test_all_kinds_in_all_namespaces_are_in_one_table(team: Team) -> None:
    done = team.run("get", "-A", here=False)
    assert done.returncode == 0, done.stderr
    shown = [row[:2] for row in rows(done.stdout) if row[0] in ("NAMESPACE", team.namespace)]
    assert shown == [
        ["NAMESPACE", "NAME"],
        [team.namespace, "gitrepository/web"],
        [team.namespace, "kustomization/apps"],
        [team.namespace, "kustomization/infra"],
    ]


def test_conditions_and_labels_narrow_a_table(team: Team) -> None:
    done = team.run("get", "ks", "--status-selector", "ready!=true", "--no-header")
    assert [row[0] for row in rows(done.stdout)] == ["infra"]
    labels = {"metadata": {"labels": {"team": "web"}}}
    path = path_of("Kustomization", team.namespace, "apps")
    team.plane.api.text("PATCH", path, labels, content_type="application/merge-patch+json")
    done = team.run("get", "ks", "-l", "team=web", "--no-header")
    assert [row[0] for row in rows(done.stdout)] == ["apps"]


def test_one_object_and_several_are_given_to_programs(team: Team) -> None:
    one = json.loads(team.run("get", "ks/apps", "-o", "json").stdout)
    assert (one["kind"], one["metadata"]["name"]) == ("Kustomization", "apps")
    assert "managedFields" not in one["metadata"]
    several = json.loads(team.run("get", "ks", "-o", "json").stdout)
    assert (several["kind"], len(several["items"])) == ("List", 2)
    assert team.run("get", "ks", "apps", "-o", "yaml").stdout.startswith("---\napiVersion: kustomize.toolkit")


def test_what_is_missing_is_said_and_the_rest_is_shown(team: Team) -> None:
    done = team.run("get", "ks", "apps", "nothing", "--no-header")
    assert done.returncode == 1
    assert [row[0] for row in rows(done.stdout)] == ["apps"]
    assert f"kseal: error: Kustomization/{team.namespace}/nothing: not found" in done.stderr
    assert "kseal get kustomizations nothing -A" in done.stderr


def test_what_is_forbidden_is_said_and_the_rest_is_shown(team: Team) -> None:
    nobody = team.plane.account(team.namespace, "nobody")
    rules = [{"apiGroups": ["kustomize.toolkit.fluxcd.io"], "resources": ["kustomizations"], "verbs": ["list"]}]
    subject = {"kind": "ServiceAccount", "name": "nobody", "namespace": team.namespace}
    rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{team.namespace}"
    team.plane.api.text("POST", f"{rbac}/roles", {"metadata": {"name": "some"}, "rules": rules})
    ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "some"}
    binding = {"metadata": {"name": "some"}, "roleRef": ref, "subjects": [subject]}
    team.plane.api.text("POST", f"{rbac}/rolebindings", binding)
    command = [str(KSEAL), "get", "all", f"--kubeconfig={nobody.kubeconfig}", f"--namespace={team.namespace}"]

    def look() -> "subprocess.CompletedProcess[str]":
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    wait_until(lambda: "kustomization/apps" in look().stdout, "the rights are known")
    done = look()
    assert done.returncode == 1
    assert "GitRepository" in done.stderr
    assert 'RBAC must allow the verb "list" on "gitrepositories.source.toolkit.fluxcd.io"' in done.stderr


def test_an_empty_namespace_is_told(team: Team) -> None:
    done = team.run("get", "receivers")
    assert (done.returncode, done.stdout) == (0, "")
    assert f'there is no Receiver in namespace "{team.namespace}"' in done.stderr


def test_a_watch_shows_changes_as_they_come(team: Team) -> None:
    watching = team.begin("get", "ks/apps", "--watch")
    try:
        assert watching.stdout is not None
        assert watching.stdout.readline().split()[0] == "NAME"
        assert "Applied revision" in watching.stdout.readline()
        report(team.plane, team.apps, ready="False", reason="BuildFailed", message="kustomization.yaml: line 3: no map")
        assert "no map" in watching.stdout.readline()
    finally:
        watching.kill()
        watching.communicate()


def test_a_watch_ends_by_ctrl_c(team: Team) -> None:
    watching = team.begin("get", "-A", "--watch")
    assert watching.stdout is not None
    watching.stdout.readline()
    watching.send_signal(signal.SIGINT)
    _, errors = watching.communicate(timeout=10)
    assert (watching.returncode, errors) == (130, "")


def test_suspending_and_resuming_change_one_field(team: Team) -> None:
    done = team.run("suspend", "ks/apps")
    assert rows(done.stdout)[1] == [f"Kustomization/{team.namespace}/apps", "suspended"]
    assert team.read("Kustomization", "apps")["spec"]["suspend"] is True
    again = team.run("suspend", "ks", "--all", "-o", "json")
    assert json.loads(again.stdout) == [
        {"object": f"Kustomization/{team.namespace}/apps", "state": "was suspended already"},
        {"object": f"Kustomization/{team.namespace}/infra", "state": "suspended"},
    ]
    done = team.run("resume", "ks", "--all")
    assert [row[1] for row in rows(done.stdout)[1:]] == ["resumed", "resumed"]
    assert "suspend" not in team.read("Kustomization", "apps")["spec"]


@pytest.mark.parametrize("words", [("--all",), ("--selector", "team=web")])
def test_a_name_and_all_contradict_each_other(team: Team, words: tuple[str, ...]) -> None:
    assert team.run("suspend", "ks/apps", *words).returncode == 2
    assert "suspend" not in team.read("Kustomization", "apps")["spec"]


def test_nothing_is_suspended_when_one_object_is_missing(team: Team) -> None:
    assert team.run("suspend", "ks", "apps", "nothing").returncode == 1
    assert "suspend" not in team.read("Kustomization", "apps")["spec"]


def test_resuming_waits_for_the_controller(team: Team) -> None:
    team.run("suspend", "ks/apps")
    resuming = team.begin("resume", "ks/apps", "--wait")
    wait_until(lambda: "suspend" not in team.read("Kustomization", "apps")["spec"], "it is resumed")
    assert resuming.poll() is None
    team.applied(team.apps)
    output, _ = resuming.communicate(timeout=30)
    assert resuming.returncode == 0
    assert rows(output)[1][2] == "ready"


def test_a_sync_ends_when_its_request_is_handled(team: Team) -> None:
    syncing = team.begin("sync", "ks/apps")
    wait_until(lambda: team.requested("Kustomization", "apps"), "it is asked for")
    assert syncing.poll() is None
    team.applied(team.apps)
    output, errors = syncing.communicate(timeout=30)
    assert (syncing.returncode, errors) == (0, "")
    assert rows(output) == [
        ["OBJECT", "REVISION", "STATE", "MESSAGE"],
        [
            f"Kustomization/{team.namespace}/apps",
            "main@sha1:1eabc9a4",
            "ready",
            "Applied revision: main@sha1:1eabc9a4",
        ],
    ]


def test_a_sync_with_its_source_asks_the_source_first(team: Team) -> None:
    syncing = team.begin("sync", "kustomization", "apps", "--with-source")
    wait_until(lambda: team.requested("GitRepository", "web"), "the source is asked for")
    assert team.requested("Kustomization", "apps") is None
    newer = f"main@sha1:{'2' * 40}"
    artifact = {**team.read("GitRepository", "web")["status"]["artifact"], "revision": newer}
    report(team.plane, team.source, ready="True", reason="Succeeded", message="stored artifact", artifact=artifact)
    wait_until(lambda: team.requested("Kustomization", "apps"), "the Kustomization is asked for")
    team.applied(team.apps)  # by a controller that has not heard of the new artifact yet
    with pytest.raises(subprocess.TimeoutExpired):
        syncing.wait(0.5)
    done = {"ready": "True", "reason": "ReconciliationSucceeded", "message": "Applied"}
    report(team.plane, team.apps, **done, lastAppliedRevision=newer)
    output, _ = syncing.communicate(timeout=30)
    assert syncing.returncode == 0
    assert rows(output)[1][1:3] == ["main@sha1:22222222", "ready"]


def test_a_failure_ends_a_sync_with_its_reason(team: Team) -> None:
    syncing = team.begin("sync", "ks/apps")
    wait_until(lambda: team.requested("Kustomization", "apps"), "it is asked for")
    report(team.plane, team.apps, ready="False", reason="BuildFailed", message="kustomization.yaml: line 3: no map")
    _, errors = syncing.communicate(timeout=30)
    assert syncing.returncode == 1
    assert f"Kustomization/{team.namespace}/apps: BuildFailed: kustomization.yaml: line 3: no map" in errors
    assert f"kseal events --for kustomization/apps -n {team.namespace}" in errors


def test_who_watches_a_sync_sees_what_it_waits_for(team: Team) -> None:
    (program, *words) = team.command("sync", "ks/apps", "ks/infra")
    syncing = pexpect.spawn(program, words, encoding="utf-8", timeout=30, dimensions=(20, 200))
    syncing.expect_exact(f" s: Kustomization/{team.namespace}/apps and 1 more: Applied revision: main@sha1:1eabc9a4")
    team.applied(team.apps)
    syncing.expect_exact(f" s: Kustomization/{team.namespace}/infra: waiting to be reconciled")
    team.applied(team.infra)
    syncing.expect_exact(f"Kustomization/{team.namespace}/infra")
    syncing.expect(pexpect.EOF)
    syncing.close()
    assert syncing.exitstatus == 0


def test_a_sync_that_nobody_handles_ends_in_time(team: Team) -> None:
    done = team.run("sync", "ks/apps", "--timeout", "300ms")
    assert done.returncode == 1
    assert "no controller has taken the request up within 0.3 s" in done.stderr


def test_a_suspended_object_is_not_synced(team: Team) -> None:
    team.run("suspend", "ks/apps")
    done = team.run("sync", "ks/apps")
    assert done.returncode == 1
    assert f"Kustomization/{team.namespace}/apps: is suspended" in done.stderr
    assert f"kseal resume kustomization/apps -n {team.namespace}" in done.stderr
    assert team.requested("Kustomization", "apps") is None


def _event(team: Team, name: str, about: dict[str, Any], kind: str, message: str) -> None:
    involved = {"apiVersion": about["apiVersion"], "kind": about["kind"], "namespace": team.namespace,
                "name": about["metadata"]["name"]}  # fmt: skip
    body = {
        "metadata": {"name": name, "namespace": team.namespace},
        "involvedObject": involved,
        "type": kind,
        "reason": "Spoken",
        "message": message,
        "lastTimestamp": "2026-01-01T00:00:00Z",
    }
    team.plane.api.text("POST", f"/api/v1/namespaces/{team.namespace}/events", body)


def test_events_of_an_object_come_with_those_of_its_source(team: Team) -> None:
    _event(team, "a", team.apps, "Normal", "applied")
    _event(team, "b", team.source, "Warning", "cannot fetch")
    _event(team, "c", team.infra, "Normal", "of another")
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "apps"}}
    _event(team, "d", pod, "Normal", "of a pod")
    shown = rows(team.run("events", "--for", "ks/apps").stdout)
    assert shown[0] == ["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]
    assert {row[-1] for row in shown[1:]} == {"applied", "cannot fetch"}
    assert {row[-1] for row in rows(team.run("events").stdout)[1:]} == {"applied", "cannot fetch", "of another"}
    warnings = json.loads(team.run("events", "--types", "warning", "-o", "json").stdout)
    assert [(one["object"], one["message"]) for one in warnings] == [
        (f"GitRepository/{team.namespace}/web", "cannot fetch")
    ]


def test_events_are_shown_as_they_come(team: Team) -> None:
    _event(team, "a", team.apps, "Normal", "first")
    watching = team.begin("events", "--watch")
    try:
        assert watching.stdout is not None
        assert watching.stdout.readline().startswith("LAST SEEN")
        assert "first" in watching.stdout.readline()
        _event(team, "b", team.apps, "Normal", "second")
        assert "second" in watching.stdout.readline()
    finally:
        watching.kill()
        watching.communicate()


def test_logs_of_a_controller_that_is_not_there_say_where_they_looked(team: Team) -> None:
    done = team.run("logs", "ks/apps", "--controller-namespace", team.namespace)
    assert done.returncode == 1
    assert f'Namespace/{team.namespace}: no pod has the labels "name=sealed-secrets-controller"' in done.stderr


def test_kinds_that_are_not_served_are_told(new_control_plane: Callable[..., ControlPlane], tmp_path: Path) -> None:
    command = [str(KSEAL), "get", "all", f"--kubeconfig={new_control_plane('api').kubeconfig}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=tmp_path)
    assert done.returncode == 1
    assert "is its CustomResourceDefinition installed?" in done.stderr
