"""PodFailures: StatefulSets and ReplicaSets that are under way fail with their Pods, as in Flux.

Their own status does not tell of a Pod that crashes again and again. So while some of them are under way all Pods are
watched, and of the broken ones the labels are kept. Source: fluxcd/cli-utils pkg/kstatus/polling/statusreaders,
pod_controller.go.
"""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from engine.health.selectors import selects
from engine.health.verdict import Health
from engine.health.workloads import is_broken_pod, with_pods
from engine.observed import Observed, key_of, observed_of

Kind = tuple[str, str]
Key = tuple[str, str]
Labels = dict[str, str]

OWNERS = frozenset({("apps", "StatefulSet"), ("apps", "ReplicaSet")})


class _Owner(NamedTuple):
    """One that is under way: which Pods are its own, and how it stands without regard to them."""

    selector: dict[str, Any]
    observed: Observed


def broken_labels(pod: dict[str, Any]) -> Labels | None:
    """What is kept of a Pod that is broken for good; None of any other."""
    return (pod["metadata"].get("labels") or {}) if is_broken_pod(pod, datetime.now(UTC)) else None


class PodFailures:
    """Who is under way, and which Pods are broken; thread-safe.

    `on_need` is told when it begins and ceases to matter how Pods are.
    """

    def __init__(self, on_need: Callable[[], None]) -> None:
        self._on_need = on_need
        self._lock = threading.Lock()
        self._owners: dict[tuple[Kind, Key], _Owner] = {}
        self._broken: dict[Key, Labels] = {}

    @property
    def are_needed(self) -> bool:
        """Whether it matters how Pods are."""
        return bool(self._owners)

    def observe(self, kind: Kind, obj: dict[str, Any]) -> Observed:
        """What is kept of a StatefulSet or ReplicaSet, with the verdict that its Pods leave it."""
        observed = observed_of(obj)
        metadata = obj["metadata"]
        place = kind, key_of(metadata.get("namespace", ""), metadata["name"])
        selector = (obj.get("spec") or {}).get("selector")
        if observed.verdict.health is not Health.IN_PROGRESS or not isinstance(selector, dict):
            self.forget(*place)
            return observed
        with self._lock:
            was_needed = self.are_needed
            owner = self._owners[place] = _Owner(selector, observed)
            judged = self._judged(place[1], owner)
        if not was_needed:
            self._on_need()
        return judged

    def forget(self, kind: Kind, key: Key) -> None:
        """One is under way no more, or gone."""
        with self._lock:
            found = self._owners.pop((kind, key), None)
        if found is not None and not self.are_needed:
            self._on_need()

    def forget_all(self, kind: Kind) -> None:
        """Nothing is known any more of a kind."""
        with self._lock:
            gone = [place for place in self._owners if place[0] == kind]
            for place in gone:
                del self._owners[place]
        if gone and not self.are_needed:
            self._on_need()

    def note(self, namespace: str, name: str, labels: Labels | None) -> list[tuple[Kind, Key]]:
        """A Pod broke, or is so no more (None). Returns whose verdict that may change."""
        with self._lock:
            before = self._broken.pop((namespace, name), None)
            if labels is not None:
                self._broken[namespace, name] = labels
            return [
                (kind, key)
                for (kind, key), owner in self._owners.items()
                if key[0] == namespace
                and any(one is not None and selects(owner.selector, one) for one in (before, labels))
            ]

    def judged(self, kind: Kind, key: Key) -> Observed | None:
        """One that is under way as it now stands with its Pods; None for any other."""
        with self._lock:
            owner = self._owners.get((kind, key))
            return None if owner is None else self._judged(key, owner)

    def _judged(self, key: Key, owner: _Owner) -> Observed:
        broken = sum(
            namespace == key[0] and selects(owner.selector, labels) for (namespace, _), labels in self._broken.items()
        )
        return owner.observed._replace(verdict=with_pods(owner.observed.verdict, broken))
