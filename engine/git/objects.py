"""Read a commit's tree and its blobs out of a bare repository, without a checkout."""

import re
from collections.abc import Iterator, Sequence
from typing import IO, Final, NamedTuple

from engine.git.child import Git, GitError

_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_LONGEST_LINE: Final = 70_000
_LARGEST_OBJECT: Final = 16 << 20
"""Bytes of a commit or tag: messages have kilobytes."""


class Blob(NamedTuple):
    """A regular file of a tree."""

    path: str
    """From the root, bytes that are no UTF-8 as surrogates."""
    id: str
    size: int
    is_executable: bool


def check_commit(commit: str) -> str:
    """Raises: GitError for what is not 40 hex digits."""
    if not _COMMIT.fullmatch(commit):
        raise GitError(f'"{commit[:80]}" is no commit', "a commit is named by 40 hex digits")
    return commit


def blobs(git: Git, commit: str, *, most: int, timeout_seconds: float) -> list[Blob]:
    """The regular files of a commit, links and submodules left out, in git's order.

    Raises: GitError when they are more than `most`, or a path is one that leads elsewhere.
    """
    found = []
    words = ("ls-tree", "-r", "-z", "-l", "--full-tree", "--end-of-options", check_commit(commit))
    with git.opened(*words, timeout_seconds=timeout_seconds) as output:
        for entry in _ended(output):
            what, _, raw = entry.partition(b"\t")
            mode, _, oid, size = what.split()
            if not mode.startswith(b"100"):  # 120000 are links, 160000 submodules
                continue
            path = raw.decode("utf-8", "surrogateescape")
            if path.startswith("/") or any(part in ("", ".", "..") for part in path.split("/")):
                raise GitError(f"the commit has a file with the path {path!r}")
            if not size.isdigit():
                raise GitError(f"the repository has lost the content of {path!r}")
            found.append(Blob(path, oid.decode(), int(size), mode == b"100755"))
            if len(found) > most:
                raise GitError(f"the commit has more than {most} files", "leave some out with sparseCheckout")
    return found


def contents(git: Git, wanted: Sequence[Blob], *, timeout_seconds: float) -> Iterator[bytes]:
    """The content of each blob, in the order asked. Raises: GitError."""
    if not wanted:
        return
    asked = b"".join(b"%s\n" % blob.id.encode() for blob in wanted)
    with git.opened("cat-file", "--batch", "--buffer", given=asked, timeout_seconds=timeout_seconds) as output:
        for blob in wanted:
            head = output.readline(_LONGEST_LINE).split()
            if len(head) != 3 or head[1] != b"blob" or int(head[2]) != blob.size:
                raise GitError(f"the repository has lost the content of {blob.path!r}")
            content = output.read(blob.size + 1)
            if len(content) != blob.size + 1:
                raise GitError("git cat-file: it broke off")
            yield content[:-1]


def raw(git: Git, kind: str, name: str) -> bytes:
    """A commit or tag as it is stored. `name` is an id or a full ref. Raises: GitError."""
    size = git.run("cat-file", "-s", name)
    if not size.strip().isdigit() or int(size) > _LARGEST_OBJECT:
        raise GitError(f"the {kind} is larger than {_LARGEST_OBJECT} bytes")
    return git.run("cat-file", kind, name)


def _ended(output: IO[bytes]) -> Iterator[bytes]:
    """Entries that end with NUL."""
    left = b""
    while chunk := output.read(1 << 16):
        *whole, left = (left + chunk).split(b"\0")
        yield from whole
        if len(left) > _LONGEST_LINE:
            raise GitError("git ls-tree: an entry without an end")
