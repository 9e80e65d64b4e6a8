"""`kseal rotate --pull-request`: a branch is pushed by git, and one request stands for it on each kind of forge."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from sealer.ring import KeyRing
from tests.kit.forges import TOKEN, ForgeServer, GiteaServer, GitHubServer, GitLabServer, Opened, answer
from tests.kit.gitserver import GitServer
from tests.kit.rotating import Done, Ground, text

pytestmark = pytest.mark.interop
Raw = dict[str, Any]
BRANCH = "rotate-sealed-secrets"
VARIABLES = {"github": "GITHUB_TOKEN", "gitlab": "GITLAB_TOKEN", "gitea": "GITEA_TOKEN"}


on_one_forge = pytest.mark.parametrize("place", ["github"], indirect=True)
"""For what does not depend on the forge's API."""


class Place(NamedTuple):
    """A clone, the forge that its remote is on, and what that kind is called."""

    ground: Ground
    forge: ForgeServer
    kind: str

    def rotate(self, *words: str, token: str = TOKEN) -> Done:
        given = (f"--forge={self.kind}", f"--git-credentials={self.ground.folder}/credentials")
        return self.ground.rotate("--pull-request", *given, *words, **{VARIABLES[self.kind]: token})


@pytest.fixture(params=["github", "gitlab", "gitea"])
def place(request: pytest.FixtureRequest, tmp_path: Path, ring: KeyRing, sealed: Callable[..., Raw]) -> Iterator[Place]:
    served = tmp_path / "served"
    served.mkdir()
    forge = {"github": GitHubServer, "gitlab": GitLabServer, "gitea": GiteaServer}[request.param](served)
    with GitServer(served, password="let me in", api=forge) as server:
        forge.url = server.url
        ground = Ground(tmp_path, ring, server, name="team/clusters")
        ground.commit(apps__a=text(sealed("a")))
        ground.publish()
        yield Place(ground, forge, request.param)


def test_the_branch_is_pushed_and_a_second_run_finds_the_request(place: Place) -> None:
    done = place.rotate(".")
    assert done.returncode == 0, done.stderr
    (opened,) = place.forge.opened
    assert (opened.head, opened.base) == (BRANCH, "main")
    assert opened.title == "Reseal 1 file under the newest sealing key"
    assert "- apps/a.yaml (2 items)" in opened.text
    url = done.stdout.splitlines()[-1]
    assert url.startswith(place.ground.server.url)
    assert url.endswith("/1")
    again = place.rotate(".")
    assert (again.returncode, again.stdout) == (0, f"{url}\n"), again.stderr
    assert len(place.forge.opened) == 1
    assert place.ground.count(BRANCH, place.ground.bare) == 2
    assert TOKEN not in done.stdout + done.stderr + place.ground.git("config", "--list")


def test_a_copy_of_the_repository_asks_for_the_main_branch(place: Place) -> None:
    for state in ("opened", "open"):
        done = place.rotate(f"--repo={place.ground.url}", "-o", "json", "--branch=weekly")
        assert done.returncode == 0, done.stderr
        request = json.loads(done.stdout)["request"]
        assert request["state"] == state
    (opened,) = place.forge.opened
    assert (opened.head, opened.base) == ("weekly", "main")


def test_after_a_refusal_the_branch_stands_and_the_next_run_opens_the_request(place: Place) -> None:
    place.ground.git("switch", "--quiet", "--create", "develop")
    place.ground.git("push", "--quiet", str(place.ground.bare), "develop")
    place.forge.refusal = answer(503, {"message": f"down with {TOKEN}"})
    done = place.rotate(".")
    assert done.returncode == 1
    assert f'the branch "{BRANCH}" is pushed, but has no pull request: 127.0.0.1:' in done.stderr
    assert "the forge has trouble of its own (503: down with …)" in done.stderr
    assert "the same command again opens the request and nothing else" in done.stderr
    assert "apps/a.yaml" in done.stdout
    assert TOKEN not in done.stderr
    assert place.ground.git("branch", "--show-current") == f"{BRANCH}\n"
    done = place.rotate(".")
    assert done.returncode == 0, done.stderr
    (opened,) = place.forge.opened
    assert opened.base == "develop"  # where the first run began
    assert place.ground.count(BRANCH, place.ground.bare) == 2


def test_a_request_that_somebody_else_opened_meanwhile_is_found(place: Place) -> None:
    place.forge.refusal = answer(409 if place.kind != "github" else 422, {"message": "exists"})
    honest = place.forge.found
    looked: list[int] = []

    def found(query: dict[str, str]) -> list[tuple[int, Opened]]:
        if looked:
            place.forge.opened.append(Opened(BRANCH, "main", "x", "y"))
        looked.append(1)
        return honest(query)

    place.forge.found = found  # type: ignore[method-assign]  # what happens between two questions
    done = place.rotate(".")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].endswith("/1")


@pytest.mark.parametrize("state", ["merged", "closed"])
def test_a_request_that_is_done_with_is_not_opened_again(place: Place, state: str) -> None:
    assert place.rotate(".").returncode == 0
    place.forge.opened[0].state = state
    done = place.rotate("-o", "json", ".")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["request"]["state"] == state
    assert ("was closed with these commits in it" in done.stderr) == (state == "closed")
    assert len(place.forge.opened) == 1


@on_one_forge
def test_new_commits_after_a_merge_get_a_request_of_their_own(place: Place, sealed: Callable[..., Raw]) -> None:
    assert place.rotate(".").returncode == 0
    place.forge.opened[0].state = "merged"
    place.ground.commit(b=text(sealed("b")))
    done = place.rotate(".")
    assert done.returncode == 0, done.stderr
    assert [one.state for one in place.forge.opened] == ["merged", "open"]
    assert done.stdout.splitlines()[-1].endswith("/2")


@on_one_forge
def test_nothing_to_reseal_asks_nobody(place: Place) -> None:
    assert place.ground.rotate("--commit", ".").returncode == 0
    place.ground.git("commit", "--quiet", "--amend", "--message=by hand")
    done = place.rotate(".")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert place.forge.asked == []


@on_one_forge
def test_a_dry_run_needs_no_token_and_asks_nobody(place: Place) -> None:
    assert place.rotate("--dry-run", ".", token="").returncode == 3
    assert place.forge.asked == []
    assert place.ground.count() == 1


def test_a_wrong_token_is_named_with_its_cure(place: Place) -> None:
    done = place.rotate(".", token="somebody-elses")
    assert done.returncode == 1
    assert "the token is not accepted (401" in done.stderr
    assert "hint: it may have run out, or be for another host; " in done.stderr
    assert "somebody-elses" not in done.stderr


@on_one_forge
def test_the_token_may_come_from_the_folder_of_credentials(place: Place) -> None:
    (place.ground.folder / "credentials" / "forge-token").write_text(f"{TOKEN}\n")
    done = place.rotate(".", token="ignored")
    assert done.returncode == 0, done.stderr


@on_one_forge
def test_nothing_is_begun_without_a_token_a_forge_or_a_branch_of_its_own(place: Place) -> None:
    for words, token, what in (
        (["."], "", "there is no token for the pull request"),
        (["--forge=bitbucket", "."], TOKEN, '"bitbucket" is no forge'),
        (["--branch=main", "."], TOKEN, 'a pull request from "main" into itself means nothing'),
    ):
        done = place.rotate(*words, token=token)
        assert (done.returncode, what in done.stderr) == (2, True), done.stderr
    credentials = f"--git-credentials={place.ground.folder}/credentials"
    done = place.ground.rotate("--pull-request", credentials, ".", GITHUB_TOKEN=TOKEN)
    assert (done.returncode, "nobody knows what kind of forge this is" in done.stderr) == (2, True)
    assert place.ground.rotate("--forge=gitlab", ".").returncode == 2
    assert place.forge.asked == []
    assert place.ground.count() == 1
