"""The files of a source as they lie in a folder that nobody changes: what is there, and digests of it."""

import hashlib
import os
import stat
import threading
from bisect import bisect_left
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

from engine.source.base import READ_FAILED, SourceError

if TYPE_CHECKING:
    from engine.source.archive import Limits
    from engine.source.ignore import Ignore

_CHUNK = 1 << 20


class Entry(NamedTuple):
    """A regular file."""

    digest: str
    """SHA-256 of the content, hex."""
    size: int
    is_executable: bool


class Tree:
    """Regular files below a folder, by path: `/` between parts, none at the beginning. Thread-safe."""

    def __init__(self, folder: Path, files: Mapping[str, Entry], *, folders: Collection[str] = ()) -> None:
        """`folders` are those that may be empty; the others follow from the files."""
        self.folder = folder
        self.files = files
        self._paths = sorted(files)
        self._folders = frozenset(folders)
        self._digests: dict[str, str] = {}
        self._lock = threading.Lock()

    def moved(self, folder: Path) -> "Tree":
        """The same files, after their folder was renamed."""
        return Tree(folder, self.files, folders=self._folders)

    def read(self, path: str) -> bytes:
        """The content of a file. Raises: SourceError when there is none, or it is not what it was."""
        entry = self.files.get(path)
        if entry is None:
            raise SourceError(f'"{path}": no such file in the source', reason=READ_FAILED)
        try:
            with open_regular(self.folder / path) as file:
                content = file.read(entry.size + 1)
        except OSError as error:
            raise _unreadable(path, error) from error
        if len(content) != entry.size:
            raise SourceError(f'"{path}": the file was changed', reason=READ_FAILED)
        return content

    def below(self, folder: str) -> list[str]:
        """Paths of all files under a folder, sorted; of the whole tree for ""."""
        begin, end = self._span(folder)
        return self._paths[begin:end]

    def has_folder(self, folder: str) -> bool:
        """Whether there is such a folder; the root always is."""
        begin, end = self._span(folder)
        return not folder or begin < end or folder in self._folders

    def digest(self, folder: str = "") -> str:
        """SHA-256, hex, over names (relative to the folder), modes and contents of the files below it."""
        with self._lock:
            known = self._digests.get(folder)
        if known is not None:
            return known
        digest = hashlib.sha256()
        cut = len(folder) + 1 if folder else 0
        for path in self.below(folder):
            entry = self.files[path]
            name = path[cut:].encode("utf-8", "surrogateescape")
            digest.update(b"%d:%s:%d:%s\n" % (len(name), name, entry.is_executable, entry.digest.encode()))
        with self._lock:
            return self._digests.setdefault(folder, digest.hexdigest())

    def _span(self, folder: str) -> tuple[int, int]:
        if not folder:
            return 0, len(self._paths)
        # The character after "/" is "0": all that begins with "folder/" is before "folder0".
        return bisect_left(self._paths, f"{folder}/"), bisect_left(self._paths, f"{folder}0")


def of_folder(folder: Path, *, limits: "Limits", ignore: "Ignore | None" = None) -> Tree:
    """A folder of this machine. Links are not followed, and are no files here; `.git` is left out.

    Raises: SourceError for what cannot be read, or goes over the limits (`compressed` does not count here).
    """
    files: dict[str, Entry] = {}
    folders: set[str] = set()
    size = 0
    waiting = [""]
    while waiting:
        inside = waiting.pop()
        try:
            entries = sorted(os.scandir(folder / inside), key=lambda each: each.name)
        except OSError as error:
            raise _unreadable(inside or str(folder), error) from error
        for each in entries:
            path = f"{inside}/{each.name}" if inside else each.name
            if each.is_dir(follow_symlinks=False):
                if each.name != ".git":
                    folders.add(path)
                    waiting.append(path)
            elif each.is_file(follow_symlinks=False) and not (ignore and ignore.excludes(path, is_dir=False)):
                files[path] = entry = _measured(folder, path, limits.unpacked - size)
                size += entry.size
            if len(files) + len(folders) > limits.entries or path.count("/") >= limits.depth:
                raise SourceError(
                    f"{folder}: more than {limits.entries} entries, or deeper than {limits.depth} folders",
                    "name a folder further in",
                )
    return Tree(folder, files, folders=folders)


def open_regular(path: Path) -> IO[bytes]:
    """Open a regular file, and nothing that only looks like one. Raises: OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError("not a regular file")
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def _measured(folder: Path, path: str, left: int) -> Entry:
    digest, size = hashlib.sha256(), 0
    try:
        with open_regular(folder / path) as file:
            is_executable = bool(os.fstat(file.fileno()).st_mode & 0o111)
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
                if size > left:
                    raise SourceError(f"{folder}: too large", "name a folder further in, or leave files out")
    except OSError as error:
        raise _unreadable(path, error) from error
    return Entry(digest.hexdigest(), size, is_executable)


def _unreadable(path: str, error: OSError) -> SourceError:
    return SourceError(f'"{path}": {(error.strerror or str(error)).lower()}', reason=READ_FAILED)
