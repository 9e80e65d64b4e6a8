"""A work tree at hand: is it clean, on which branch, and one commit of what was changed in it."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from engine.git.child import Git, GitError


class Entry(NamedTuple):
    """One line of `git status`: two letters (`??` for untracked), and the path from the top of the work tree."""

    state: str
    path: str


class Commit(NamedTuple):
    """A commit's name and message."""

    id: str
    message: str


def top_of(git: Git) -> Path:
    """The top of the work tree that git's folder is in. Raises: GitError when it is in none."""
    found = git.asks("rev-parse", "--show-toplevel")
    if found is None:
        raise GitError(
            f"{git.folder}: not inside a Git work tree", "a commit needs one; leave --commit out to edit files"
        )
    return Path(found)


def status(git: Git) -> list[Entry]:
    """What differs from the last commit, untracked files included, ignored ones not. Raises: GitError."""
    fields = iter(_paths(git.run("status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames")))
    return [Entry(field[:2], field[3:]) for field in fields]


def tracked(git: Git, paths: Sequence[str]) -> frozenset[str]:
    """The regular files that Git keeps below some paths, from the top of the work tree. Raises: GitError."""
    lines = _paths(git.run("ls-files", "-z", "--stage", "--full-name", "--end-of-options", *paths))
    found = (line.partition("\t") for line in lines)
    return frozenset(path for what, _, path in found if what.startswith("100"))  # 120000 are links, 160000 submodules


def branch_of(git: Git) -> str | None:
    """The branch that is checked out, None for none. Raises: GitError."""
    return git.asks("symbolic-ref", "--quiet", "--short", "HEAD")


def check_branch(git: Git, name: str) -> None:
    """Raises: GitError when a branch cannot be called so."""
    if name.startswith("-") or git.asks("check-ref-format", "--branch", name) != name:
        raise GitError(f'no branch can be called "{name}"')


def switch(git: Git, name: str) -> None:
    """Go to a branch, begun here where it is not there yet. Raises: GitError."""
    there = git.asks("rev-parse", "--verify", "--quiet", f"refs/heads/{name}") is not None
    git.run("switch", "--quiet", *([] if there else ["--create"]), name)


def commit(
    git: Git,
    paths: Iterable[str],
    message: str,
    *,
    identity: Mapping[str, str],
    signing: Mapping[str, str] | None = None,
) -> str:
    """Commit files as they are now, and nothing else; returns the commit's id. `signing` are settings of git, None for
    an unsigned commit.

    Raises: GitError.
    """
    listed = b"\0".join(os.fsencode(path) for path in sorted(paths))
    only = ("--pathspec-from-file=-", "--pathspec-file-nul")
    literal = {"GIT_LITERAL_PATHSPECS": "1"}
    git.run("add", *only, given=listed, environment=literal)
    sign = "--no-gpg-sign" if signing is None else "--gpg-sign"
    git.run(
        "commit",
        "--quiet",
        "--no-verify",
        "--cleanup=verbatim",
        sign,
        "--file=-",
        given=message.encode(),
        settings=signing,
        environment=identity,
    )
    return git.run("rev-parse", "HEAD").decode().strip()


def last_commit(git: Git) -> Commit:
    """What HEAD is at. Raises: GitError."""
    found = git.run("log", "-1", "--format=%H%n%B").decode("utf-8", "replace")
    return Commit(*found.split("\n", 1))


def base_of(git: Git, branch: str) -> str | None:
    """The branch that this one was begun at, as `set_base` noted it. Raises: GitError."""
    return git.asks("config", "--get", f"branch.{branch}.kseal-base")


def set_base(git: Git, branch: str, base: str) -> None:
    """Note in the repository's configuration where a branch was begun. Raises: GitError."""
    git.run("config", "--local", f"branch.{branch}.kseal-base", base)


def push(git: Git, remote: str, branch: str) -> None:
    """Push what is checked out to a branch of that name; never by force. Raises: GitError."""
    git.run("push", "--quiet", "--no-verify", "--end-of-options", remote, f"HEAD:refs/heads/{branch}")


def _paths(output: bytes) -> list[str]:
    return [os.fsdecode(field) for field in output.split(b"\0") if field]
