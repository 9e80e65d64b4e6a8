"""`kseal rotate --commit`, `--repo`: the same job with Git around it; one commit, and nothing else in it."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from engine.errors import KsealError
from engine.git import worktree
from engine.git.address import check_url
from engine.git.child import Git, GitError
from engine.git.clone import clone, default_branch
from engine.git.credentials import Credentials, kept_identity
from sealer.cli import files, pullrequest
from sealer.cli.misuse import Misused
from sealer.cli.scratch import Scratch
from sealer.cli.verb import Given
from sealer.rotation import tree
from sealer.rotation.journal import Journal
from sealer.rotation.message import SOPS_TRAILER, TRAILER, message

if TYPE_CHECKING:
    from sealer.rotation.forges.base import Forge, Request
    from sealer.rotation.job import FileReport

_SHOWN = 5


class Setting(NamedTuple):
    """A work tree to rotate in, and how git is told about it."""

    git: Git
    top: Path
    branch: str
    remote: str
    """What is pushed to: the name of a remote, or a URL."""
    signing: Mapping[str, str] | None
    identity: Mapping[str, str]
    base: str | None
    """The branch into which a pull request is to be merged, None where none is wanted."""


def check(given: Given) -> None:
    """Raises: Misused for flags that mean nothing without each other."""
    pullrequest.imply(given)
    if not given.flag("commit"):
        for flag in ("push", "branch", "sign"):
            if given.flag(flag) or given.text(flag):
                raise Misused(f"--{flag} needs --commit")
    if given.text("repo") is None:
        return
    if not given.flag("dry-run") and not (given.flag("commit") and given.flag("push")):
        raise Misused(
            "--repo works in a copy that is thrown away", hint="add --commit --push, or --dry-run to look only"
        )
    for path in given.files:
        if Path(path).is_absolute() or ".." in Path(path).parts:
            raise Misused(f"{path}: with --repo, paths are inside the repository")
    try:
        check_url(given.text("repo") or "")
    except KsealError as error:
        raise Misused(error.message, error.hint) from error


class Repository:
    """A work tree during one rotation; a context, at whose end copies and keys are removed."""

    def __init__(self, given: Given, environ: Mapping[str, str], *, with_history: bool) -> None:
        """`with_history`: whether the commits of earlier rotations are needed. Nothing happens before `__enter__`."""
        self._given, self._environ, self._with_history = given, environ, with_history
        self._scratch = Scratch("kseal-rotate-")
        self._left: list[str] = []
        self._forge: Forge | None = None
        self._is_pushed = False

    def __enter__(self) -> "Repository":
        files.end_by_exception()
        try:
            folder = self._given.text("git-credentials")
            self._credentials = Credentials(Path(folder) if folder else None, self._scratch.path)
            self._set = self._cloned() if self._given.text("repo") else self._at_hand()
        except BaseException:
            self._scratch.cleanup()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._scratch.cleanup()

    @property
    def root(self) -> Path | None:
        """The folder that paths begin in, None for the present one."""
        return self._set.top if self._given.text("repo") else None

    @property
    def top(self) -> Path:
        """The folder of the work tree, outside of which nothing counts."""
        return self._set.top

    def takes(self) -> Callable[[str], bool]:
        """Whether Git keeps a file, by its real path: others cannot be committed.

        Raises: KsealError for what was named and is not in the work tree; GitError.
        """
        top = os.path.realpath(self._set.top)
        named = [self.root / path if self.root else Path(path) for path in self._given.files or (".",)]
        tree.require_inside(top, named)
        paths = [os.path.realpath(path) for path in named]
        kept = worktree.tracked(self._set.git, paths)
        return lambda file: os.path.relpath(file, top) in kept

    def begin(self) -> Callable[[str, bytes], None]:
        """See that the tree is clean, go to the branch, and hand out what must be told before each write.

        Raises: Misused when somebody's changes are in the way; GitError.
        """
        where = self._set
        self._journal = Journal(self._journal_path(), Path(os.path.realpath(where.top)))
        self._left, others = self._journal.own(worktree.status(where.git))
        if others:
            shown = ", ".join(entry.path for entry in others[:_SHOWN]) + (", …" if len(others) > _SHOWN else "")
            raise Misused(
                f"the work tree has changes that are not committed: {shown}",
                hint="commit or stash them, or leave --commit out",
            )
        if worktree.branch_of(where.git) != where.branch:
            worktree.switch(where.git, where.branch)
        if where.base is not None and where.base != worktree.base_of(where.git, where.branch):
            worktree.set_base(where.git, where.branch, where.base)
        return self._journal.add

    def finish(self, reports: "list[FileReport]", newest: str | None) -> str | None:
        """Commit what was written, and push when asked to; the id of the commit, None where nothing had changed.

        Raises: GitError.
        """
        where = self._set
        top = os.path.realpath(where.top)
        changed = {os.path.relpath(os.path.realpath(done.file), top) for done in reports if done.data is not None}
        made = None
        if changed or self._left:
            text = message(reports, self._left, newest)
            made = worktree.commit(
                where.git, changed.union(self._left), text, identity=where.identity, signing=where.signing
            )
        self._journal.clear()
        if self._given.flag("push") and (made or self._was_ours(newest)):
            worktree.push(where.git, where.remote, where.branch)
            self._is_pushed = True
        return made

    def request(self) -> "Request | None":
        """The pull request for what was pushed, None where none is wanted or nothing was pushed.

        Raises: KsealError when the forge does not do it; the branch is pushed all the same.
        """
        where = self._set
        if self._forge is None or where.base is None or not self._is_pushed:
            return None
        from sealer.rotation.forges.base import Proposal, described

        last = worktree.last_commit(where.git)
        proposal = Proposal(where.branch, where.base, last.id, *described(last.message))
        return pullrequest.open_or_find(self._forge, proposal)

    def added_lines(self, newest: str) -> bytes:
        """The lines that earlier rotations to the same key brought. Raises: GitError."""
        wanted = ("--fixed-strings", f"--grep={TRAILER}: {newest}")
        shape = ("--patch", "--format=", "--unified=0", "--no-ext-diff", "--no-textconv", "--no-color")
        output = self._set.git.run("log", "--max-count=50", *shape, *wanted)
        return b"\n".join(line for line in output.splitlines() if line.startswith(b"+"))

    def _was_ours(self, newest: str | None) -> bool:
        """Whether the last commit is a rotation to the same key, which may not have been pushed before a kill."""
        text = worktree.last_commit(self._set.git).message
        return f"\n{TRAILER}: {newest}\n" in text or f"\n{SOPS_TRAILER}\n" in text

    def _cloned(self) -> Setting:
        url = check_url(self._given.text("repo") or "")
        git = Git(self._scratch.path, environ=self._environ, environment=self._credentials.environment(url))
        branch = self._given.text("branch")
        if branch is not None:
            worktree.check_branch(git, branch)
        self._forge = pullrequest.chosen(self._given, url, self._credentials, self._environ)
        base = _other_than(branch, default_branch(git, url)) if self._forge else None
        top = self._scratch.path / "clone"
        branch = clone(git, url, top, branch=branch, depth=None if self._with_history else 1)
        return self._setting(git.inside(top), top, branch, url, base)

    def _at_hand(self) -> Setting:
        plain = Git(_folder_of(self._given.files[0]), environ=self._environ)
        try:
            top = worktree.top_of(plain)
        except GitError as error:
            raise Misused(error.message, error.hint) from error
        branch = self._given.text("branch")
        if branch is not None:
            worktree.check_branch(plain, branch)
        branch = branch or worktree.branch_of(plain)
        if branch is None:
            raise Misused("no branch is checked out", hint="name one with --branch")
        remote = plain.asks("config", "--get", f"branch.{branch}.remote") or "origin"
        url = None
        if self._given.flag("push"):
            url = plain.asks("remote", "get-url", "--push", "--end-of-options", remote)
            if url is None:
                raise Misused(f'there is no remote "{remote}" to push to')
            check_url(url)
            self._forge = pullrequest.chosen(self._given, url, self._credentials, self._environ)
        git = Git(top, environ=self._environ, environment=self._credentials.environment(url))
        base = None
        if self._forge is not None and url is not None:
            here = worktree.branch_of(plain)
            begun = here if here != branch else worktree.base_of(plain, branch)
            base = _other_than(branch, begun or default_branch(git, url))
        return self._setting(git, top, branch, remote, base)

    def _setting(self, git: Git, top: Path, branch: str, remote: str, base: str | None) -> Setting:
        home = {"HOME": self._environ.get("HOME") or os.devnull}
        own = home | {"GIT_CONFIG_GLOBAL": self._environ.get("GIT_CONFIG_GLOBAL") or f"{home['HOME']}/.gitconfig"}

        def configured(name: str) -> str | None:
            return git.asks("config", "--get", name, environment=own)

        identity = kept_identity(self._environ, configured("user.name"), configured("user.email"))
        signing = None
        if self._given.flag("sign"):
            signing = self._signing(configured)
            identity |= home | {name: self._environ[name] for name in ("GNUPGHOME",) if name in self._environ}
        return Setting(git, top, branch, remote, signing, identity, base)

    def _signing(self, configured: Callable[[str], str | None]) -> Mapping[str, str]:
        if key := self._credentials.signing_key():
            return {"gpg.format": "ssh", "user.signingKey": str(key)}
        found = {name: configured(name) for name in ("user.signingKey", "gpg.format", "gpg.program", "gpg.ssh.program")}
        if found["user.signingKey"] is None:
            raise Misused(
                "there is no key to sign commits with",
                hint="git config --global user.signingKey KEY, or a file signing-key in --git-credentials",
            )
        return {name: value for name, value in found.items() if value is not None}

    def _journal_path(self) -> Path:
        return self._set.top / self._set.git.run("rev-parse", "--git-path", "kseal-rotation").decode().strip()


def _other_than(branch: str | None, base: str) -> str:
    """Raises: Misused where a branch would have to be merged into itself."""
    if branch == base:
        raise Misused(f'a pull request from "{base}" into itself means nothing', hint="name another --branch")
    return base


def _folder_of(path: str) -> Path:
    found = Path(path)
    return found if found.is_dir() else found.parent
