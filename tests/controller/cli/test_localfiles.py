"""Files of a folder and of a commit, as a source would have them."""

import os
import subprocess
from pathlib import Path

import pytest

from controller.cli import localfiles
from engine.errors import KsealError
from engine.git.child import Git

IDENTITY = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}


def lay(root: Path, *paths: str, **contents: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(contents.get(path, path))


def commit(root: Path) -> str:
    environ = {**os.environ, **IDENTITY, "GIT_CONFIG_GLOBAL": os.devnull}
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "x"]):
        subprocess.run(["git", *words], cwd=root, env=environ, check=True)
    found = subprocess.run(["git", "rev-parse", "HEAD"], cwd=root, env=environ, check=True, capture_output=True)
    return found.stdout.decode().strip()


def test_a_folder_has_its_regular_files(tmp_path: Path) -> None:
    lay(tmp_path, "apps/web/a.yaml", "apps/b.yaml", ".git/config", "c.png")
    (tmp_path / "apps" / "link.yaml").symlink_to("/etc/passwd")
    (tmp_path / "linked").symlink_to(tmp_path / "apps")
    os.mkfifo(tmp_path / "apps" / "pipe.yaml")
    files = localfiles.of_folder(tmp_path)
    assert files.below("") == ["apps/b.yaml", "apps/web/a.yaml"]
    assert files.below("apps/web") == ["apps/web/a.yaml"]
    assert files.read("apps/b.yaml") == b"apps/b.yaml"
    assert (files.has_folder("apps/web"), files.has_folder("linked"), files.has_folder("")) == (True, False, True)
    assert "apps/b.yaml" in files.files
    assert files.files["apps/b.yaml"].size == len("apps/b.yaml")


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "apps/link.yaml", "linked/b.yaml", ".git/config", "", "apps"])
def test_what_is_no_file_of_it_cannot_be_read(tmp_path: Path, path: str) -> None:
    lay(tmp_path, "apps/b.yaml", ".git/config")
    (tmp_path / "apps" / "link.yaml").symlink_to("/etc/passwd")
    (tmp_path / "linked").symlink_to(tmp_path / "apps")
    files = localfiles.of_folder(tmp_path)
    assert path not in files.files
    with pytest.raises(KsealError):
        files.read(path)


def test_the_rules_of_a_source_leave_files_out(tmp_path: Path) -> None:
    lay(tmp_path, "a.yaml", "b.png", "docs/c.yaml", "apps/.sourceignore", "apps/d.yaml", "apps/e.txt")
    (tmp_path / "apps" / ".sourceignore").write_text("*.txt\n")
    assert localfiles.of_folder(tmp_path).below("") == ["a.yaml", "apps/.sourceignore", "apps/d.yaml", "b.png",
                                                        "docs/c.yaml"]  # fmt: skip
    assert "docs/c.yaml" not in localfiles.of_folder(tmp_path, ignored="/docs/\n").files


def test_equal_contents_have_equal_digests(tmp_path: Path) -> None:
    lay(tmp_path, "a", "b", "c", a="x", b="x", c="y")
    files = localfiles.of_folder(tmp_path).files
    assert files["a"].digest == files["b"].digest != files["c"].digest


def test_a_commit_has_the_files_of_then(tmp_path: Path) -> None:
    lay(tmp_path, "apps/web/a.yaml", "apps/b.yaml", "c.yaml")
    (tmp_path / "link.yaml").symlink_to("c.yaml")
    found = commit(tmp_path)
    (tmp_path / "c.yaml").write_text("changed")
    assert localfiles.commit_of(tmp_path, "main", os.environ) == found
    files = localfiles.at_revision(tmp_path, "main", os.environ)
    assert files.below("") == ["apps/b.yaml", "apps/web/a.yaml", "c.yaml"]
    assert files.read("c.yaml") == b"c.yaml"
    below = localfiles.at_revision(tmp_path, "HEAD", os.environ, below="apps")
    assert below.below("") == ["b.yaml", "web/a.yaml"]
    assert below.read("web/a.yaml") == b"apps/web/a.yaml"


def test_a_large_commit_is_read_file_by_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay(tmp_path, "a", "b")
    found = commit(tmp_path)
    monkeypatch.setattr(localfiles, "_TOGETHER_BYTES", 1)
    files = localfiles.of_commit(Git(tmp_path, environ=os.environ), found)
    assert [files.read(path) for path in ("b", "a")] == [b"b", b"a"]


@pytest.mark.parametrize("revision", ["nothing", "--output=x", "HEAD:a", "HEAD~5"])
def test_what_is_no_commit_is_refused(tmp_path: Path, revision: str) -> None:
    lay(tmp_path, "a")
    commit(tmp_path)
    with pytest.raises(KsealError, match="is no revision of"):
        localfiles.commit_of(tmp_path, revision, os.environ)


def test_a_repository_that_git_does_not_trust_is_told_as_such(tmp_path: Path) -> None:
    lay(tmp_path, "a")
    commit(tmp_path)
    strange = {**os.environ, "GIT_TEST_ASSUME_DIFFERENT_OWNER": "1", "GIT_CONFIG_GLOBAL": os.devnull}
    with pytest.raises(KsealError, match=r"safe\.directory"):
        localfiles.at_revision(tmp_path, "HEAD", strange)
    (tmp_path / "trusted").write_text(f"[safe]\ndirectory = {tmp_path}\n")
    trusting = {**strange, "GIT_CONFIG_GLOBAL": str(tmp_path / "trusted")}
    assert localfiles.at_revision(tmp_path, "HEAD", trusting).read("a") == b"a"


def test_the_work_tree_of_a_path_is_found_without_git(tmp_path: Path) -> None:
    lay(tmp_path, ".git/config", "apps/web/a.yaml")
    assert localfiles.work_tree_of(tmp_path / "apps" / "web") == tmp_path
    assert localfiles.work_tree_of(Path("/")) is None
