"""What the front door knows of its collections: what has been told, when the API server last spoke, what is wrong."""

import threading
import time
from collections.abc import Callable, Collection
from typing import Any, Final

from controller.runtime.presence import DELETED, Item, Name, Presence
from controller.runtime.trimmedkopf import EventHandler
from engine.errors import KsealError
from engine.kube.refs import Resource

_ELSEWHERE: Final = ""  # stands for requests that are about no collection: discovery


class _Entry:
    """One list and watch: of all namespaces, or of one."""

    def __init__(self) -> None:
        self.presence = Presence()
        self.active_at = self.heard_at = time.monotonic()


class Ledger:
    """Takes in what kopf hands over and what passes through its session, and passes on what is news.

    `tell` and `on_problem` are called in the thread that calls in here, of which there is one; only the properties
    and `all_told` are for other threads.
    """

    def __init__(
        self,
        resource: Resource,
        namespaces: Collection[str] | None,
        *,
        tell: EventHandler,
        on_problem: Callable[[Exception], None],
        knows: Callable[[str, str, str, str], bool],
    ) -> None:
        self._resource = resource
        self._is_namespaced = namespaces is not None
        self._tell = tell
        self._on_problem = on_problem
        self._knows = knows
        self._entries = {resource.path(namespace): _Entry() for namespace in namespaces or (None,)}
        self._errors: dict[str, KsealError] = {}  # by the path of the collection
        self._told_of: dict[str, set[type]] = {}  # kinds of errors, since the API server last spoke
        self.all_told: Final = threading.Event()
        """Each object of the first list of each collection has been told."""

    def asked(self, path: str) -> None:
        """A request leaves."""
        if entry := self._entries.get(path):
            entry.active_at = time.monotonic()

    def heard(self, path: str) -> None:
        """The API server has said something that is no refusal."""
        if entry := self._entries.get(path):
            entry.active_at = entry.heard_at = time.monotonic()
        self._errors.pop(self._key(path), None)
        self._told_of.pop(self._key(path), None)

    def refused(self, path: str, error: KsealError) -> None:
        """A request failed; kopf goes on asking."""
        key = self._key(path)
        self._errors[key] = error
        told_of = self._told_of.setdefault(key, set())
        if type(error) not in told_of:  # an outage has many words: refused, reset, not ready yet, refused again
            told_of.add(type(error))
            self._on_problem(error)

    def failed(self, error: KsealError) -> None:
        """Nothing is asked at all for now."""
        self.refused(_ELSEWHERE, error)

    def listed(self, path: str, items: list[Item], version: str, *, is_first: bool, is_last: bool) -> None:
        """A page of a list has come; none of its objects has been handed over yet."""
        if entry := self._entries.get(path):
            for gone in entry.presence.page(items, version, is_first=is_first, is_last=is_last):
                self._pass_on(DELETED, self._remains(gone))
            self._note_all_told()

    def is_known(self, item: Item) -> bool:
        """Whether a change has come to be known otherwise. Nobody asks so before the object has been told."""
        return self._knows(*item.at, item.uid, item.version)

    def handed_over(self, kind: str | None, raw: dict[str, Any]) -> None:
        """kopf says what happened to an object; `kind` is None for an object of a list."""
        metadata = raw["metadata"]
        at = Name(metadata.get("namespace", ""), metadata["name"])
        entry = self._entries[self._resource.path(at.namespace if self._is_namespaced else None)]
        if entry.presence.is_news(kind, Item(at, metadata["uid"], metadata.get("resourceVersion", ""))):
            self._pass_on(kind if kind is not None or not self.all_told.is_set() else "MODIFIED", raw)
        self._note_all_told()

    def begin(self) -> None:
        """Count silence from here: kopf starts."""
        for entry in self._entries.values():
            entry.active_at = time.monotonic()

    @property
    def error(self) -> KsealError | None:
        """What is wrong now, if anything is."""
        return next(iter(list(self._errors.values())), None)

    @property
    def idle_seconds(self) -> float:
        """How long ago the API server spoke, in the collection where that is longest ago."""
        return time.monotonic() - min(entry.heard_at for entry in self._entries.values())

    @property
    def inactive_seconds(self) -> float:
        """The same for any sign of life, be it ours: a request."""
        return time.monotonic() - min(entry.active_at for entry in self._entries.values())

    def _key(self, path: str) -> str:
        return path if path in self._entries else _ELSEWHERE

    def _pass_on(self, kind: str | None, raw: dict[str, Any]) -> None:
        try:
            self._tell(kind, raw)
        except Exception as error:  # noqa: BLE001 - kopf would pass over the object's next events for a while
            self._on_problem(error)

    def _note_all_told(self) -> None:
        if not self.all_told.is_set() and all(entry.presence.is_told for entry in self._entries.values()):
            self.all_told.set()

    def _remains(self, gone: Item) -> dict[str, Any]:
        metadata = {"namespace": gone.at.namespace, "name": gone.at.name, "uid": gone.uid}
        return {"apiVersion": self._resource.api_version, "kind": self._resource.kind, "metadata": metadata}
