"""Fetch a repository into an empty folder: one branch, without submodules, hooks, filters or local transports."""

from pathlib import Path

from engine.git.child import Git, GitError


def clone(git: Git, url: str, folder: Path, *, branch: str | None, depth: int | None = 1) -> str:
    """Clone into `folder`, which does not exist yet; returns the branch that is checked out.

    `branch` is taken where the repository has it, else it is begun at the head of the default branch. `git` runs in
    another folder and knows the credentials. `depth` None fetches the history too.

    Raises: GitError.
    """
    there = branch is not None and has_branch(git, url, branch)
    words = ["clone", "--quiet", "--no-tags", "--single-branch", "--no-recurse-submodules", "--template="]
    words += [f"--depth={depth}"] if depth is not None else []
    words += [f"--branch={branch}"] if there else []
    git.run(*words, "--end-of-options", url, str(folder))
    inside = git.inside(folder)
    if branch is not None and not there:
        inside.run("switch", "--quiet", "--create", branch)
    head = inside.asks("symbolic-ref", "--quiet", "--short", "HEAD")
    if head is None or inside.asks("rev-parse", "--verify", "--quiet", "HEAD") is None:
        raise GitError("the repository has no commit on that branch", "push a first commit, or name another --branch")
    return head


def has_branch(git: Git, url: str, branch: str) -> bool:
    """Whether the repository has a branch of this name. Raises: GitError."""
    return bool(git.run("ls-remote", "--heads", "--end-of-options", url, f"refs/heads/{branch}"))


def default_branch(git: Git, url: str) -> str:
    """The branch that a repository's HEAD names. Raises: GitError."""
    lines = git.run("ls-remote", "--symref", "--end-of-options", url, "HEAD").decode("utf-8", "surrogateescape")
    for line in lines.splitlines():
        name, _, target = line.removeprefix("ref: refs/heads/").partition("\t")
        if line.startswith("ref: refs/heads/") and target == "HEAD":
            return name
    raise GitError("the repository does not say which branch is its main one", "set the HEAD of the repository")
