"""Apply the objects of a wave: look at each, try what would change, and only then write.

What the records and the watches vouch for costs no request. Everything else is read, and tried by a dry-run; nothing is
written to objects that exist before every object of the wave has passed. A wave that only creates is not tried first:
nothing that runs can suffer from it.
Source of the rules: fluxcd/pkg ssa/manager_apply.go.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import orjson

from engine.changes import Action, Change
from engine.desired import ref_of, version_of
from engine.diff import is_different
from engine.errors import KsealError
from engine.health.rules import judge
from engine.ignore import Ignores
from engine.kube.errors import ApiError, Conflict, Invalid, NotFound, NotServed, is_outage
from engine.kube.refs import ObjectRef, Resource
from engine.live import Live, Sight
from engine.managers import clean_up, migrate
from engine.observed import content_marks_of
from engine.ownership import Ownership
from engine.parallel import each
from engine.records import Record
from engine.refusals import ApplyError, fails_anew, may_be_immutable, unknown_kind, without_namespace, worded

Object = dict[str, Any]

_TRIES = 4
"""How often an object is looked at again that changes between our reading and our writing."""
_LONGEST_STEM = 40
"""Characters of a name that is tried; some kinds take 63 in all, and the server adds five."""
_CRD = ("apiextensions.k8s.io", "CustomResourceDefinition")


class State(Enum):
    """How far an object is."""

    NEW = "new"  # it is not there: to be created
    DIFFERENT = "different"  # to be written
    IMMUTABLE = "immutable"  # to be deleted, then created
    DONE = "done"
    TERMINATING = "terminating"  # deleted to be made anew, and still there
    UNSERVED = "unserved"  # its definition was made a moment ago
    UNTRIED = "untried"  # the server went away before it was its turn


@dataclass(slots=True)
class Item:
    """One object on its way through a wave."""

    origin: Object
    """As the plan has it."""
    object: Object
    """The same, without a namespace that its kind does not have."""
    ref: ObjectRef
    state: State = State.UNTRIED
    change: Change | None = None
    resource: Resource | None = None
    digest: bytes = b""
    live: Object | None = None
    payload: Object = field(default_factory=dict)
    sight: Sight | None = None
    is_tried: bool = False

    @property
    def served(self) -> Resource:
        """How its kind is served; known of whatever is not done after the first look."""
        assert self.resource is not None  # noqa: S101
        return self.resource


class Applier:
    """Applies objects for one owner."""

    def __init__(
        self,
        live: Live,
        *,
        owner: str,
        ownership: Ownership,
        force: bool = False,
        ignores: Ignores,
        concurrency: int = 4,
    ) -> None:
        """`force` replaces each object that refuses a change. Up to `concurrency` objects are looked at side by side;
        writes happen one after the other."""
        self._live = live
        self._owner = owner
        self._ownership = ownership
        self._force = force
        self._ignores = ignores
        self._concurrency = concurrency
        self._salt = _salt(ownership)
        self._is_down = threading.Event()

    def apply(self, objects: Sequence[Object]) -> list[Item]:
        """Do what can be done now; the items are in the order of the objects. Never raises for what a single object
        or an unreachable server refuses: then the item has a change that says why, or is UNTRIED.

        Raises: ConfigError, LoginError, and what the write gate raises.
        """
        items = [Item(obj, obj, ref_of(obj)) for obj in objects]
        for item in items:
            self._guarded(item, self._place)
        each([item for item in items if item.state is not State.DONE], self._look, self._concurrency)
        new = [item for item in items if item.state is State.NEW]
        if any(item.state in (State.DIFFERENT, State.IMMUTABLE) or _has_failed(item) for item in items):
            each(new, self._try_new, self._concurrency)
        if any(_has_failed(item) or item.state is State.UNSERVED for item in items):
            return items
        to_write = [item for item in items if item.state in (State.NEW, State.DIFFERENT, State.IMMUTABLE)]
        for number, item in enumerate(to_write):
            self._write(item)
            if _has_failed(item):
                rest = [other for other in to_write[number + 1 :] if other.state is State.NEW and not other.is_tried]
                each(rest, self._try_new, self._concurrency)  # so that all that is wrong is told at once
            if item.state is not State.DONE or _has_failed(item):
                break  # the order holds: what comes later waits for this one
        return items

    def _look(self, item: Item) -> None:
        self._guarded(item, self._compare)

    def _guarded(self, item: Item, do: Callable[[Item], None]) -> None:
        if self._is_down.is_set():
            return
        try:
            do(item)
        except ApiError as error:
            self._fail(item, error, "dry-run failed")

    def _place(self, item: Item) -> None:
        """Find out where the object belongs, and whether it needs a look at all."""
        obj, ref = item.object, item.ref
        resource = item.resource = self._live.resource(ref, version_of(obj))
        if self._ownership.is_left_alone(obj):
            item.ref = self._live.placed(ref)
            self._done(item, Action.SKIPPED)
        elif resource is None:
            self._refuse(item, unknown_kind(item.ref, item.object["apiVersion"]))
        elif resource.namespaced and not ref.namespace:
            self._refuse(item, without_namespace(ref))
        else:
            if ref.namespace and not resource.namespaced:
                metadata = {key: value for key, value in obj["metadata"].items() if key != "namespace"}
                obj = item.object = {**obj, "metadata": metadata}
                ref = item.ref = ref._replace(namespace="")
            item.payload = obj
            self._recall(item)

    def _recall(self, item: Item) -> None:
        """The no-call rule: same desired state, and a live object that nobody has touched."""
        try:
            text = orjson.dumps(item.object, option=orjson.OPT_SORT_KEYS)
        except TypeError as error:
            self._refuse(item, ApplyError(f"{item.ref}: it cannot be written as JSON: {error}"))
            return
        item.digest = self._live.records.digest(self._salt, self._ignores.digest_text(), text)
        record = self._live.records.get(self._owner, item.ref)
        if record is not None and record.desired == item.digest and self._live.is_untouched(item.ref, record):
            if (observed := self._live.observed(item.ref)) is not None:
                item.sight = Sight(record, observed.verdict)
            self._done(item, Action.UNCHANGED)

    def _compare(self, item: Item) -> None:
        """Read the live object, and try what the apply would make of it. Raises: ApiError of the reading."""
        is_once = self._ownership.says("ssa", "IfNotPresent", item.object)
        is_known_absent = self._live.is_seen(item.ref) and self._live.observed(item.ref) is None
        live = None if is_known_absent and not is_once else self._live.find(item.served, item.ref)
        item.live = live
        if live is None:
            item.state = State.NEW
        elif is_once or self._ownership.is_left_alone(live):
            self._done(item, Action.SKIPPED)
        else:
            self._try(item, live)

    def _try(self, item: Item, live: Object) -> None:
        """Raises: ApiError of a migration."""
        is_migrated = False
        if self._ownership.migrates_versions and (patch := migrate(live, item.object["apiVersion"])):
            live = item.live = self._patch(item, patch)
            is_migrated = True
        merged = self._dry_run(item)
        if merged is None:
            return
        paths = self._ignores.paths(merged)
        item.payload = self._ignores.settle(item.object, live, merged, paths, self._ownership.manager)
        without = self._ignores.without
        is_clean = self._is_merged_with_others(item, live) or clean_up(live, self._ownership) is None
        if is_clean and not is_migrated and not is_different(without(live, paths), without(merged, paths)):
            self._remember(item, live)
            self._done(item, Action.UNCHANGED)
        else:
            item.state = State.DIFFERENT

    def _try_new(self, item: Item) -> None:
        if not self._is_down.is_set():
            self._dry_run(item)

    def _dry_run(self, item: Item) -> Object | None:
        """What the apply would make; None when it was refused, which the item then says."""
        item.is_tried = True
        try:
            return self._live.cluster.apply(
                item.served, item.object, field_manager=self._ownership.manager, force=True, dry_run=True
            )
        except ApiError as error:
            if item.live is not None and self._may_replace(item, error):
                item.state = State.IMMUTABLE
            else:
                self._fail(item, error, "dry-run failed")
            return None

    def _may_replace(self, item: Item, error: ApiError) -> bool:
        """Whether a refusal means that the object has to be made anew, and that is wanted and would work."""
        is_asked_for = self._ownership.says("force", "enabled", item.object, item.live)
        if not (self._force or is_asked_for) or not may_be_immutable(error):
            return False
        if (item.ref.group, item.ref.kind) == _CRD and not is_asked_for:
            error.hint = "with a definition all objects of its kind are deleted, so only its own mark forces that"
            return False
        metadata = {key: value for key, value in item.object["metadata"].items() if key != "name"}
        metadata["generateName"] = f"{item.ref.name[:_LONGEST_STEM]}-"
        try:
            self._live.cluster.create(item.served, {**item.object, "metadata": metadata}, dry_run=True)
        except ApiError as creation:
            if is_outage(creation) or fails_anew(creation):
                error.hint = f"it is not made anew, because that would fail too: {creation.message}"
                return False
        return True

    def _write(self, item: Item) -> None:
        """Write one object. Its record goes before and comes after: in between nothing is known of it."""
        was_there = item.state is State.DIFFERENT
        what = "apply failed" if item.is_tried else "dry-run failed"
        try:
            self._live.records.drop(self._owner, item.ref)
            if item.state is State.IMMUTABLE:
                what = "immutable field detected, failed to delete object"
                if not self._remove(item):
                    item.state = State.TERMINATING
                    return
                what = "dry-run failed"
            if was_there:
                self._clean(item)
            self._apply(item)
        except ApiError as error:
            self._fail(item, error, what)
            return
        self._done(item, Action.CONFIGURED if was_there else Action.CREATED)

    def _apply(self, item: Item) -> None:
        made = self._live.cluster.apply(item.served, item.payload, field_manager=self._ownership.manager, force=True)
        if (item.ref.group, item.ref.kind) == _CRD:
            self._live.define(made)
        self._remember(item, made)

    def _remove(self, item: Item) -> bool:
        """Delete the object to make it anew; whether it is gone already. Raises: ApiError."""
        assert item.live is not None  # noqa: S101
        metadata = item.live["metadata"]
        if not metadata.get("deletionTimestamp"):
            try:
                self._live.cluster.delete(
                    item.served, item.ref.namespace, item.ref.name, uid=metadata["uid"], propagation="Background"
                )
            except NotFound:
                return True
        return self._live.find(item.served, item.ref) is None

    def _clean(self, item: Item) -> None:
        """Take over the fields of foreign managers and drop old marks, right before the apply. Raises: ApiError."""
        live = item.live
        for tries_left in reversed(range(_TRIES)):
            if live is None or self._is_merged_with_others(item, live):
                return
            patch = clean_up(live, self._ownership)
            if patch is None:
                return
            try:
                self._patch(item, patch)
            except (Conflict, Invalid):
                if not tries_left:
                    raise
                live = self._live.find(item.served, item.ref)
            else:
                return

    def _patch(self, item: Item, patch: list[Object]) -> Object:
        return self._live.cluster.patch(
            item.served,
            item.ref.namespace,
            item.ref.name,
            patch,
            kind="json",
            field_manager=self._ownership.manager,
        )

    def _is_merged_with_others(self, item: Item, live: Object) -> bool:
        return self._ownership.says("ssa", "Merge", item.object, live)

    def _remember(self, item: Item, live: Object) -> None:
        metadata = live["metadata"]
        generation = metadata.get("generation") or 0
        record = Record(item.digest, metadata["uid"], metadata["resourceVersion"], generation, content_marks_of(live))
        item.sight = Sight(record, judge(live))
        self._live.records.put(self._owner, item.ref, record)

    def _done(self, item: Item, action: Action) -> None:
        item.state = State.DONE
        item.change = Change(item.ref, action, None, version_of(item.object))

    def _fail(self, item: Item, error: ApiError, what: str) -> None:
        if isinstance(error, NotServed) and item.resource is not None:
            if self._live.is_defined_here(item.resource):
                item.state = State.UNSERVED
            else:
                self._live.forget(item.resource)
                self._refuse(item, unknown_kind(item.ref, item.object["apiVersion"]))
            return
        if is_outage(error):
            self._is_down.set()
        self._refuse(item, worded(item.ref, error, what))

    def _refuse(self, item: Item, error: KsealError) -> None:
        item.state = State.DONE
        item.change = Change(item.ref, Action.FAILED, error, version_of(item.object))


def _has_failed(item: Item) -> bool:
    return item.change is not None and item.change.action is Action.FAILED


def _salt(ownership: Ownership) -> bytes:
    """What decides about the result beside the object itself."""
    parts: Iterable[object] = (
        ownership.manager,
        ownership.control,
        ownership.kept_manager,
        [list(foreign) for foreign in ownership.foreign],
        ownership.dropped_annotations,
        ownership.dropped_labels,
        ownership.migrates_versions,
    )
    return orjson.dumps(list(parts))
