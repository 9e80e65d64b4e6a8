"""Files for a build on this machine: a folder as it is, or as it was at a revision of its repository.

Both are what `engine.render` reads. They hold what Flux would put into an artifact: regular files that no rule of
`.sourceignore` leaves out. Contents are read when a build asks for them: a repository may hold far more than one needs.
"""

import hashlib
import os
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from engine.errors import KsealError
from engine.git import objects
from engine.git.child import Git
from engine.source import ignore
from engine.source.tree import open_regular

_FILE_BYTES: Final = 64 << 20
"""Of one file. A build refuses less; this only keeps a mistaken path from filling the memory."""
_MOST_FILES: Final = 500_000
_TOGETHER_BYTES: Final = 64 << 20
"""Of a revision, that are read at once; where it has more, file by file."""
_GIT: Final = ".git"
_SECONDS: Final = 120.0

Read = Callable[[str], bytes]


class Content(NamedTuple):
    """One file, known by the digest of its content."""

    digest: str
    size: int


class SourceFiles:
    """The files of a source by path, `/` between names, "" for the root."""

    def __init__(self, paths: Iterable[str], read: Read, *, ignored: str | None = None) -> None:
        """`ignored` are the rules of the source's own `spec.ignore`. Raises: KsealError for rules that are too many."""
        self._paths = sorted(paths)
        rules = {path: read(path) for path in self._paths if path.rpartition("/")[2] == ignore.FILE_NAME}
        texts = {path.rpartition("/")[0]: text.decode("utf-8", "replace") for path, text in rules.items()}
        self._read = read
        self._contents = _Contents(self._paths, read, ignore.Ignore(ignored, texts))
        self.files: Mapping[str, Content] = self._contents

    def read(self, path: str) -> bytes:
        """Raises: KsealError."""
        if path not in self.files:
            raise KsealError(f"{path}: no such file in the source", "links are not followed")
        return self._read(path)

    def below(self, folder: str) -> list[str]:
        """All files under a folder, sorted."""
        return list(self._below(folder))

    def has_folder(self, folder: str) -> bool:
        """Whether there is such a folder, with anything in it."""
        return not folder or next(self._below(folder), None) is not None

    def _below(self, folder: str) -> Iterator[str]:
        # The character after "/" is "0": all that begins with "folder/" is before "folder0".
        begin = bisect_left(self._paths, f"{folder}/") if folder else 0
        end = bisect_left(self._paths, f"{folder}0") if folder else len(self._paths)
        return (path for path in self._paths[begin:end] if path in self._contents)


def of_folder(root: Path, *, ignored: str | None = None) -> SourceFiles:
    """The files below a folder as they are now. Raises: KsealError."""
    real = Path(os.path.realpath(root))
    if not real.is_dir():
        raise KsealError(f"{root}: no such folder")

    def read(path: str) -> bytes:
        try:
            with open_regular(real / path) as file:
                data = file.read(_FILE_BYTES + 1)
        except OSError as error:
            raise KsealError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from error
        if len(data) > _FILE_BYTES:
            raise KsealError(f"{path}: larger than the {_FILE_BYTES} bytes that are read")
        return data

    return SourceFiles(_walk(real), read, ignored=ignored)


def of_commit(git: Git, commit: str, *, below: str = "", ignored: str | None = None) -> SourceFiles:
    """The files of a commit, by its id; of those below a folder, with paths that begin there. Raises: KsealError."""
    head = f"{below}/" if below else ""
    found = objects.blobs(git, commit, most=_MOST_FILES, timeout_seconds=_SECONDS)
    blobs = {blob.path.removeprefix(head): blob for blob in found if blob.path.startswith(head)}
    # Each question to git costs as much as a hundred files: where all is little, all is asked for at once.
    together = list(blobs.values()) if sum(blob.size for blob in blobs.values()) <= _TOGETHER_BYTES else []
    known: dict[str, bytes] = {}

    def read(path: str) -> bytes:
        if together and not known:
            contents = objects.contents(git, together, timeout_seconds=_SECONDS)
            known.update(zip(blobs, contents, strict=True))
        if path not in known:
            return next(objects.contents(git, [blobs[path]], timeout_seconds=_SECONDS))
        return known[path]

    return SourceFiles(blobs, read, ignored=ignored)


def at_revision(
    top: Path, revision: str, environ: Mapping[str, str], *, below: str = "", ignored: str | None = None
) -> SourceFiles:
    """The files of a work tree's repository at a revision. Raises: KsealError."""
    commit = commit_of(top, revision, environ)
    # The person's git has said that it trusts this repository. From here on only objects are read, by a git that runs
    # no hook, reads no configuration of theirs, and fetches nothing that a partial clone may lack.
    settings = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": str(top)}
    git = Git(top, environ=environ, environment={**settings, "GIT_NO_LAZY_FETCH": "1"})
    return of_commit(git, commit, below=below, ignored=ignored)


def commit_of(top: Path, revision: str, environ: Mapping[str, str]) -> str:
    """The id of the commit that a revision names. Raises: KsealError."""
    from sealer.cli import gitchild

    git = gitchild.Git(environ, str(top))
    found = git.asks("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if not found:
        git.run("rev-parse", "--git-dir")  # which says so when git does not trust the repository, or finds none
        raise KsealError(f'"{revision}" is no revision of {top}', "name a commit, a branch or a tag: --rev main")
    return found


def work_tree_of(place: Path) -> Path | None:
    """The top of the work tree that a file or folder lies in; None when it is in none. No git is started."""
    here = Path(os.path.realpath(place))
    return next((folder for folder in (here, *here.parents) if (folder / _GIT).exists()), None)


def _walk(root: Path) -> Iterator[str]:
    """Paths of all regular files. Links are neither followed nor files."""
    waiting, count = [""], 0
    while waiting:
        inside = waiting.pop()
        try:
            with os.scandir(root / inside) as entries:
                for each in entries:
                    path = f"{inside}/{each.name}" if inside else each.name
                    if each.name == _GIT:
                        continue  # a folder; of a submodule, or a second work tree, a file
                    if each.is_dir(follow_symlinks=False):
                        waiting.append(path)
                    elif each.is_file(follow_symlinks=False):
                        count += 1
                        yield path
        except OSError as error:
            raise KsealError(f"cannot read {inside or root}: {(error.strerror or str(error)).lower()}") from error
        if count > _MOST_FILES:
            raise KsealError(f"{root}: more than {_MOST_FILES} files", "name a folder further in: --source-root")


class _Contents(Mapping[str, Content]):
    """Digests by path, each made when it is asked for, as are the rules that leave files out."""

    def __init__(self, paths: Sequence[str], read: Read, rules: ignore.Ignore) -> None:
        self._read = read
        self._rules = rules
        self._kept: dict[str, bool | None] = dict.fromkeys(paths)
        self._known: dict[str, Content] = {}

    def __getitem__(self, path: str) -> Content:
        if path not in self:
            raise KeyError(path)
        if path not in self._known:
            data = self._read(path)
            self._known[path] = Content(hashlib.sha256(data).hexdigest(), len(data))
        return self._known[path]

    def __contains__(self, path: object) -> bool:
        if not isinstance(path, str) or path not in self._kept:
            return False
        kept = self._kept[path]
        if kept is None:
            kept = self._kept[path] = not self._rules.excludes(path)
        return kept

    def __iter__(self) -> Iterator[str]:
        return (path for path in self._kept if path in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)
