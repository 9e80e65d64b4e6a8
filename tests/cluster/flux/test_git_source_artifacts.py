"""From a commit to an artifact and its status, on a real API server with a real Git server."""

import http.client
import io
import os
import resource
import signal
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.flux.artifacts import routes
from controller.flux.halt import BACKOFF, NEVER
from controller.flux.names import Name
from controller.flux.source import SWEEP_SECONDS
from controller.runtime.http import HttpServer
from tests.kit.sourceground import ADVERTISED, CountedGit, SourceGround
from tests.kit.workcopy import WorkCopy

pytestmark = pytest.mark.cluster


@pytest.fixture
def host(tmp_path: Path) -> Iterator[CountedGit]:
    folder = tmp_path / "host"
    folder.mkdir()
    with CountedGit(folder) as host:
        yield host


@pytest.fixture
def fleet(host: CountedGit, tmp_path: Path) -> WorkCopy:
    copy = WorkCopy(host, tmp_path / "copy", "fleet")
    copy.write("apps/web.yaml", "kind: ConfigMap\n")
    copy.write("README.md", "about\n")
    copy.push("first")
    return copy


def packed(ground: SourceGround, name: str) -> dict[str, str]:
    """The files of the artifact that the status names."""
    with ground.store.open(ground.status(name)["artifact"]["path"]) as file:
        content = file.read()
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        found = {}
        for member in archive:
            if member.isfile() and (file_in := archive.extractfile(member)) is not None:
                found[member.name] = file_in.read().decode()
        return found


def _fail(error: Exception) -> None:
    raise AssertionError from error


def test_a_branch_becomes_an_artifact_and_the_status_says_so_in_one_write(
    ground: SourceGround, fleet: WorkCopy
) -> None:
    ground.make("fleet", fleet.url)
    assert ground.look("fleet").seconds == 60
    status = ground.status("fleet")
    commit = fleet.git("rev-parse", "HEAD")
    path = f"gitrepository/{ground.namespace}/fleet/{commit}.tar.gz"
    assert status["artifact"] == {
        "path": path,
        "url": f"http://{ADVERTISED}/{path}",
        "revision": f"main@sha1:{commit}",
        "digest": status["artifact"]["digest"],
        "size": status["artifact"]["size"],
        "lastUpdateTime": "2026-01-02T03:04:05Z",
    }
    message = f"stored artifact for revision 'main@sha1:{commit}'"
    good = ("True", "Succeeded", message)
    assert ground.conditions("fleet") == {"Ready": good, "ArtifactInStorage": good}
    assert status["observedGeneration"] == 1
    assert packed(ground, "fleet") == {"apps/web.yaml": "kind: ConfigMap\n", "README.md": "about\n"}
    assert [write.rpartition("/")[2] for write in ground.cluster.writes] == ["fleet", "status"]
    assert ground.revisions == [("GitRepository", Name(ground.namespace, "fleet"), f"main@sha1:{commit}")]


def test_a_new_artifact_is_told_with_its_revision_and_digest(ground: SourceGround, fleet: WorkCopy) -> None:
    ground.make("fleet", fleet.url)
    ground.look("fleet")
    (event,) = ground.told.events
    assert (event.type, event.reason, event.component) == ("Normal", "NewArtifact", "source-controller")
    assert event.message == "stored artifact for commit 'first'"
    assert event.annotations == {
        "source.toolkit.fluxcd.io/revision": fleet.revision,
        "source.toolkit.fluxcd.io/digest": ground.status("fleet")["artifact"]["digest"],
    }


def test_an_interval_without_news_costs_one_question_to_git_and_no_write(
    ground: SourceGround, fleet: WorkCopy, host: CountedGit
) -> None:
    ground.make("fleet", fleet.url)
    ground.look("fleet")
    ground.told.take()
    ground.look("fleet")
    host.asked.clear()
    ground.look("fleet")
    assert ground.cluster.asked == []
    assert [asked for asked in host.asked if asked.startswith("POST")] == ["POST /fleet.git/git-upload-pack"]
    assert len(host.asked) <= 2
    assert ground.told.take() == []


def test_sources_of_one_repository_share_a_question_and_a_request_asks_anew(
    ground: SourceGround, fleet: WorkCopy, host: CountedGit
) -> None:
    ground.sharing = 0.5
    ground.begin()
    names = [f"fleet-{number}" for number in range(5)]
    for name in names:
        ground.make(name, fleet.url)
        ground.look(name)
        ground.look(name)
    host.asked.clear()
    for name in names:
        ground.look(name)
    assert host.asked == []
    fleet.push("second")
    ground.annotate(names[0], **{"reconcile.fluxcd.io/requestedAt": "now"})
    ground.look(names[0])
    assert len([asked for asked in host.asked if asked.startswith("POST")]) >= 1
    assert ground.status(names[0])["artifact"]["revision"] == fleet.revision
    host.asked.clear()
    ground.look(names[1])
    assert ground.status(names[1])["artifact"]["revision"] == fleet.revision
    assert host.asked == []


def test_a_new_commit_is_another_artifact_and_wakes_whoever_uses_it(ground: SourceGround, fleet: WorkCopy) -> None:
    ground.make("fleet", fleet.url)
    ground.look("fleet")
    fleet.write("apps/web.yaml", "kind: Secret\n")
    fleet.push("second")
    ground.look("fleet")
    assert ground.status("fleet")["artifact"]["revision"] == fleet.revision
    assert packed(ground, "fleet")["apps/web.yaml"] == "kind: Secret\n"
    assert [revision for _, _, revision in ground.revisions][1:] == [fleet.revision]


def test_a_request_to_reconcile_is_answered_once(ground: SourceGround, fleet: WorkCopy) -> None:
    ground.make("fleet", fleet.url)
    ground.look("fleet")
    ground.annotate("fleet", **{"reconcile.fluxcd.io/requestedAt": "now"})
    ground.look("fleet")
    assert ground.status("fleet")["lastHandledReconcileAt"] == "now"
    ground.look("fleet")
    assert ground.cluster.writes == []


def test_an_artifact_that_is_gone_is_made_again(ground: SourceGround, fleet: WorkCopy) -> None:
    ground.make("fleet", fleet.url)
    ground.look("fleet")
    before = ground.status("fleet")["artifact"]
    (ground.folder / "artifacts" / before["path"]).unlink()
    ground.look("fleet")
    assert ground.status("fleet")["artifact"]["digest"] == before["digest"]
    assert ground.store.verify(before["path"], before["digest"])


def test_an_artifact_that_was_changed_on_disk_is_told_and_made_again(ground: SourceGround, fleet: WorkCopy) -> None:
    ground.make("fleet", fleet.url)
    ground.look("fleet")
    before = ground.status("fleet")["artifact"]
    (ground.folder / "artifacts" / before["path"]).write_bytes(b"something else")
    ground.told.take()
    ground.begin()
    ground.look("fleet")
    assert ground.store.verify(before["path"], before["digest"])
    assert ground.told.take()[0][:2] == ("Warning", "ArtifactVerificationFailed")


def test_another_advertised_address_is_written_without_a_new_artifact(ground: SourceGround, fleet: WorkCopy) -> None:
    ground.make("fleet", fleet.url)
    ground.look("fleet")
    before = ground.status("fleet")["artifact"]
    ground.begin("https://elsewhere.test")
    ground.look("fleet")
    assert ground.status("fleet")["artifact"] == {**before, "url": f"https://elsewhere.test/{before['path']}"}


def test_a_suspended_one_is_left_alone(ground: SourceGround, fleet: WorkCopy, host: CountedGit) -> None:
    ground.make("fleet", fleet.url)
    ground.look("fleet")
    ground.change("fleet", suspend=True)
    fleet.push("second")
    host.asked.clear()
    assert ground.look("fleet") == NEVER
    assert host.asked == []
    status = ground.status("fleet")
    assert status["observedGeneration"] == 2
    assert status["artifact"]["revision"] != fleet.revision


def test_deletion_removes_the_artifacts_and_the_finalizer(ground: SourceGround, fleet: WorkCopy) -> None:
    ground.make("fleet", fleet.url)
    ground.look("fleet")
    raw = ground.find("fleet")
    assert raw is not None
    assert raw["metadata"]["finalizers"] == ["finalizers.fluxcd.io"]
    ground.delete("fleet")
    assert ground.look("fleet") == NEVER
    assert ground.find("fleet") is None
    assert ground.store.owners() == []


def test_what_went_while_nobody_looked_is_swept(ground: SourceGround, fleet: WorkCopy) -> None:
    ground.make("fleet", fleet.url)
    ground.make("other", fleet.url)
    ground.look("fleet")
    ground.look("other")
    ground.cluster.patch(
        ground.reconciler._statuses._resource, ground.namespace, "other", {"metadata": {"finalizers": None}}
    )
    ground.delete("other")
    ground.begin()
    ground.look("fleet")
    ground.reconciler.sweep()
    assert ground.store.owners() == [f"gitrepository/{ground.namespace}/fleet"]


def test_mirrors_that_nobody_uses_any_more_are_dropped_in_time(
    ground: SourceGround, fleet: WorkCopy, host: CountedGit, tmp_path: Path
) -> None:
    other = WorkCopy(host, tmp_path / "other", "other")
    other.push("first")
    ground.make("fleet", fleet.url)
    ground.look("fleet")
    ground.change("fleet", url=other.url)
    ground.look("fleet")
    mirrors = ground.folder / "git" / "mirrors"
    assert len([*mirrors.glob("*/repository.git")]) == 2
    ground.seconds += SWEEP_SECONDS
    ground.look("fleet")
    assert len([*mirrors.glob("*/repository.git")]) == 1
    assert ground.status("fleet")["artifact"]["revision"] == other.revision


def test_a_disk_that_takes_no_more_is_said_and_the_old_artifact_stays(ground: SourceGround, fleet: WorkCopy) -> None:
    ground.make("fleet", fleet.url, ignore="*.bin\n")
    ground.look("fleet")
    (fleet.folder / "large.bin").write_bytes(os.urandom(1 << 20))
    fleet.push("large")
    ground.look("fleet")  # now the content is in the mirror, and not in the artifact
    before = ground.status("fleet")["artifact"]
    ground.change("fleet", ignore="none\n")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        assert ground.look("fleet") == BACKOFF
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert ground.conditions("fleet")["StorageOperationFailed"][:2] == ("True", "ArchiveOperationFailed")
    assert ground.status("fleet")["artifact"] == before
    assert ground.store.verify(before["path"], before["digest"])
    ground.look("fleet")
    assert set(ground.conditions("fleet")) == {"Ready", "ArtifactInStorage"}


def test_ignore_rules_and_sparse_folders_make_another_artifact_of_the_same_revision(
    ground: SourceGround, fleet: WorkCopy
) -> None:
    fleet.write("infra/dns.yaml", "kind: Service\n")
    fleet.push("infra")
    ground.make("fleet", fleet.url)
    ground.look("fleet")
    ground.change("fleet", ignore="README.md\n")
    ground.look("fleet")
    assert sorted(packed(ground, "fleet")) == ["apps/web.yaml", "infra/dns.yaml"]
    assert ground.status("fleet")["observedIgnore"] == "README.md\n"
    ground.change("fleet", ignore=None, sparseCheckout=["./infra"])
    ground.look("fleet")
    assert sorted(packed(ground, "fleet")) == ["infra/dns.yaml"]
    status = ground.status("fleet")
    assert status["observedSparseCheckout"] == ["./infra"]
    assert "observedIgnore" not in status


def test_another_repository_is_included_and_followed(
    ground: SourceGround, fleet: WorkCopy, host: CountedGit, tmp_path: Path
) -> None:
    shared = WorkCopy(host, tmp_path / "shared", "shared")
    shared.write("base/dns.yaml", "kind: Service\n")
    shared.push("shared")
    ground.make("shared", shared.url)
    ground.make("fleet", fleet.url, include=[{"repository": {"name": "shared"}, "fromPath": "base", "toPath": "lib"}])
    assert ground.look("fleet").seconds == 30
    assert ground.conditions("fleet")["IncludeUnavailable"][:2] == ("True", "NotFound")
    ground.look("shared")
    ground.look("fleet")
    assert sorted(packed(ground, "fleet")) == ["README.md", "apps/web.yaml", "lib/dns.yaml"]
    status = ground.status("fleet")
    assert [found["revision"] for found in status["includedArtifacts"]] == [shared.revision]
    assert "IncludeUnavailable" not in ground.conditions("fleet")
    shared.write("base/dns.yaml", "kind: Ingress\n")
    shared.push("changed")
    ground.look("shared")
    ground.look("fleet")
    assert packed(ground, "fleet")["lib/dns.yaml"] == "kind: Ingress\n"
    ground.look("fleet")
    assert ground.cluster.writes == []


def test_one_file_is_included_unless_it_would_stand_in_the_way(
    ground: SourceGround, fleet: WorkCopy, host: CountedGit, tmp_path: Path
) -> None:
    shared = WorkCopy(host, tmp_path / "shared", "shared")
    shared.write("base/dns.yaml", "kind: Service\n")
    shared.push("shared")
    ground.make("shared", shared.url)
    ground.look("shared")
    include = {"repository": {"name": "shared"}, "fromPath": "base/dns.yaml", "toPath": "lib/names.yaml"}
    ground.make("fleet", fleet.url, include=[include])
    ground.look("fleet")
    assert packed(ground, "fleet")["lib/names.yaml"] == "kind: Service\n"
    ground.change("fleet", include=[{**include, "toPath": "apps"}])
    assert ground.look("fleet") == BACKOFF
    assert ground.conditions("fleet")["StorageOperationFailed"][:2] == ("True", "CopyFailure")


def test_artifacts_are_served_as_they_were_stored_and_nothing_else(ground: SourceGround, fleet: WorkCopy) -> None:
    ground.make("fleet", fleet.url)
    ground.look("fleet")
    artifact = ground.status("fleet")["artifact"]
    server = HttpServer("127.0.0.1:0", routes(ground.store), observe=lambda *_: None, on_error=_fail)
    server.start()
    try:
        for method, path, status in (
            ("GET", artifact["path"], 200),
            ("HEAD", artifact["path"], 200),
            ("GET", f"gitrepository/{ground.namespace}/fleet/", 404),
            ("GET", f"gitrepository/{ground.namespace}/fleet/other.tar.gz", 404),
            ("GET", "../data/git/key", 404),
            ("GET", f"gitrepository/{ground.namespace}/../../../git/key", 404),
            ("POST", artifact["path"], 405),
        ):
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
            connection.request(method, f"/{path}")
            answer = connection.getresponse()
            body = answer.read()
            connection.close()
            assert answer.status == status, path
            if status == 200:
                assert answer.headers["Content-Length"] == str(artifact["size"])
                assert len(body) == (artifact["size"] if method == "GET" else 0)
    finally:
        server.stop(1)
