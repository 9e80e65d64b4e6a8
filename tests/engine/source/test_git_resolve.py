"""Which commit a reference means, and what it is called in status and events."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from engine.source.base import SourceError, SourceStalled
from engine.source.git import GitCredentials, GitRef, GitSource, GitWanted, Resolved
from tests.engine.git.bare import Bare
from tests.engine.source.conftest import Wanted
from tests.kit.gitserver import GitServer


def test_a_branch_is_called_by_its_short_name(repository: Bare, source: GitSource, wanted: Wanted) -> None:
    commit = repository.commit({"a.yaml": "a"}, branch="release/1.x")
    assert source.resolve(wanted(branch="release/1.x")) == Resolved(commit, f"release/1.x@sha1:{commit}", oid=commit)


def test_without_a_reference_the_branch_is_master_and_not_the_head_of_the_repository(
    repository: Bare, source: GitSource, wanted: Wanted
) -> None:
    repository.commit({"a.yaml": "main"})
    master = repository.commit({"a.yaml": "master"}, branch="master")
    assert source.resolve(GitWanted(repository.url)).commit == master


def test_of_several_references_the_first_by_rank_counts(repository: Bare, source: GitSource, wanted: Wanted) -> None:
    at = {}
    for name in ("branch", "tag", "semver", "name", "commit"):
        at[name] = repository.commit({"a.yaml": name})
        repository.git("update-ref", f"refs/heads/{name}", at[name])
    repository.git("tag", "fixed", at["tag"])
    repository.git("tag", "v1.2.3", at["semver"])
    whole = {"branch": "branch", "tag": "fixed", "semver": "1.x", "name": "refs/heads/name", "commit": at["commit"]}
    called = {
        "branch": f"branch@sha1:{at['branch']}",
        "tag": f"fixed@sha1:{at['tag']}",
        "semver": f"v1.2.3@sha1:{at['semver']}",
        "name": f"refs/heads/name@sha1:{at['name']}",
    }
    del whole["commit"]
    for strongest in ("name", "tag", "semver", "branch"):
        found = source.resolve(wanted(**whole))
        assert (found.commit, found.revision) == (at[strongest], called[strongest])
        del whole[strongest]
    assert source.resolve(wanted(commit=at["commit"], tag="fixed")).revision == f"sha1:{at['commit']}"


def test_a_commit_is_called_with_its_branch_or_full_name_when_there_is_one(source: GitSource, wanted: Wanted) -> None:
    commit = "0123456789" * 4
    assert source.resolve(wanted(commit=commit)).revision == f"sha1:{commit}"
    assert source.resolve(wanted(commit=commit, branch="main")).revision == f"main@sha1:{commit}"
    assert source.resolve(wanted(commit=commit, name="refs/heads/x")).revision == f"refs/heads/x@sha1:{commit}"


@pytest.mark.parametrize("commit", ["main", "0123", "--upload-pack=x", "g" * 40, "a" * 64])
def test_what_is_no_commit_is_refused(source: GitSource, wanted: Wanted, commit: str) -> None:
    with pytest.raises(SourceError, match="is no commit"):
        source.resolve(wanted(commit=commit))


def test_an_annotated_tag_is_at_the_commit_it_is_of(repository: Bare, source: GitSource, wanted: Wanted) -> None:
    commit = repository.commit({"a.yaml": "a"})
    repository.tag("v1.0.0", message="signed off")
    assert repository.git("rev-parse", "v1.0.0").decode().strip() != commit
    expected = {"tag": "v1.0.0", "semver": "*", "name": "refs/tags/v1.0.0"}
    for key, value in expected.items():
        assert source.resolve(wanted(**{key: value})).commit == commit
    peeled = source.resolve(wanted(name="refs/tags/v1.0.0^{}"))
    assert peeled.revision == f"refs/tags/v1.0.0^{{}}@sha1:{commit}"


def test_the_highest_tag_in_a_range_counts(repository: Bare, source: GitSource, wanted: Wanted) -> None:
    names = ("v1.9.0", "v1.10.0", "1.2.9", "1.2", "v9", "v2.0.0-rc.1", "latest", "apps/v7.0.0")
    commits = {name: repository.commit({"a.yaml": name}) for name in names}
    for name, commit in commits.items():
        repository.git("update-ref", f"refs/tags/{name}", commit)
    highest = {">=1.0.0 <2.0.0": "v1.10.0", "1.2.x": "1.2.9", ">=2.0.0-0": "v2.0.0-rc.1", "*": "v1.10.0"}
    for wish, tag in highest.items():
        expected = Resolved(commits[tag], f"{tag}@sha1:{commits[tag]}", tag, commits[tag])
        assert source.resolve(wanted(semver=wish), max_age_seconds=60.0) == expected


def test_a_tag_that_is_a_date_is_a_version(repository: Bare, source: GitSource, wanted: Wanted) -> None:
    commit = repository.commit({"a.yaml": "2025"})
    repository.tag("v2025.01.02")
    assert source.resolve(wanted(semver="~2025.01")).commit == commit


def test_of_tags_that_differ_in_build_metadata_the_later_commit_counts(
    repository: Bare, source: GitSource, wanted: Wanted
) -> None:
    repository.commit({"a.yaml": "a"}, seconds=2_000)
    repository.tag("1.0.0+a")
    repository.commit({"a.yaml": "b"}, seconds=3_000)
    repository.tag("1.0.0+b", message="annotated")
    repository.commit({"a.yaml": "c"}, seconds=1_000)
    repository.tag("1.0.0+c")
    assert source.resolve(wanted(semver="1.0.0")).tag == "1.0.0+b"


@pytest.mark.parametrize(("wish", "message"), [("not a range", "improper constraint"), (">=3", "no match found for")])
def test_a_range_that_is_none_or_fits_nothing_is_told(
    repository: Bare, source: GitSource, wanted: Wanted, wish: str, message: str
) -> None:
    repository.commit({"a.yaml": "a"})
    repository.tag("v1.0.0")
    with pytest.raises(SourceError, match=message) as caught:
        source.resolve(wanted(semver=wish))
    assert caught.value.reason == "GitOperationFailed"


def test_any_full_name_of_a_ref_will_do(repository: Bare, source: GitSource, wanted: Wanted) -> None:
    commit = repository.commit({"a.yaml": "a"})
    repository.git("update-ref", "refs/pull/7/head", commit)
    assert source.resolve(wanted(name="refs/pull/7/head")).revision == f"refs/pull/7/head@sha1:{commit}"


def test_a_ref_that_only_begins_like_the_wanted_one_is_not_it(
    repository: Bare, source: GitSource, wanted: Wanted
) -> None:
    repository.commit({"a.yaml": "a"}, branch="main2")
    with pytest.raises(SourceError, match="couldn't find remote ref 'refs/heads/main'") as caught:
        source.resolve(wanted(branch="main"))
    assert caught.value.reason == "GitOperationFailed"
    assert str(caught.value).startswith("failed to checkout and determine revision: ")


def test_an_empty_repository_has_a_reason_of_its_own(source: GitSource, wanted: Wanted) -> None:
    with pytest.raises(SourceError, match="git repository is empty") as caught:
        source.resolve(wanted(branch="main"))
    assert caught.value.reason == "EmptyGitRepository"


def test_a_password_opens_and_a_wrong_one_is_told_without_it(
    closed_server: GitServer, source: GitSource, log_in: Callable[[str], GitCredentials], tmp_path: Path
) -> None:
    url = closed_server.repository(tmp_path.name)
    commit = Bare(closed_server.folder / f"{tmp_path.name}.git", url).commit({"a.yaml": "a"})
    wanted = GitWanted(url, GitRef(branch="main"))
    assert source.resolve(wanted, log_in(url)).commit == commit
    wrong = GitCredentials.of({"username": b"robot", "password": b"hunter2"}, url)
    for credentials in (None, wrong):
        with pytest.raises(SourceError, match="authentication required") as caught:
            source.resolve(wanted, credentials)
        assert "hunter2" not in str(caught.value)


def test_credentials_in_the_url_are_the_last_resort_and_are_never_told(
    closed_server: GitServer, source: GitSource, tmp_path: Path
) -> None:
    url = closed_server.repository(tmp_path.name)
    Bare(closed_server.folder / f"{tmp_path.name}.git", url).commit({"a.yaml": "a"})
    inside = url.replace("http://", "http://robot:open%20sesame@")
    assert source.resolve(GitWanted(inside, GitRef(branch="main"))).commit
    with pytest.raises(SourceError) as caught:
        source.resolve(GitWanted(inside, GitRef(branch="gone")))
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["git@github.com:team/apps.git", "file:///etc", "ftp://host/x", "https://", "https://-x/y", "http://a b/"]
)
def test_an_url_of_another_kind_stalls(url: str) -> None:
    with pytest.raises(SourceStalled) as caught:
        GitCredentials.of({}, url)
    assert caught.value.reason == "URLInvalid"


def test_many_who_ask_at_once_share_questions_and_none_gets_an_answer_older_than_his_own(
    repository: Bare, source: GitSource, wanted: Wanted, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = repository.commit({"a.yaml": "a"})
    asked = threading.Event()
    go_on = threading.Event()
    count = []
    really = source._lister.list

    def slowly(*arguments: object, **keywords: object) -> object:
        count.append(1)
        asked.set()
        go_on.wait(10)
        return really(*arguments, **keywords)  # type: ignore[arg-type]

    monkeypatch.setattr(source._lister, "list", slowly)
    with ThreadPoolExecutor(9) as pool:
        first = pool.submit(source.resolve, wanted(branch="main"))
        assert asked.wait(10)
        later = [pool.submit(source.resolve, wanted(branch="main")) for _ in range(8)]
        while any(not each.running() for each in later):
            threading.Event().wait(0.001)
        go_on.set()
        assert {each.result(20).commit for each in [first, *later]} == {commit}
    assert len(count) <= 3  # the first one's, one for those who came meanwhile, one for who was late to the queue


def test_a_very_large_answer_is_not_kept(
    repository: Bare, source: GitSource, wanted: Wanted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.source.git._KEPT_REFS", 1)
    repository.commit({"a.yaml": "a"}, branch="main2")
    repository.commit({"a.yaml": "a"})
    assert source.resolve(wanted()).commit == source.resolve(wanted()).commit
    assert [poll.refs for poll in source._polls.values()] == [None]


def test_an_answer_to_somebody_else_serves_for_as_long_as_one_allows(
    repository: Bare, source: GitSource, wanted: Wanted
) -> None:
    old = repository.commit({"a.yaml": "a"})
    assert source.resolve(wanted(branch="main")).commit == old
    new = repository.commit({"a.yaml": "b"})
    assert source.resolve(wanted(branch="main"), max_age_seconds=600).commit == old
    assert source.resolve(wanted(branch="main")).commit == new
