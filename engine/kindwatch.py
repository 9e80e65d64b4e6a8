"""KindWatch: one kind of one cluster, its informer while there is one, and what is known of its objects."""

import threading
from collections.abc import Callable
from typing import Any, Literal

from engine.health.rules import needs_whole
from engine.health.verdict import Verdict
from engine.kube.client import Cluster
from engine.kube.refs import ObjectRef, Resource
from engine.kube.watch import Informer, Problem
from engine.observed import key_of, observed_of

Kind = tuple[str, str]
"""Group, empty for core kinds, and kind."""
Key = tuple[str, str]
"""Namespace, empty for kinds without, and name."""
State = Literal["new", "begun", "refused", "unserved"]


class KindWatch:
    """One kind: its informer while there is one, and what is known of its objects."""

    def __init__(
        self,
        kind: Kind,
        tell: Callable[[ObjectRef, Any, Any], None],
        meet: Callable[["KindWatch", Problem], None],
        seen: Callable[["KindWatch"], None],
        *,
        served: Kind | None = None,
        decode: Callable[[dict[str, Any]], Any] = observed_of,
        adjust: Callable[[Key], Any] = lambda _: None,
    ) -> None:
        self.kind = kind
        self.served = served or kind
        self.values: dict[Key, Any] = {}  # by namespace and name
        self.state: State = "new"
        self.begins_at = 0.0  # when to start the informer; infinite while there is one
        self.ends_at: float | None = None  # when nobody will have followed the kind for long enough
        self.hopes_until = 0.0  # until then the kind may be served any moment
        self.told: set[bool] = set()  # problems, as refusals and others
        self._tell, self._meet, self._seen = tell, meet, seen
        self._decode, self._adjust = decode, adjust
        self._informer: Informer[Any] | None = None
        self._writing = threading.RLock()  # held while values change and while that is told

    @property
    def is_decided(self) -> bool:
        """Whether the kind is seen, or cannot be seen for now."""
        informer = self._informer
        return self.state in ("refused", "unserved") or (informer is not None and informer.is_synced)

    @property
    def is_synced(self) -> bool:
        informer = self._informer
        return self.state == "begun" and informer is not None and informer.healthy

    def begin(self, cluster: Cluster, resource: Resource) -> None:
        informer: Informer[Any] = Informer(
            cluster,
            resource,
            decode=self._decode,
            on_change=self._take,
            on_problem=lambda problem: self._meet(self, problem),
            on_listed=self._listed,
            metadata_only=not needs_whole(*self.served),
        )
        self._informer, self.state, self.begins_at = informer, "begun", float("inf")
        informer.start()

    def end(self) -> None:
        """Tell nothing any more. What is known stays, for the next informer to compare with."""
        if self._informer is not None:
            self._informer.stop()

    def empty(self) -> None:
        """All objects are gone."""
        for key in list(self.values):
            self._take(*key, None)

    def readjust(self, key: Key) -> None:
        """Something else than the object itself has changed how it stands."""
        with self._writing:
            old = self.values.get(key)
            if old is not None and (new := self._adjust(key) or old) != old:
                self.values[key] = new
                self._tell(ObjectRef(*self.kind, *key), old, new)

    def fail(self, key: Key, version: str, verdict: Verdict) -> None:
        """An object that stayed as it was for too long stands otherwise now."""
        with self._writing:
            old = self.values.get(key)
            if old is not None and old.version == version:
                self.values[key] = new = old._replace(verdict=verdict)
                self._tell(ObjectRef(*self.kind, *key), old, new)

    def _take(self, namespace: str, name: str, new: Any) -> None:
        key = key_of(namespace, name)
        if self._informer is not None and self._informer.is_synced:
            self.told.clear()  # the watch works
        with self._writing:
            old = self.values.get(key)
            if new is None:
                self.values.pop(key, None)
            else:
                self.values[key] = new = self._adjust(key) or new
            if old != new:
                self._tell(ObjectRef(*self.kind, namespace, name), old, new)

    def _listed(self) -> None:
        """An informer before this one may have known objects that were gone when this one came."""
        if self._informer is not None:
            known = self._informer.items()
            for key in [key for key in self.values if key not in known]:
                self._take(*key, None)
        self._seen(self)
