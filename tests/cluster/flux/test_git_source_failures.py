"""What a GitRepository says that cannot be fetched, on a real API server with a real Git server."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from controller.flux.halt import BACKOFF, NEVER
from tests.kit.gitserver import USER
from tests.kit.sourceground import CountedGit, SourceGround
from tests.kit.sshserver import new_key
from tests.kit.workcopy import WorkCopy

pytestmark = pytest.mark.cluster
PASSWORD = "correct-horse"


@pytest.fixture
def host(tmp_path: Path) -> Iterator[CountedGit]:
    folder = tmp_path / "host"
    folder.mkdir()
    with CountedGit(folder, password=PASSWORD) as host:
        yield host


@pytest.fixture
def fleet(host: CountedGit, tmp_path: Path) -> WorkCopy:
    copy = WorkCopy(host, tmp_path / "copy", "fleet")
    copy.write("web.yaml", "kind: ConfigMap\n")
    copy.push("first")
    return copy


def test_a_log_in_by_a_secret_works_and_its_value_is_told_nowhere(ground: SourceGround, fleet: WorkCopy) -> None:
    ground.secret("login", username=USER, password=PASSWORD)
    ground.make("fleet", fleet.url, secretRef={"name": "login"})
    ground.look("fleet")
    assert ground.conditions("fleet")["Ready"][0] == "True"
    assert PASSWORD not in str(ground.find("fleet")) + str(ground.told.events)


def test_a_wrong_password_fails_the_fetch_and_is_tried_again(ground: SourceGround, fleet: WorkCopy) -> None:
    ground.secret("login", username=USER, password="wrong-password")
    ground.make("fleet", fleet.url, secretRef={"name": "login"})
    assert ground.look("fleet") == BACKOFF
    found = ground.conditions("fleet")
    assert found["FetchFailed"][:2] == ("True", "GitOperationFailed")
    assert found["Ready"][0] == "False"
    assert found["Ready"][1:] == found["FetchFailed"][1:]
    assert found["Reconciling"][:2] == ("True", "ProgressingWithRetry")
    assert ground.status("fleet").get("observedGeneration") == -1
    assert "wrong-password" not in str(ground.find("fleet")) + str(ground.told.events)


def test_the_same_failure_is_told_once(ground: SourceGround, fleet: WorkCopy) -> None:
    ground.make("fleet", fleet.url)
    ground.look("fleet")
    assert [(kind, reason) for kind, reason, _ in ground.told.take()] == [("Warning", "GitOperationFailed")]
    ground.look("fleet")
    assert ground.told.take() == []
    assert ground.cluster.writes == []


def test_a_secret_that_is_missing_is_named(ground: SourceGround, fleet: WorkCopy) -> None:
    ground.make("fleet", fleet.url, secretRef={"name": "login"})
    assert ground.look("fleet") == BACKOFF
    _, reason, message = ground.conditions("fleet")["FetchFailed"]
    assert reason == "AuthenticationFailed"
    assert message.startswith(f"failed to get secret '{ground.namespace}/login': ")


def test_recovery_is_told_and_the_old_artifact_stays_meanwhile(ground: SourceGround, fleet: WorkCopy) -> None:
    ground.secret("login", username=USER, password=PASSWORD)
    ground.make("fleet", fleet.url, secretRef={"name": "login"})
    ground.look("fleet")
    artifact = ground.status("fleet")["artifact"]
    ground.told.take()
    moved = fleet.bare.rename(fleet.bare.with_name("away"))
    assert ground.look("fleet") == BACKOFF
    assert ground.status("fleet")["artifact"] == artifact
    assert ground.conditions("fleet")["ArtifactInStorage"][0] == "True"
    ground.told.take()
    moved.rename(fleet.bare)
    ground.look("fleet")
    assert set(ground.conditions("fleet")) == {"Ready", "ArtifactInStorage"}
    assert [(kind, reason) for kind, reason, _ in ground.told.take()] == [("Normal", "Succeeded")]


def test_data_of_a_github_app_need_its_provider_and_the_provider_needs_the_data(
    ground: SourceGround, fleet: WorkCopy
) -> None:
    ground.secret("app", githubAppID="7")
    ground.secret("login", username=USER, password=PASSWORD)
    ground.make("generic", fleet.url, secretRef={"name": "app"})
    ground.make("github", fleet.url, secretRef={"name": "login"}, provider="github")
    for name, words in (
        ("generic", f"secretRef '{ground.namespace}/app' has github app data but provider is not set to github"),
        ("github", "secretRef with github app data must be specified when provider is set to github"),
    ):
        assert ground.look(name) == BACKOFF
        assert ground.conditions(name)["FetchFailed"] == ("True", "InvalidProviderConfiguration", words)


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"provider": "azure"}, "InvalidProviderConfiguration"),
        ({"provider": "aws"}, "InvalidProviderConfiguration"),
        ({"provider": "github"}, "InvalidProviderConfiguration"),
        ({"url": "https://"}, "URLInvalid"),
        ({"recurseSubmodules": True}, "GitOperationFailed"),
    ],
)
def test_what_can_never_be_fetched_stalls(ground: SourceGround, spec: dict[str, Any], reason: str) -> None:
    ground.make("fleet", **{"url": "https://git.invalid/fleet.git", **spec})
    assert ground.look("fleet") == NEVER
    found = ground.conditions("fleet")
    assert {kind: words[:2] for kind, words in found.items()} == {
        "Stalled": ("True", reason),
        "FetchFailed": ("True", reason),
        "Ready": ("False", reason),
    }
    assert ground.status("fleet")["observedGeneration"] == 1


def test_an_empty_repository_says_so(ground: SourceGround, host: CountedGit) -> None:
    ground.secret("login", username=USER, password=PASSWORD)
    ground.make("fleet", host.repository("empty"), secretRef={"name": "login"})
    assert ground.look("fleet") == BACKOFF
    assert ground.conditions("fleet")["FetchFailed"] == ("True", "EmptyGitRepository", "git repository is empty")


def test_a_commit_without_a_signature_is_not_stored_where_one_is_asked_for(
    ground: SourceGround, fleet: WorkCopy
) -> None:
    ground.secret("login", username=USER, password=PASSWORD)
    ground.secret(
        "keys", **{"author.sshpub": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"}
    )
    ground.make("fleet", fleet.url, secretRef={"name": "login"}, verify={"mode": "HEAD", "secretRef": {"name": "keys"}})
    assert ground.look("fleet") == BACKOFF
    found = ground.conditions("fleet")
    assert found["SourceVerified"][0] == "False"
    assert found["Ready"] == found["SourceVerified"]
    assert "artifact" not in ground.status("fleet")
    assert ground.revisions == []


def test_missing_keys_are_a_failed_verification(ground: SourceGround, fleet: WorkCopy) -> None:
    ground.secret("login", username=USER, password=PASSWORD)
    ground.make("fleet", fleet.url, secretRef={"name": "login"}, verify={"mode": "HEAD", "secretRef": {"name": "keys"}})
    assert ground.look("fleet") == BACKOFF
    assert ground.conditions("fleet")["SourceVerified"][:2] == ("False", "VerificationError")


def test_a_branch_that_goes_back_to_a_signed_commit_is_ready_again(
    ground: SourceGround, fleet: WorkCopy, tmp_path: Path
) -> None:
    ground.secret("login", username=USER, password=PASSWORD)
    ground.secret("keys", **{"author.sshpub": f"{new_key(tmp_path / 'key').with_name('key.pub').read_text()}"})
    for name, value in (("gpg.format", "ssh"), ("user.signingkey", str(tmp_path / "key")), ("commit.gpgsign", "true")):
        fleet.git("config", name, value)
    fleet.push("signed")
    ground.make("fleet", fleet.url, secretRef={"name": "login"}, verify={"mode": "HEAD", "secretRef": {"name": "keys"}})
    ground.look("fleet")
    assert ground.conditions("fleet")["SourceVerified"][:2] == ("True", "Succeeded")
    fleet.git("config", "commit.gpgsign", "false")
    fleet.push("unsigned")
    assert ground.look("fleet") == BACKOFF
    assert ground.conditions("fleet")["Ready"][:2] == ("False", "InvalidCommitSignature")
    fleet.git("reset", "--hard", "--quiet", "HEAD~1")
    fleet.git("push", "--quiet", "--force", str(fleet.bare), "HEAD:refs/heads/main")
    ground.look("fleet")
    assert ground.conditions("fleet")["Ready"][0] == "True"
    assert ground.status("fleet")["artifact"]["revision"] == fleet.revision
