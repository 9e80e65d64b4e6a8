"""The SealedSecrets that we saw last, by namespace and name: compact, and never older than what was already known."""

import hashlib
import threading
from typing import Any, Final, NamedTuple

import orjson

from controller.runtime.versions import is_newer
from engine.kube.refs import Resource

SEALED_SECRETS: Final = Resource("bitnami.com", "v1alpha1", "sealedsecrets", "SealedSecret")

_SCOPE_ANNOTATIONS: Final = ("sealedsecrets.bitnami.com/cluster-wide", "sealedsecrets.bitnami.com/namespace-wide")


class Key(NamedTuple):
    """What goes through the queue: a name, nothing that could be stale."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"SealedSecret/{self.namespace}/{self.name}"


class Observed(NamedTuple):
    """One SealedSecret: the whole object as JSON bytes, and the few fields that decide whether it needs work."""

    body: bytes
    uid: str
    resource_version: str
    generation: int
    inputs: bytes
    """Digest of what decides the Secret: identity, spec and scope annotations."""
    settled: bool
    """Its status speaks of this very generation: a restart may look at it after those that nobody has handled."""

    def object(self) -> dict[str, Any]:
        """A fresh copy of the object."""
        decoded: dict[str, Any] = orjson.loads(self.body)
        return decoded


def observe(raw: dict[str, Any]) -> Observed:
    """Reduce a SealedSecret as the API serves it; tolerant of wrong types, which parsing names later."""
    metadata = {name: value for name, value in raw["metadata"].items() if name != "managedFields"}
    annotations = metadata.get("annotations") or {}
    generation = metadata.get("generation") or 0
    status = raw.get("status")
    scope = [annotations.get(name) == "true" for name in _SCOPE_ANNOTATIONS]
    inputs = orjson.dumps([metadata.get("uid"), raw.get("spec"), scope], option=orjson.OPT_SORT_KEYS)
    return Observed(
        # A copy of the exact size: what orjson returns keeps the buffer it was written into, several times as large.
        body=bytes(memoryview(orjson.dumps({**raw, "metadata": metadata}))),
        uid=metadata.get("uid") or "",
        resource_version=metadata.get("resourceVersion") or "",
        generation=generation,
        inputs=hashlib.blake2b(inputs, digest_size=16).digest(),
        settled=isinstance(status, dict) and status.get("observedGeneration") == generation,
    )


def is_synced(observed: Observed) -> bool:
    """Whether its status says that this very generation has become a Secret."""
    if not observed.settled:
        return False
    conditions = observed.object()["status"].get("conditions")
    return isinstance(conditions, list) and any(
        isinstance(one, dict) and (one.get("type"), one.get("status")) == ("Synced", "True") for one in conditions
    )


def _has_seen(known: Observed, uid: str, version: str) -> bool:
    """Whether what is known is this very state of the same object, or a later one."""
    return known.uid == uid and not is_newer(version, known.resource_version)


def _asks_the_same(known: Observed, new: Observed) -> bool:
    """Whether both states of one object lead to the same Secret and the same status."""
    return (known.uid, known.generation, known.inputs) == (new.uid, new.generation, new.inputs)


class SealedSecrets:
    """The last seen state of each SealedSecret; safe between the watch and the workers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._objects: dict[Key, Observed] = {}

    def put(self, raw: dict[str, Any]) -> tuple[Key, Observed, bool]:
        """Take in an object from the watch: its name, the state that holds now, and whether this one was new."""
        metadata = raw["metadata"]
        key = Key(metadata["namespace"], metadata["name"])
        known = self.get(key)
        if known and _has_seen(known, metadata.get("uid") or "", metadata.get("resourceVersion") or ""):
            return key, known, False  # most often the echo of a status that we wrote: it is not worth a digest
        new = observe(raw)
        with self._lock:
            known = self._objects.get(key)
            if known and _has_seen(known, new.uid, new.resource_version):
                return key, known, False
            self._objects[key] = new
        return key, new, True

    def refresh(self, raw: dict[str, Any]) -> None:
        """Take in the answer to a status write. It counts only for an object that the watch has not seen go.

        Nor does it count when somebody has changed the object meanwhile: then the watch has news, which must not pass
        for known.
        """
        key = Key(raw["metadata"]["namespace"], raw["metadata"]["name"])
        new = observe(raw)
        with self._lock:
            known = self._objects.get(key)
            if known and _asks_the_same(known, new) and is_newer(new.resource_version, known.resource_version):
                self._objects[key] = new

    def knows(self, namespace: str, name: str, uid: str, version: str) -> bool:
        """Whether this state of an object, or a later one, has been taken in."""
        known = self.get(Key(namespace, name))
        return known is not None and _has_seen(known, uid, version)

    def drop(self, key: Key) -> None:
        """The object is gone."""
        with self._lock:
            self._objects.pop(key, None)

    def get(self, key: Key) -> Observed | None:
        """The last seen state, None when there is no such object."""
        with self._lock:
            return self._objects.get(key)

    def keys(self) -> list[Key]:
        """The names of all objects."""
        with self._lock:
            return list(self._objects)
