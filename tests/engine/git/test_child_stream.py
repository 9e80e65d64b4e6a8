"""What a child of git writes is read as it comes; the child ends with its reader, and in time."""

import time
from pathlib import Path

import pytest

from engine.git.child import Git, GitError, Overtime
from tests.engine.git.bare import Bare


def test_what_was_asked_is_answered_while_it_is_still_being_read(repository: Bare, environ: dict[str, str]) -> None:
    repository.commit({"a": "x" * 100_000})
    blob = repository.git("rev-parse", "main:a").strip()
    with Git(repository.path, environ=environ).opened("cat-file", "--batch", given=(blob + b"\n") * 3_000) as output:
        for _ in range(3_000):
            assert output.readline().split()[1] == b"blob"
            assert len(output.read(100_001)) == 100_001


def test_who_stops_reading_ends_the_child(repository: Bare, environ: dict[str, str]) -> None:
    repository.commit({"a": "x" * 1_000_000})
    blob = repository.git("rev-parse", "main:a").strip()
    begun = time.monotonic()
    with Git(repository.path, environ=environ).opened("cat-file", "--batch", given=(blob + b"\n") * 10_000) as output:
        assert output.read(10)
    assert time.monotonic() - begun < 5


def test_what_git_refuses_is_told_at_the_end(repository: Bare, environ: dict[str, str]) -> None:
    def read() -> None:
        with Git(repository.path, environ=environ).opened("ls-tree", "--end-of-options", "nothing") as output:
            assert output.read() == b""

    with pytest.raises(GitError, match="git ls-tree: fatal: Not a valid object name nothing"):
        read()


def test_a_child_that_does_not_end_is_ended(repository: Bare, environ: dict[str, str], tmp_path: Path) -> None:
    program = tmp_path / "git"
    program.write_text("#!/bin/sh\necho begun\nexec sleep 100\n")
    program.chmod(0o755)
    slow = environ | {"PATH": f"{tmp_path}:{environ['PATH']}"}

    def read() -> None:
        with Git(repository.path, environ=slow).opened("fetch", timeout_seconds=0.2) as output:
            assert output.readline() == b"begun\n"
            output.read()

    begun = time.monotonic()
    with pytest.raises(Overtime, match=r"git fetch: no end after 0\.2 s"):
        read()
    assert time.monotonic() - begun < 5
