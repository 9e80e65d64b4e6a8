"""Artifacts on disk, `<root>/<kind>/<namespace>/<name>/<file>`: whole or not there, with retention.

Files are written beside their place, brought to the disk and renamed. Names that begin with a dot are unfinished and
are neither opened nor counted. Source: fluxcd/pkg artifact/storage/ (gc.go for what is kept how long).
"""

import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, cast

from engine import faults
from engine.source.base import ARCHIVE_FAILED, READ_FAILED, STORE_FAILED, SourceError
from engine.source.tree import open_regular

_PART: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,252}")
_UNFINISHED: Final = ".new-"
_CHUNK: Final = 1 << 20


class Stored(NamedTuple):
    """What was written."""

    path: str
    """Below the root."""
    digest: str
    """`sha256:<hex>`."""
    size: int


class Store:
    """Artifacts below a root. Thread-safe as long as one thread writes for an owner at a time."""

    def __init__(
        self,
        root: Path,
        *,
        ttl: timedelta = timedelta(minutes=1),
        records: int = 2,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`ttl` and `records`: how long, and how many artifacts of an owner are kept besides the current one's need.

        Raises: SourceError when the root cannot be made.
        """
        self._root = root
        self._ttl = ttl.total_seconds()
        self._records = records
        self._now = now
        try:
            root.mkdir(parents=True, exist_ok=True, mode=0o700)
            for each in root.glob(f"*/*/*/{_UNFINISHED}*"):
                each.unlink(missing_ok=True)
        except OSError as error:
            raise _failed("the store cannot be used", error, STORE_FAILED) from error

    def put(self, owner: str, file: str, write: Callable[[BinaryIO], None]) -> Stored:
        """Store what `write` writes. `owner` is `kind/namespace/name`. What was there before stays until it is whole.

        Raises: SourceError; what `write` raises.
        """
        path = f"{_owner(owner)}/{_part(file)}"
        folder = self._root / owner
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise _failed(f'"{owner}"', error, STORE_FAILED) from error
        unfinished = folder / f"{_UNFINISHED}{os.urandom(8).hex()}"
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            with os.fdopen(os.open(unfinished, flags, 0o600), "w+b") as target:
                write(target)
                target.flush()
                os.fsync(target.fileno())
                size = target.seek(0, os.SEEK_END)
                target.seek(0)
                digest = _digest(target)
            faults.point(f"store {path}")
            unfinished.rename(folder / file)
            _sync_folder(folder)
        except OSError as error:
            raise _failed(f'"{path}"', error, ARCHIVE_FAILED) from error
        finally:
            with suppress(OSError):  # renamed, or a disk that takes no more
                unfinished.unlink()
        return Stored(path, digest, size)

    def verify(self, path: str, digest: str) -> bool:
        """Whether a stored file is there and has this digest, by reading it."""
        try:
            with self.open(path) as file:
                return _digest(file) == digest
        except (SourceError, OSError):
            return False

    def open(self, path: str) -> BinaryIO:
        """A stored file. Raises: SourceError when there is none of this path."""
        parts = path.split("/")
        if len(parts) != 4 or not all(map(_PART.fullmatch, parts)):
            raise SourceError(f'"{path[:200]}" is no path of an artifact', reason=READ_FAILED)
        folder = self._root
        try:
            for part in parts[:-1]:
                folder /= part
                if folder.is_symlink():
                    raise SourceError(f'"{path}": a link is in the way', reason=READ_FAILED)
            return cast(BinaryIO, open_regular(folder / parts[-1]))
        except OSError as error:
            raise _failed(f'"{path}"', error, READ_FAILED) from error

    def collect(self, owner: str, keep: str) -> list[str]:
        """Remove what is older than the store's time, then the oldest above its count; never the path `keep`.

        Returns what was removed. Raises: SourceError.
        """
        folder = self._root / _owner(owner)
        try:
            aged = sorted((each.stat().st_mtime, each.name) for each in _files(folder))
        except OSError as error:
            raise _failed(f'"{owner}"', error, READ_FAILED) from error
        now = self._now()
        paths = [(f"{owner}/{name}", now - at > self._ttl) for at, name in aged]
        gone = [path for path, is_old in paths if is_old and path != keep]
        left = [path for path, is_old in paths if path not in gone]
        over = max(0, len(left) - self._records)
        gone += [path for path in left if path != keep][:over]
        try:
            for path in gone:
                faults.point(f"remove {path}")
                (self._root / path).unlink(missing_ok=True)
        except OSError as error:
            raise _failed(f'"{owner}"', error, STORE_FAILED) from error
        return gone

    def drop(self, owner: str) -> None:
        """Remove all of an owner. Raises: SourceError."""
        folder = self._root / _owner(owner)
        faults.point(f"remove {owner}")
        try:
            with suppress(FileNotFoundError):
                shutil.rmtree(folder)
        except OSError as error:
            raise _failed(f'"{owner}"', error, STORE_FAILED) from error
        with suppress(OSError):  # others live there, or nobody has
            for above in list(folder.parents)[:2]:
                above.rmdir()

    def owners(self) -> list[str]:
        """All that have something stored."""
        return sorted(str(each.relative_to(self._root)) for each in self._root.glob("*/*/*") if each.is_dir())


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return [each for each in folder.iterdir() if not each.name.startswith(".") and each.is_file()]


def _owner(owner: str) -> str:
    parts = owner.split("/")
    if len(parts) != 3:
        raise SourceError(f'"{owner[:200]}" is no owner of artifacts', reason=STORE_FAILED)
    for part in parts:
        _part(part)
    return owner


def _part(text: str) -> str:
    if not _PART.fullmatch(text):
        raise SourceError(f'"{text[:200]}" cannot be a name in the store', reason=STORE_FAILED)
    return text


def _digest(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
    return f"sha256:{digest.hexdigest()}"


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _failed(what: str, error: OSError, reason: str) -> SourceError:
    return SourceError(f"{what}: {(error.strerror or str(error)).lower()}", reason=reason)
