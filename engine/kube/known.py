"""What is known of the objects of one kind, and telling each change of it once."""

import threading
from collections.abc import Callable, Set
from typing import Any, Generic, Literal, NamedTuple, TypeVar

T = TypeVar("T")

Key = tuple[str, str]
"""Namespace, empty for kinds without, and name."""


class Problem(NamedTuple):
    """Something that an informer rides out, for the log: it goes on by itself."""

    doing: Literal["list", "watch", "decode", "handle"]
    error: Exception
    namespace: str = ""
    name: str = ""


class _Seen(NamedTuple):
    version: str
    value: Any


class Known(Generic[T]):
    """Read from any thread, written by one, in which the handler is called as well.

    What decoder and handler raise is reported with the object's name, and everything continues: the object counts as
    absent, or that one change is not told again.
    """

    def __init__(
        self,
        decode: Callable[[dict[str, Any]], T | None],
        on_change: Callable[[str, str, T | None], None],
        report: Callable[[Problem], None],
    ) -> None:
        self._decode = decode
        self._on_change = on_change
        self._report = report
        self._seen: dict[Key, _Seen] = {}
        self._lock = threading.Lock()
        self._is_silent = False

    def get(self, namespace: str, name: str) -> T | None:
        with self._lock:
            seen = self._seen.get((namespace, name))
        return None if seen is None else seen.value

    def items(self) -> dict[Key, T]:
        with self._lock:
            return {key: seen.value for key, seen in self._seen.items()}

    def silence(self) -> None:
        """Tell nothing any more."""
        self._is_silent = True

    def put(self, item: dict[str, Any]) -> Key:
        """Take in an object as it is now; one that is known in this very version is no change.

        Raises: KeyError, TypeError for what is no object.
        """
        metadata = item["metadata"]
        key = metadata.get("namespace", ""), metadata["name"]
        version = metadata["resourceVersion"]
        known = self._seen.get(key)  # no lock: only this thread writes
        if known is not None and known.version == version:
            return key
        try:
            value = self._decode(item)
        except Exception as error:  # noqa: BLE001  whatever a decoder meets concerns this one object
            self._report(Problem("decode", error, *key))
            value = None
        if value is None:
            self.remove(key)
            return key
        with self._lock:
            self._seen[key] = _Seen(version, value)
        self._tell(key, value)
        return key

    def remove(self, key: Key) -> None:
        """The object is gone; no change if it was not known."""
        with self._lock:
            was_there = self._seen.pop(key, None) is not None
        if was_there:
            self._tell(key, None)

    def keep_only(self, keys: Set[Key]) -> None:
        """All others are gone."""
        for key in [key for key in self._seen if key not in keys]:
            self.remove(key)

    def _tell(self, key: Key, value: T | None) -> None:
        if self._is_silent:
            return
        try:
            self._on_change(*key, value)
        except Exception as error:  # noqa: BLE001  whatever a handler meets concerns this one change
            self._report(Problem("handle", error, *key))
