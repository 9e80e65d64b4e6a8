"""From what happens in the cluster to names of Kustomizations, and from a name to what follows the work on it."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from controller.errors import NotLeading
from controller.flux import conditions
from controller.flux.calm import Calm
from controller.flux.halt import DEPENDENCY_NOT_READY, Next
from controller.flux.index import Concerns, in_order
from controller.flux.kustomization import Reconciler
from controller.flux.names import Name
from controller.flux.objects import Objects, Seen, name_of
from controller.flux.reference import artifact_of
from controller.flux.spec import Spec, read
from controller.runtime.queue import WorkQueue
from engine.errors import KsealError, Stalled
from engine.kube.refs import ObjectRef
from engine.observer import Observed


class Dispatcher:
    """Feeds the queue and works on its names, on the replica that leads; on others they are only passed over."""

    def __init__(
        self,
        queue: WorkQueue[Name],
        kustomizations: Objects,
        sources: Mapping[str, Objects],
        concerns: Concerns,
        *,
        leads: Callable[[], bool],
        observe: Callable[[Name, float, str], None] = lambda *_: None,
        on_failure: Callable[[Name, KsealError], None],
    ) -> None:
        """`observe` takes the seconds of each reconcile and its end, `on_failure` what no status could tell."""
        self._queue = queue
        self._kustomizations = kustomizations
        self._sources = sources
        self._concerns = concerns
        self._leads = leads
        self._observe = observe
        self._on_failure = on_failure
        self._calm: Calm[Name] = Calm()
        self._reconciler: Reconciler | None = None

    def serve(self, reconciler: Reconciler) -> None:
        """Who works on the names; before that they only wait."""
        self._reconciler = reconciler

    # What happens

    def kustomization_event(self, kind: str | None, raw: dict[str, Any]) -> None:
        """What the watch says of a Kustomization; quick."""
        if kind == "DELETED":
            self._kustomizations.drop(raw)
            self._calm.forget(name_of(raw))
            self._queue.add(name_of(raw))
            return
        self.kustomization_changed(raw, is_listed=kind is None)

    def kustomization_changed(self, raw: dict[str, Any], *, is_listed: bool = False) -> None:
        """A new state of a Kustomization, from the watch or from the answer to a write."""
        taken = self._kustomizations.put(raw)
        if taken is None:
            return
        old, new = taken
        name = name_of(raw)
        self._concerns.put(name, raw)
        if not new.asks_like(old):
            self._queue.add(name, urgent=not is_listed or not _is_settled(raw))
        if _has_come_further(old, raw):
            self.dependency_changed(name)

    def dependency_changed(self, name: Name) -> None:
        """A Kustomization has become ready, or delivers another revision: those who wait for it may go on."""
        for waiting in self._concerns.dependencies.names(name):
            if self._reconciler is not None and self._reconciler.is_missing_something(waiting):
                self._queue.add(waiting)
                continue
            found = self._kustomizations.get(waiting)
            ready = conditions.get(found.object().get("status"), conditions.READY) if found else None
            if ready is not None and ready.get("reason") == DEPENDENCY_NOT_READY:
                self._queue.add(waiting)

    def source_changed(self, kind: str, raw: dict[str, Any]) -> None:
        """A new state of a source: whoever takes from it is looked at when there is another revision."""
        taken = self._sources[kind].put(raw)
        if taken is None:
            return
        old, _ = taken
        before = artifact_of(old.object()) if old else None
        artifact = artifact_of(raw)
        if artifact is None or (before is not None and before == artifact):
            return
        names = self._concerns.sources.names((kind, name_of(raw)))
        if before is not None and before.revision == artifact.revision:
            due = [
                name for name in names if not self._is_delivered(name)
            ]  # perhaps for want of a file that is there now
        else:
            due = [name for name in names if not self._is_at(name, artifact.revision)]
        for name in in_order(due, self._depends_on):
            self._queue.add(name)

    def source_gone(self, kind: str, raw: dict[str, Any]) -> None:
        """A source was deleted. What was delivered from it stays."""
        self._sources[kind].drop(raw)

    def config_changed(self, kind: str, namespace: str, name: str) -> None:
        """A ConfigMap or Secret that asks to be watched came, changed or went."""
        for concerned in in_order(self._concerns.configs.names((kind, Name(namespace, name))), self._depends_on):
            self._queue.add(concerned)

    def object_changed(self, ref: ObjectRef, _old: Observed | None, new: Observed | None) -> None:
        """An object of the cluster came, changed or went: its owner looks when it waits for that, or suspects drift."""
        if self._reconciler is None:
            return
        names = self._concerns.members.names(ref)
        # Where two deliver one object, whoever applied it last has it until the other's turn comes at its interval:
        # undone at once, a move from one to the other would end with the object pruned.
        is_contested = new is not None and self._reconciler.is_contested(ref, names)
        for name in names:
            self._reconciler.disturb(name, ref, new)
            if self._reconciler.awaits(name, ref, new):
                self._queue.add(name)
            elif not is_contested and self._reconciler.suspects(name, ref):
                self._suspect(name)

    def _suspect(self, name: Name) -> None:
        pause = self._calm.pause(name)
        if pause > 0:
            self._queue.add_after(name, pause)
        else:
            self._queue.add(name)

    def take_over(self) -> None:
        """This replica leads now: everything is looked at, in the order of dependencies."""
        for name in in_order(self._kustomizations.names(), self._depends_on):
            found = self._kustomizations.get(name)
            self._queue.add(name, urgent=found is None or not _is_settled(found.object()))

    # The work

    def work(self, name: Name) -> None:
        """Work on one name, and see to it that it is looked at again when that makes sense."""
        if self._reconciler is None or not self._leads():
            self._queue.forget(name)
            return
        began = time.monotonic()
        try:
            following = self._reconciler.reconcile(name)
        except NotLeading:
            self._queue.forget(name)
            return
        except KsealError as error:
            self._on_failure(name, error)
            self._observe(name, time.monotonic() - began, "error")
            self._queue.retry(name)
            return
        self._observe(name, time.monotonic() - began, "requeue_after" if following.seconds is not None else "success")
        self._follow_up(name, following)

    def _follow_up(self, name: Name, following: Next) -> None:
        if following.backs_off:
            self._queue.retry(name)
            return
        self._queue.forget(name)
        if following.seconds is not None:
            self._queue.add_after(name, following.seconds)

    def _is_at(self, name: Name, revision: str) -> bool:
        """Whether a Kustomization has this revision in hand already, well or under way."""
        found = self._kustomizations.get(name)
        status = found.object().get("status") if found else None
        if not status or not (
            conditions.is_true(status, conditions.READY) or conditions.is_true(status, conditions.RECONCILING)
        ):
            return False
        attempted = status.get("lastAttemptedRevision") or ""
        return bool(attempted) and attempted == revision

    def _is_delivered(self, name: Name) -> bool:
        found = self._kustomizations.get(name)
        return found is not None and conditions.is_true(found.object().get("status") or {}, conditions.READY)

    def _depends_on(self, name: Name) -> list[Name]:
        spec = self._spec(name)
        return [dependency.at for dependency in spec.depends_on] if spec else []

    def _spec(self, name: Name) -> Spec | None:
        found = self._kustomizations.get(name)
        try:
            return read(found.object()) if found else None
        except Stalled:
            return None


def _is_settled(raw: Mapping[str, Any]) -> bool:
    """Whether its status speaks of this very generation, and well."""
    status = raw.get("status") or {}
    is_seen = status.get("observedGeneration") == raw["metadata"].get("generation")
    return is_seen and conditions.is_true(status, conditions.READY)


def _has_come_further(old: Seen | None, raw: Mapping[str, Any]) -> bool:
    """Whether those who depend on it may see more than before."""
    status = raw.get("status") or {}
    if not conditions.is_true(status, conditions.READY):
        return False
    before = (old.object().get("status") or {}) if old else {}
    if not conditions.is_true(before, conditions.READY):
        return True
    told = ("lastAppliedRevision", "observedGeneration")
    return any(before.get(field) != status.get(field) for field in told)
