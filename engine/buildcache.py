"""What was rendered once, on disk by the key of its inputs: bounded, checksummed, and never of what was decrypted.

A file holds the SHA-256 of the rest, then the objects as JSON. One that is cut short or altered counts as absent.
"""

import hashlib
import os
import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import orjson

from engine import faults

_SUM_BYTES: Final = 32
_SUFFIX: Final = ".objects"


class BuildCache:
    """Rendered objects by key, least recently used ones removed; used by many threads at once."""

    def __init__(
        self, folder: Path, *, limit_bytes: int = 256 * 1024 * 1024, entry_bytes: int = 32 * 1024 * 1024
    ) -> None:
        """`folder` is made where it is missing, for this user alone."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._limit = limit_bytes
        self._entry = entry_bytes
        self._lock = threading.Lock()
        self._sizes: dict[str, int] = {}  # in order of use
        for file in sorted(folder.glob(f"*{_SUFFIX}"), key=lambda one: one.stat().st_mtime):
            self._sizes[file.name] = file.stat().st_size
        self._total = sum(self._sizes.values())
        for file in folder.glob("*.tmp"):  # of a process that was killed
            file.unlink(missing_ok=True)
        self._shrink()

    def get(self, key: str) -> list[dict[str, Any]] | None:
        """The objects of a key, None when there are none that are whole."""
        name = key + _SUFFIX
        with self._lock:
            size = self._sizes.pop(name, None)
            if size is None:
                return None
            self._sizes[name] = size
        path = self._folder / name
        try:
            data = path.read_bytes()
            os.utime(path)
        except OSError:
            data = b""
        if len(data) > _SUM_BYTES and hashlib.sha256(data[_SUM_BYTES:]).digest() == data[:_SUM_BYTES]:
            found: list[dict[str, Any]] = orjson.loads(data[_SUM_BYTES:])
            return found
        with self._lock:
            self._remove(name)
        return None

    def put(self, key: str, objects: Sequence[dict[str, Any]]) -> None:
        """Keep the objects of a key. A disk that takes no more is no error: the next build renders again."""
        try:
            body = orjson.dumps(objects if isinstance(objects, list) else list(objects))
        except orjson.JSONEncodeError:  # a number beyond 64 bits, say
            return
        if len(body) > self._entry:
            return
        name = key + _SUFFIX
        try:
            descriptor, temporary = tempfile.mkstemp(dir=self._folder, suffix=".tmp")
        except OSError:
            return
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(hashlib.sha256(body).digest())
                file.write(body)
            faults.point(f"keep {name}")
            Path(temporary).rename(self._folder / name)
        except OSError:
            Path(temporary).unlink(missing_ok=True)
            return
        with self._lock:
            self._total += len(body) + _SUM_BYTES - self._sizes.pop(name, 0)
            self._sizes[name] = len(body) + _SUM_BYTES
            self._shrink()

    def _shrink(self) -> None:
        while self._total > self._limit:
            self._remove(next(iter(self._sizes)))

    def _remove(self, name: str) -> None:
        self._total -= self._sizes.pop(name, 0)
        with suppress(OSError):
            (self._folder / name).unlink()
