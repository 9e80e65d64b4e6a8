"""Extracted artifacts, shared by all who build from them: each extracted once, and only after its digest was right."""

import hashlib
import os
import re
import shutil
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from engine import faults
from engine.source.archive import DEFAULT_LIMITS, Limits, unpack
from engine.source.base import READ_FAILED, STORE_FAILED, SourceError
from engine.source.tree import Tree

_DIGEST: Final = re.compile(r"sha256:([0-9a-f]{64})")
_CHUNK: Final = 1 << 20

Opened = Callable[[], AbstractContextManager[BinaryIO]]


class _Slot:
    """One artifact: its tree when it is extracted, and how many use it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.tree: Tree | None = None
        self.users = 0


class Trees:
    """A cache of extracted artifacts by digest, below a folder that is emptied at the start. Thread-safe."""

    def __init__(self, root: Path, *, keep: int = 16, limits: Limits = DEFAULT_LIMITS) -> None:
        """`keep`: how many trees stay; those in use always do. Raises: SourceError when the folder cannot be made."""
        self._root = root
        self._keep = keep
        self._limits = limits
        self._slots: OrderedDict[str, _Slot] = OrderedDict()
        self._lock = threading.Lock()
        try:
            shutil.rmtree(root, ignore_errors=True)
            root.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise SourceError(
                f"no room for extracted artifacts: {(error.strerror or str(error)).lower()}", reason=STORE_FAILED
            ) from error

    @contextmanager
    def lease(self, digest: str, opened: Opened) -> Iterator[Tree]:
        """The tree of an artifact, which stays as it is inside the context. `opened` is called when it is not here.

        Raises: SourceError for a content with another digest, or one that cannot be extracted; what `opened` raises.
        """
        if not _DIGEST.fullmatch(digest):
            raise SourceError(f'"{digest[:100]}" is no SHA-256 digest', reason=READ_FAILED)
        with self._lock:
            slot = self._slots.setdefault(digest, _Slot())
            self._slots.move_to_end(digest)
            slot.users += 1
        try:
            with slot.lock:
                if slot.tree is None or not slot.tree.folder.is_dir():  # somebody wiped the folder
                    self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
                    slot.tree = self._extracted(digest, opened)
                tree = slot.tree
            yield tree
        finally:
            with self._lock:
                slot.users -= 1
            self._make_room()

    def _extracted(self, digest: str, opened: Opened) -> Tree:
        name = digest.replace(":", "-")
        made = self._root / f".{name}-{os.urandom(8).hex()}"
        try:
            with opened() as source:
                _check(source, digest, self._limits.compressed)
                tree = unpack(source, made, self._limits)
            folder = self._root / name
            faults.point(f"extract {name}")
            made.rename(folder)
        except BaseException as error:
            shutil.rmtree(made, ignore_errors=True)
            if isinstance(error, OSError):
                raise SourceError(
                    f"the artifact cannot be extracted: {(error.strerror or str(error)).lower()}", reason=READ_FAILED
                ) from error
            raise
        return tree.moved(folder)

    def _make_room(self) -> None:
        gone = []
        with self._lock:
            over = sum(1 for slot in self._slots.values() if slot.tree is not None) - self._keep
            for digest, slot in list(self._slots.items()):
                if slot.users == 0 and (over > 0 or slot.tree is None):
                    del self._slots[digest]
                    if slot.tree is not None:
                        over -= 1
                        # Renamed under the lock: who extracts the same again meets an empty place.
                        aside = self._root / f".gone-{os.urandom(8).hex()}"
                        faults.point("let go of a tree")
                        with suppress(FileNotFoundError):  # somebody wiped the folder
                            slot.tree.folder.rename(aside)
                            gone.append(aside)
        for folder in gone:
            shutil.rmtree(folder, ignore_errors=True)


def _check(source: BinaryIO, digest: str, largest: int) -> None:
    found, size = hashlib.sha256(), 0
    while chunk := source.read(_CHUNK):
        found.update(chunk)
        size += len(chunk)
        if size > largest:
            raise SourceError(f"the artifact is larger than {largest} bytes", reason=READ_FAILED)
    if f"sha256:{found.hexdigest()}" != digest:
        raise SourceError(f"computed digest doesn't match '{digest}'", reason=READ_FAILED)
    source.seek(0)
