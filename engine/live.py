"""Live: what a pass needs of one cluster under one identity: requests, kinds, what the watches say, and records."""

import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from engine.drift import is_suspicious
from engine.health.rules import judge
from engine.health.verdict import NOT_FOUND, Health, Verdict
from engine.kube.client import Cluster
from engine.kube.discovery import Discovery
from engine.kube.errors import ApiError, NotFound, NotServed
from engine.kube.refs import ObjectRef, Resource
from engine.observer import Observed, Observer
from engine.records import Record, Records

Object = dict[str, Any]


class Rules(Protocol):
    """Rules of a user for some kinds: see engine.health.expressions."""

    def covers(self, group: str, kind: str) -> bool: ...
    def verdict(self, obj: Object) -> Verdict | None: ...


class Sight(NamedTuple):
    """An object as a request of this pass showed it: newer, perhaps, than what the watches have told."""

    record: Record
    verdict: Verdict


class Live:
    """One cluster as one identity sees it. Without an observer each object is asked for. Thread-safe."""

    def __init__(
        self,
        cluster: Cluster,
        *,
        discovery: Discovery,
        observer: Observer | None,
        records: Records,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.cluster = cluster
        self.discovery = discovery
        self.records = records
        self.clock = clock
        self._observer = observer
        self._made: dict[tuple[str, str, str], Resource] = {}
        self._rules: dict[str, Rules] = {}
        self._lock = threading.Lock()

    def resource(self, ref: ObjectRef, version: str | None) -> Resource | None:
        """How a kind is served, in that version or in any; None when it is not. Raises: ApiError."""
        found = self.discovery.find(ref.group, ref.kind, version)
        if found is None:
            with self._lock:
                made = (found for key, found in self._made.items() if key[:2] == (ref.group, ref.kind))
                found = next((found for found in made if version in (None, found.version)), None)
        return found

    def define(self, crd: Object) -> None:
        """Take the kinds of a definition that has just been applied: the server's table lags behind it by a moment."""
        spec = crd.get("spec") or {}
        names = spec.get("names") or {}
        for version in spec.get("versions") or ():
            if version.get("served"):
                resource = Resource(
                    spec["group"], version["name"], names["plural"], names["kind"], spec.get("scope") == "Namespaced"
                )
                with self._lock:
                    self._made[resource.group, resource.kind, resource.version] = resource

    def forget(self, resource: Resource) -> None:
        """The server does not serve a kind as it is known here: ask anew how it does."""
        with self._lock:
            self._made.pop((resource.group, resource.kind, resource.version), None)
        self.discovery.forget()

    def is_defined_here(self, resource: Resource) -> bool:
        """Whether a kind is known from its definition, which may be a moment ahead of what the server serves."""
        return (resource.group, resource.kind, resource.version) in self._made

    def placed(self, ref: ObjectRef) -> ObjectRef:
        """The reference as the server has it: without a namespace where the kind stands above them.

        What a build put into all objects is so taken out again. As it stands where nobody can tell.
        """
        if not ref.namespace:
            return ref
        try:
            found = self.resource(ref, None)
        except ApiError:
            return ref
        return ref if found is None or found.namespaced else ref._replace(namespace="")

    def is_seen(self, ref: ObjectRef) -> bool:
        """Whether the watches know every object of this one's kind."""
        return self._observer is not None and self._observer.is_synced(ref.group, ref.kind)

    def observed(self, ref: ObjectRef) -> Observed | None:
        """The object as the watches told it last; None when it is not there, which counts only where `is_seen`."""
        return None if self._observer is None else self._observer.get(ref)

    def is_untouched(self, ref: ObjectRef, record: Record) -> bool:
        """Whether the watches know that the object still is as the record has it."""
        return self.is_seen(ref) and not is_suspicious(record, self.observed(ref))

    def find(self, resource: Resource, ref: ObjectRef) -> Object | None:
        """The object from the server; None when there is none. Raises: ApiError, NotServed among them: that a kind is
        not served says nothing of its objects."""
        try:
            return self.cluster.get(resource, ref.namespace or None, ref.name)
        except NotServed:
            raise
        except NotFound:
            return None

    def judge_by(self, owner: str, rules: Rules | None) -> None:
        """Let rules of an owner's own judge its objects, where they say something about a kind."""
        with self._lock:
            if rules is None:
                self._rules.pop(owner, None)
            else:
                self._rules[owner] = rules

    def verdict(self, owner: str, ref: ObjectRef, sight: "Sight | None" = None) -> Verdict:
        """The verdict on an object as it is now: as `judged`; what cannot be asked is UNKNOWN, with the cause."""
        try:
            return self.judged(owner, ref, sight)
        except ApiError as error:
            return Verdict(Health.UNKNOWN, error.message)

    def judged(self, owner: str, ref: ObjectRef, sight: "Sight | None" = None) -> Verdict:
        """The verdict on an object as it is now. `sight` is how the pass under way saw it last.

        From the watches where they know it, unless the pass knows better; by a request where they do not, or where a
        rule of the owner's judges. A kind that is not served has no objects. Raises: ApiError.
        """
        rules = self._rules.get(owner)
        if rules is not None and not rules.covers(ref.group, ref.kind):
            rules = None
        if rules is None and self.is_seen(ref):
            observed = self.observed(ref)
            if sight is None or _is_newer(observed, sight.record):
                return NOT_FOUND if observed is None else observed.verdict
            if observed is not None:
                return sight.verdict
        elif rules is None and sight is not None and sight.verdict.health is Health.CURRENT:
            return sight.verdict
        try:
            resource = self.resource(ref, None)
            live = None if resource is None else self.find(resource, ref)
        except NotServed:
            return NOT_FOUND
        if live is None:
            return NOT_FOUND
        return (rules and rules.verdict(live)) or judge(live)


def _is_newer(observed: Observed | None, applied: Record) -> bool:
    """Whether a watch has told at least of our own apply.

    resourceVersions are compared as numbers, as Kubernetes promises since 1.35 and etcd has always done. Where they are
    none, identity and generation have to do.
    """
    if observed is None:
        return False
    if observed.version.isdecimal() and applied.version.isdecimal():
        return int(observed.version) >= int(applied.version)
    return observed.uid == applied.uid and observed.generation >= applied.generation
