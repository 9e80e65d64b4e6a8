"""Custom resources of one kind as they were last seen: compact, and never older than what was already known."""

import threading
from typing import Any, Final, NamedTuple

import orjson

from controller.flux.names import REQUESTED_AT, Name
from controller.runtime.versions import is_newer

_LEFT_OUT: Final = "managedFields"


class Seen(NamedTuple):
    """One object: the whole of it as JSON bytes, and the few facts that decide whether it needs work."""

    body: bytes
    uid: str
    version: str
    generation: int
    requested: str
    """The value of the annotation that asks for a reconcile; it counts once."""
    is_deleting: bool

    def object(self) -> dict[str, Any]:
        """A fresh copy of the object."""
        decoded: dict[str, Any] = orjson.loads(self.body)
        return decoded

    def asks_like(self, other: "Seen | None") -> bool:
        """Whether this state asks for nothing that the other did not ask for."""
        mine = (self.uid, self.generation, self.requested, self.is_deleting)
        return other is not None and mine == (other.uid, other.generation, other.requested, other.is_deleting)


def seen(raw: dict[str, Any]) -> Seen:
    """Reduce an object as the API serves it."""
    metadata = {name: value for name, value in raw["metadata"].items() if name != _LEFT_OUT}
    annotations = metadata.get("annotations")
    requested = annotations.get(REQUESTED_AT) if isinstance(annotations, dict) else None
    return Seen(
        body=bytes(memoryview(orjson.dumps({**raw, "metadata": metadata}))),  # a copy of the exact size
        uid=metadata.get("uid") or "",
        version=metadata.get("resourceVersion") or "",
        generation=metadata.get("generation") or 0,
        requested=requested if isinstance(requested, str) else "",
        is_deleting=bool(metadata.get("deletionTimestamp")),
    )


class Objects:
    """The last seen state of each object of a kind; safe between the watch and the workers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: dict[Name, Seen] = {}

    def put(self, raw: dict[str, Any]) -> tuple[Seen | None, Seen] | None:
        """Take in an object from the watch or from the answer to a write: what was known, and what is now.

        None for a state that is known already, or older than what is known.
        """
        name = name_of(raw)
        new = seen(raw)
        with self._lock:
            old = self._seen.get(name)
            if old is not None and old.uid == new.uid and not is_newer(new.version, old.version):
                return None
            self._seen[name] = new
        return old, new

    def drop(self, raw: dict[str, Any]) -> Seen | None:
        """The object is gone; what was known of it, None when another of that name has taken its place."""
        name = name_of(raw)
        with self._lock:
            known = self._seen.get(name)
            if known is None or known.uid != (raw["metadata"].get("uid") or known.uid):
                return None
            return self._seen.pop(name)

    def get(self, name: Name) -> Seen | None:
        """The state of one object, None when there is none."""
        with self._lock:
            return self._seen.get(name)

    def knows(self, namespace: str, name: str, uid: str, version: str) -> bool:
        """Whether this state, or a later one of the same object, is known already."""
        known = self.get(Name(namespace, name))
        return known is not None and known.uid == uid and not is_newer(version, known.version)

    def names(self) -> list[Name]:
        """The names of all."""
        with self._lock:
            return list(self._seen)


def name_of(raw: dict[str, Any]) -> Name:
    """Where an object stands."""
    return Name(raw["metadata"].get("namespace", ""), raw["metadata"]["name"])
