"""The files of a commit: fetched into a mirror that stays, read without a checkout."""

import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from engine.source.archive import Limits
from engine.source.base import SourceError
from engine.source.git import GitCredentials, GitRef, GitSource, GitWanted, Include, Resolved
from engine.source.guard import Guard
from engine.source.tree import of_folder
from tests.engine.git.bare import Bare
from tests.engine.source.conftest import Wanted
from tests.kit.gitserver import GitServer


def paths(source: GitSource, wanted: GitWanted, **more: object) -> list[str]:
    return [path for path, _, _ in source.files(wanted, source.resolve(wanted), **more)]  # type: ignore[arg-type]


def test_contents_and_modes_arrive_and_links_do_not(repository: Bare, source: GitSource, wanted: Wanted) -> None:
    content = bytes(range(256)) * 10
    files = {"a/b.bin": content, "run.sh": "#!/bin/sh\n", "a.yaml": "", "a/ünï.yaml": "x"}
    repository.commit(files, executable=("run.sh",), links={"a/link.yaml": "/etc/passwd"})
    found = list(source.files(wanted(), source.resolve(wanted())))
    assert found == [
        ("a/b.bin", False, content),
        ("a/ünï.yaml", False, b"x"),
        ("a.yaml", False, b""),
        ("run.sh", True, b"#!/bin/sh\n"),
    ]


def test_the_next_commit_is_fetched_into_the_same_mirror(repository: Bare, source: GitSource, wanted: Wanted) -> None:
    repository.commit({f"{number}.bin": os.urandom(20_000) for number in range(10)})
    assert len(paths(source, wanted())) == 10
    mirror = next((source._mirrors._root).glob("*/repository.git"))
    before = _size(mirror)
    repository.commit({"7.bin": b"new"})
    found = {path: content for path, _, content in source.files(wanted(), source.resolve(wanted()))}
    assert found["7.bin"] == b"new"
    assert _size(mirror) - before < 50_000


def test_a_commit_that_is_already_here_costs_no_request(
    repository: Bare, source: GitSource, wanted: Wanted, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit({"a.yaml": "a"})
    resolved = source.resolve(wanted())
    list(source.files(wanted(), resolved))
    shutil.move(repository.path, f"{repository.path}.away")
    assert [path for path, _, _ in source.files(wanted(), resolved)] == ["a.yaml"]


@pytest.mark.parametrize(
    "ref", [{"tag": "v1.0.0"}, pytest.param({"semver": "1.x"}, marks=pytest.mark.slow), {"name": "refs/pull/1/head"}]
)
def test_files_come_by_any_kind_of_reference(
    repository: Bare, source: GitSource, wanted: Wanted, ref: dict[str, str]
) -> None:
    repository.commit({"a.yaml": "a"})
    repository.tag("v1.0.0", message="annotated")
    repository.git("update-ref", "refs/pull/1/head", "main")
    repository.commit({"b.yaml": "b"})
    assert paths(source, wanted(**ref)) == ["a.yaml"]


def test_a_commit_counts_where_a_branch_has_it_in_its_history(
    repository: Bare, source: GitSource, wanted: Wanted
) -> None:
    old = repository.commit({"a.yaml": "a"})
    repository.commit({"b.yaml": "b"})
    assert paths(source, wanted(commit=old.upper())) == ["a.yaml"]
    assert paths(source, wanted(commit=old, branch="main")) == ["a.yaml"]


def test_a_commit_of_no_branch_is_refused_though_the_server_has_it(
    repository: Bare, source: GitSource, wanted: Wanted
) -> None:
    repository.commit({"a.yaml": "a"})
    stray = repository.commit({"evil.yaml": "x"}, branch="other")
    with pytest.raises(SourceError, match="object not found"):
        paths(source, wanted(commit=stray, branch="main"))
    repository.git("update-ref", "refs/pull/1/head", stray)
    repository.git("update-ref", "-d", "refs/heads/other")
    with pytest.raises(SourceError, match="object not found"):
        paths(source, wanted(commit=stray))


def test_a_branch_that_moved_since_it_was_resolved_gives_what_was_resolved(
    repository: Bare, source: GitSource, wanted: Wanted
) -> None:
    repository.commit({"a.yaml": "a"})
    resolved = source.resolve(wanted())
    repository.commit({"b.yaml": "b"})
    assert [path for path, _, _ in source.files(wanted(), resolved)] == ["a.yaml"]


@pytest.mark.slow
def test_a_branch_that_was_rewritten_gives_the_new_history(repository: Bare, source: GitSource, wanted: Wanted) -> None:
    repository.commit({"a.yaml": "a"})
    paths(source, wanted())
    repository.git("update-ref", "-d", "refs/heads/main")
    repository.commit({"b.yaml": "b"})
    assert paths(source, wanted()) == ["b.yaml"]


def test_a_killed_fetch_leaves_a_mirror_that_is_begun_anew(repository: Bare, source: GitSource, wanted: Wanted) -> None:
    repository.commit({"a.yaml": "a"})
    paths(source, wanted())
    folder = next(source._mirrors._root.glob("*/repository.git"))
    (folder.parent / "busy").touch()
    (folder / "shallow.lock").touch()
    (folder / "HEAD").write_text("rubbish")
    shutil.rmtree(folder / "objects")
    repository.commit({"b.yaml": "b"})
    assert paths(source, wanted()) == ["a.yaml", "b.yaml"]
    assert list((source._mirrors._root / ".away").iterdir()) == []


@pytest.mark.slow
def test_a_process_that_dies_before_a_fetch_is_done_leaves_no_lock_and_a_mirror_that_is_begun_anew(
    repository: Bare, source: GitSource, wanted: Wanted, tmp_path: Path
) -> None:
    repository.commit({"a.yaml": "a"})
    paths(source, wanted())
    repository.commit({"b.yaml": "b"})
    code = """
import os, sys
from pathlib import Path
from engine import faults
from engine.source.git import GitRef, GitSource, GitWanted
from engine.source.guard import Guard
faults.hook = faults.kill_at(1)
source = GitSource(Path(sys.argv[1]), environ=os.environ, guard=Guard())
wanted = GitWanted(sys.argv[2], GitRef(branch="main"))
source.files(wanted, source.resolve(wanted))
"""
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "source", repository.url], check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(list(source._mirrors._root.glob("*/busy"))) == 1
    assert paths(source, wanted()) == ["a.yaml", "b.yaml"]
    assert list(source._mirrors._root.glob("*/busy")) == []


@pytest.mark.slow
def test_a_mirror_that_lost_objects_is_begun_anew(repository: Bare, source: GitSource, wanted: Wanted) -> None:
    repository.commit({"a.yaml": "a", "c.yaml": "c"})
    paths(source, wanted())
    folder = next(source._mirrors._root.glob("*/repository.git"))
    for each in (folder / "objects").rglob("*"):
        if each.is_file():
            each.unlink()
    repository.commit({"b.yaml": "b"})
    assert paths(source, wanted()) == ["a.yaml", "b.yaml", "c.yaml"]


@pytest.mark.slow
def test_a_mirror_that_lost_the_content_of_a_file_is_begun_anew(
    repository: Bare, source: GitSource, wanted: Wanted
) -> None:
    repository.commit({"a.yaml": "a", "c.yaml": "c"})
    paths(source, wanted())
    blob = repository.git("rev-parse", "main:c.yaml").decode().strip()
    _loose(source, blob).unlink()
    assert paths(source, wanted()) == ["a.yaml", "c.yaml"]


def test_a_mirror_whose_content_rotted_is_told_once_and_begun_anew(
    repository: Bare, source: GitSource, wanted: Wanted
) -> None:
    repository.commit({"a.yaml": "a" * 1_000, "c.yaml": "c"})
    paths(source, wanted())
    blob = repository.git("rev-parse", "main:a.yaml").decode().strip()
    stored = _loose(source, blob)
    good = stored.read_bytes()
    stored.chmod(0o600)
    stored.write_bytes(good[:-4] + b"rot!")
    with pytest.raises(SourceError):
        paths(source, wanted())
    assert paths(source, wanted()) == ["a.yaml", "c.yaml"]


@pytest.mark.parametrize("name", ["..", *(pytest.param(name, marks=pytest.mark.slow) for name in (".git", "."))])
def test_a_tree_with_a_name_that_leads_elsewhere_is_refused(
    repository: Bare, source: GitSource, wanted: Wanted, name: str
) -> None:
    repository.commit({"a.yaml": "a"})
    blob = repository.git("rev-parse", "main:a.yaml").decode().strip()
    inner = b"100644 evil.yaml\0" + bytes.fromhex(blob)
    words = ("hash-object", "-t", "tree", "-w", "--literally", "--stdin")
    inside = repository.git(*words, given=inner).decode().strip()
    outer = repository.git(*words, given=f"40000 {name}".encode() + b"\0" + bytes.fromhex(inside)).decode().strip()
    commit = repository.git("commit-tree", "-m", "x", outer).decode().strip()
    repository.git("update-ref", "refs/heads/main", commit)
    with pytest.raises(SourceError):
        paths(source, wanted())


@pytest.mark.slow
def test_a_disk_that_takes_no_more_is_an_error_and_leaves_the_mirror_as_it_was(
    repository: Bare, source: GitSource, wanted: Wanted
) -> None:
    repository.commit({"a.yaml": "a"})
    before = source.resolve(wanted())
    list(source.files(wanted(), before))
    repository.commit({"large.bin": os.urandom(400_000)})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(SourceError):
            paths(source, wanted())
        assert [path for path, _, _ in source.files(wanted(), before)] == ["a.yaml"]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert paths(source, wanted()) == ["a.yaml", "large.bin"]


def test_what_is_below_the_sparse_folders_comes_and_nothing_else(
    repository: Bare, source: GitSource, wanted: Wanted
) -> None:
    repository.commit(dict.fromkeys(("a.yaml", "apps/web/a.yaml", "apps/db/a.yaml", "infra/a.yaml"), "x"))
    assert paths(source, wanted(sparse=("./apps/web", "infra/"))) == ["apps/web/a.yaml", "infra/a.yaml"]


def test_a_sparse_folder_that_is_not_there_is_an_error(repository: Bare, source: GitSource, wanted: Wanted) -> None:
    repository.commit({"apps/a.yaml": "x"})
    with pytest.raises(SourceError, match="sparse checkout dir 'app' does not exist") as caught:
        paths(source, wanted(sparse=("app",)))
    assert caught.value.reason == "GitOperationFailed"


def test_ignore_rules_of_resource_and_files_hold(repository: Bare, source: GitSource, wanted: Wanted) -> None:
    files = dict.fromkeys(("a.yaml", "b.txt", "c.jpg", "apps/a.md", "apps/keep.md", ".github/x.yaml"), "x")
    repository.commit(files)
    assert paths(source, wanted()) == ["a.yaml", "apps/a.md", "apps/keep.md", "b.txt"]
    repository.commit({"apps/.sourceignore": "*.md\n!keep.md\n"})
    assert paths(source, wanted(), ignore_text="*.txt") == [
        ".github/x.yaml",
        "a.yaml",
        "apps/.sourceignore",
        "apps/keep.md",
        "c.jpg",
    ]


def test_an_included_source_lies_where_it_should_and_is_under_the_same_rules(
    repository: Bare, source: GitSource, wanted: Wanted, tmp_path: Path
) -> None:
    repository.commit({"a.yaml": "a", "lib/b.yaml": "old"})
    other = tmp_path / "other"
    (other / "base").mkdir(parents=True)
    (other / "base" / "b.yaml").write_text("new")
    (other / "base" / "b.jpg").write_text("x")
    include = Include(of_folder(other, limits=Limits()), "/base", "../../lib")
    found = {path: content for path, _, content in source.files(wanted(), source.resolve(wanted()), includes=[include])}
    assert found == {"a.yaml": b"a", "lib/b.yaml": b"new"}


def test_a_source_over_the_limits_is_refused(repository: Bare, wanted: Wanted, tmp_path: Path) -> None:
    repository.commit({"a.yaml": "x" * 400, "b.yaml": "x" * 200, "c/d/e.yaml": "x"})
    refused = {Limits(entries=2): "3 files", Limits(unpacked=500): "bytes", Limits(depth=2): "deeper than 2"}
    for limits, message in refused.items():
        source = GitSource(tmp_path / "small", environ=os.environ, guard=Guard(), limits=limits)
        with pytest.raises(SourceError, match=message):
            paths(source, wanted())


def test_credentials_that_do_not_open_the_repository_get_nothing_out_of_the_mirror_of_others(
    closed_server: GitServer, source: GitSource, log_in: Callable[[str], GitCredentials], tmp_path: Path
) -> None:
    url = closed_server.repository(tmp_path.name)
    commit = Bare(closed_server.folder / f"{tmp_path.name}.git", url).commit({"a.yaml": "a"})
    wanted = GitWanted(url, GitRef(branch="main"))
    resolved = Resolved(commit, f"main@sha1:{commit}")
    assert len(list(source.files(wanted, resolved, log_in(url)))) == 1
    for stranger in (None, GitCredentials.of({"username": b"robot", "password": b"guess"}, url)):
        with pytest.raises(SourceError):
            source.files(wanted, resolved, stranger)


def test_a_sweep_drops_the_mirrors_that_nobody_wants(repository: Bare, source: GitSource, wanted: Wanted) -> None:
    first = repository.commit({"a.yaml": "a"})
    paths(source, wanted())
    paths(source, wanted(commit=first))
    assert source.sweep({source.key(wanted())}) == [source.key(wanted(commit=first))]
    assert source._mirrors.all_keys() == [source.key(wanted())]
    assert paths(source, wanted(commit=first)) == ["a.yaml"]


@pytest.mark.slow
def test_many_threads_read_one_repository_while_it_moves(repository: Bare, source: GitSource, wanted: Wanted) -> None:
    repository.commit({"0.yaml": "a"})
    lock = threading.Lock()

    def one(number: int) -> bool:
        if number % 4 == 0:
            with lock:
                repository.commit({f"{number}.yaml": "b"})
        resolved = source.resolve(wanted())
        found = {path for path, _, _ in source.files(wanted(), resolved)}
        return found == set(repository.git("ls-tree", "--name-only", resolved.commit).decode().split())

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(one, range(12)))


def test_another_process_waits_for_the_mirror_and_gives_up_in_time(
    repository: Bare, source: GitSource, wanted: Wanted, tmp_path: Path
) -> None:
    repository.commit({"a.yaml": "a"})
    other = GitSource(tmp_path / "source", environ=os.environ, guard=Guard())  # its locks are its own, as a process's
    resolved = source.resolve(wanted())
    hurried = wanted()._replace(timeout_seconds=0.1)
    with source.files(wanted(), resolved), pytest.raises(SourceError, match="others were busy"):
        other.files(hurried, resolved)
    assert len(list(other.files(wanted(), resolved))) == 1


def test_keys_that_a_killed_process_left_go_at_the_start(tmp_path: Path) -> None:
    first = GitSource(tmp_path / "source", environ={}, guard=Guard(), scratch=tmp_path / "memory")
    (first._scratch / "access-0").mkdir()
    (first._scratch / "access-0" / "identity").write_text("key")
    (tmp_path / "memory" / "other").mkdir()
    GitSource(tmp_path / "source", environ={}, guard=Guard(), scratch=tmp_path / "memory")
    assert list(first._scratch.iterdir()) == []
    assert (tmp_path / "memory" / "other").is_dir()


def test_a_mirror_in_use_is_not_swept(repository: Bare, source: GitSource, wanted: Wanted) -> None:
    repository.commit({"a.yaml": "a"})
    with source.files(wanted(), source.resolve(wanted())) as found:
        assert source.sweep(()) == []
        assert len(list(found)) == 1
    assert source.sweep(()) != []


def test_names_of_mirrors_outlive_a_restart_and_say_nothing_of_credentials(tmp_path: Path) -> None:
    def key(folder: str) -> str:
        source = GitSource(tmp_path / folder, environ={}, guard=Guard())
        url = "https://git.example.org/apps"
        return source.key(GitWanted(url), GitCredentials.of({"username": b"a", "password": b"b"}, url))

    assert key("one") == key("one") != key("two")


def _loose(source: GitSource, blob: str) -> Path:
    """The file of an object in the one mirror there is, after its packs were taken apart."""
    folder = next(source._mirrors._root.glob("*/repository.git"))
    packs = list((folder / "objects" / "pack").glob("*.pack"))
    contents = [pack.read_bytes() for pack in packs]
    for each in (folder / "objects" / "pack").iterdir():
        each.unlink()
    for content in contents:
        Bare(folder, "").git("unpack-objects", "-q", given=content)
    return folder / "objects" / blob[:2] / blob[2:]


def _size(folder: Path) -> int:
    return sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())


def test_the_commit_says_of_itself_one_short_line(repository: Bare, source: GitSource, wanted: Wanted) -> None:
    subjects = {
        "grüße \x1b[31m東京\n\nwith more to say\n": "grüße [31m東京",
        "x" * 50: "x" * 50,
        "y" * 5000: "y" * 50 + "...",
    }
    commits = {repository.commit({"a.yaml": message}, message=message): said for message, said in subjects.items()}
    for commit, said in commits.items():
        with source.files(wanted(), Resolved(commit, "")) as files:
            assert files.subject == said
