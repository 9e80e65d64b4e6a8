"""Observer: the live objects of one cluster as its watches tell them.

One informer per kind, shared by all who follow the kind; it starts with the first of them and stops some minutes after
the last. What cannot be watched, because RBAC refuses it or the kind is not served (yet), is not synced and is tried
again from time to time; whoever asks then looks at the object itself.
"""

import threading
import time
from collections.abc import Callable, Collection
from functools import partial
from http import HTTPStatus
from typing import NamedTuple

from engine.errors import KsealError
from engine.health.workloads import NOT_SCHEDULED, NOT_SCHEDULED_YET, SCHEDULE_SECONDS
from engine.kindwatch import Kind, KindWatch
from engine.kube.client import Cluster
from engine.kube.discovery import Discovery
from engine.kube.errors import Forbidden, NotServed
from engine.kube.refs import ObjectRef
from engine.kube.watch import Problem
from engine.observed import Observed, key_of, marks_of
from engine.podfailures import OWNERS, Labels, PodFailures, broken_labels

__all__ = ["Kind", "KindProblem", "Observed", "Observer", "marks_of"]

LINGER_SECONDS = 180.0
"""How long a kind is watched on when nobody follows it: a list of everything costs more than some events."""
REFUSED_SECONDS = 300.0
"""After what time a refused watch is tried again: somebody may have allowed it."""
UNSERVED_SECONDS = 10.0
"""After what time a kind that is not served is looked for again; Discovery asks the server no more often either."""
UNREACHABLE_SECONDS = 2.0
"""The same where the server could not even say whether it serves the kind, or has just got a definition."""
HOPE_SECONDS = 30.0
"""How long after a definition changed its kind may still appear: the server's table of kinds lags behind."""

OnChange = Callable[[ObjectRef, Observed | None, Observed | None], None]

_PODS = ("", "Pod")
_BROKEN_PODS = ("", "Pod that is broken")  # not a kind: a second look at Pods, of which only failures are kept
_DEFINITIONS = ("apiextensions.k8s.io", "CustomResourceDefinition")


class KindProblem(NamedTuple):
    """Why a kind is not seen just now; told once until it is seen again. `is_refused`: RBAC forbids it, so its objects
    are checked at the interval until a person allows it."""

    group: str
    kind: str
    error: Exception
    is_refused: bool = False


class Observer:
    """What the watches of one cluster say; thread-safe.

    `on_change` gets the object, what was known of it and what is now (None for not there), in the thread that saw it:
    it should only note a name. When a kind is first listed, it is told of each object once. `on_problem` gets what
    keeps a kind from being seen, once until the kind is seen again. Neither may raise.
    """

    def __init__(
        self,
        cluster: Cluster,
        discovery: Discovery,
        *,
        on_change: OnChange,
        on_problem: Callable[[KindProblem], None],
        linger_seconds: float = LINGER_SECONDS,
        refused_seconds: float = REFUSED_SECONDS,
        unserved_seconds: float = UNSERVED_SECONDS,
    ) -> None:
        self._cluster = cluster
        self._discovery = discovery
        self._on_change = on_change
        self._on_problem = on_problem
        self._linger = linger_seconds
        self._refused = refused_seconds
        self._unserved = unserved_seconds
        self._news = threading.Condition()  # guards what follows, and is told of every change of it
        self._followed: dict[str, frozenset[Kind]] = {}
        self._watches: dict[Kind, KindWatch] = {}
        self._pods = PodFailures(self._pods_matter)
        self._unscheduled: dict[ObjectRef, tuple[float, str]] = {}
        """Pods without a node: when they fail, unless they have another version by then."""
        self._is_stopped = False
        self._keeper: threading.Thread | None = None

    def follow(self, owner: str, kinds: Collection[Kind]) -> None:
        """Watch these kinds for `owner`, instead of those that it followed before. Returns at once."""
        wanted = frozenset(kinds)
        with self._news:
            if self._is_stopped or self._followed.get(owner, frozenset()) == wanted:
                return
            if wanted:
                self._followed[owner] = wanted
            else:
                del self._followed[owner]
            self._recount()
            if self._keeper is None:
                self._keeper = threading.Thread(target=self._keep, name="observer", daemon=True)
                self._keeper.start()
            self._news.notify_all()

    def forget(self, owner: str) -> None:
        """`owner` follows nothing any more."""
        self.follow(owner, ())

    def wait_synced(self, kinds: Collection[Kind], timeout_seconds: float) -> bool:
        """Wait until all these kinds are seen. False when the time is over, and at once when one of them cannot be had,
        or nobody follows it."""

        def is_decided() -> bool:
            watches = (self._watches.get(kind) for kind in kinds)
            return self._is_stopped or all(watch is None or watch.is_decided for watch in watches)

        with self._news:
            self._news.wait_for(is_decided, timeout_seconds)
        return all(self.is_synced(*kind) for kind in kinds)

    def is_synced(self, group: str, kind: str) -> bool:
        """Whether `get` knows every object of this kind, as far as the server has told."""
        watch = self._watches.get((group, kind))
        return watch is not None and watch.is_synced

    def get(self, ref: ObjectRef) -> Observed | None:
        """One object; None when there is none. It means nothing unless the kind is synced."""
        watch = self._watches.get((ref.group, ref.kind))
        return None if watch is None else watch.values.get((ref.namespace, ref.name))

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """What is watched, or would be if it could."""
        with self._news:
            return tuple(kind for kind in self._watches if kind != _BROKEN_PODS)

    @property
    def refused(self) -> tuple[Kind, ...]:
        """What RBAC forbids to watch: checked at the interval only."""
        with self._news:
            return tuple(watch.served for watch in self._watches.values() if watch.state == "refused")

    @property
    def count(self) -> int:
        """How many objects are known."""
        with self._news:
            return sum(len(watch.values) for watch in self._watches.values())

    def stop(self) -> None:
        """End all watches; nothing is told after this returns. Safe to repeat."""
        with self._news:
            self._is_stopped = True
            watches = list(self._watches.values())
            self._news.notify_all()
        for watch in watches:
            watch.end()
        if self._keeper is not None and self._keeper is not threading.current_thread():
            self._keeper.join(5.0)

    def _recount(self) -> None:
        """Note which kinds are wanted. Called with the lock."""
        wanted = frozenset().union(*self._followed.values())
        if self._pods.are_needed:
            wanted |= {_BROKEN_PODS}
        for kind in wanted - self._watches.keys():
            self._watches[kind] = self._new_watch(kind)
        for kind, watch in self._watches.items():
            if kind in wanted:
                watch.ends_at = None
            elif watch.ends_at is None:
                watch.ends_at = time.monotonic() + self._linger

    def _new_watch(self, kind: Kind) -> KindWatch:
        if kind == _BROKEN_PODS:
            return KindWatch(kind, self._tell_broken_pod, self._meet, self._seen, served=_PODS, decode=broken_labels)
        if kind in OWNERS:
            return KindWatch(
                kind,
                self._tell_owner,
                self._meet,
                self._seen,
                decode=partial(self._pods.observe, kind),
                adjust=partial(self._pods.judged, kind),
            )
        tell = self._tell_pod if kind == _PODS else self._tell
        return KindWatch(kind, tell, self._meet, self._seen)

    def _pods_matter(self) -> None:
        """Whether Pods are looked at has changed."""
        with self._news:
            self._recount()
            self._news.notify_all()

    def _keep(self) -> None:
        """The keeper's thread. It starts, ends and starts again what is due, since all of that may have to wait for the
        server, and nobody else has the time."""
        while True:
            with self._news:
                while not self._is_stopped and (pause := self._pause()) > 0:
                    self._news.wait(pause if pause < float("inf") else None)
                if self._is_stopped:
                    return
                now = time.monotonic()
                ended = [
                    watch for watch in self._watches.values() if watch.ends_at is not None and watch.ends_at <= now
                ]
                for watch in ended:
                    del self._watches[watch.kind]
                due = [watch for watch in self._watches.values() if watch.begins_at <= now]
            for watch in ended:
                watch.end()
                self._lose(watch)
            for watch in due:
                self._begin(watch)
            self._give_up(now)

    def _pause(self) -> float:
        """Seconds until something is due. Called with the lock."""
        moments = [watch.begins_at for watch in self._watches.values()]
        moments += [watch.ends_at for watch in self._watches.values() if watch.ends_at is not None]
        moments += [moment for moment, _ in self._unscheduled.values()]
        return min(moments, default=float("inf")) - time.monotonic()

    def _begin(self, watch: KindWatch) -> None:
        group, kind = watch.served
        try:
            resource = self._discovery.find(group, kind)
            if resource is None:
                watch.empty()  # with the definition went the objects
                raise NotServed(f"{kind}: the server does not know this kind", f'is the CRD for group "{group}" there?')
        except KsealError as error:
            self._meet(watch, Problem("list", error))
            return
        with self._news:
            if not self._is_stopped and self._watches.get(watch.kind) is watch:
                watch.begin(self._cluster, resource)

    def _tell(self, ref: ObjectRef, old: Observed | None, new: Observed | None) -> None:
        self._on_change(ref, old, new)
        if (ref.group, ref.kind) == _DEFINITIONS:
            self._look_for_unserved()

    def _lose(self, watch: KindWatch) -> None:
        """Nobody tells any more of the changes of these objects, so nothing is known of them."""
        if watch.kind == _BROKEN_PODS:
            watch.empty()  # whoever failed with them may not have to
        watch.values.clear()
        if watch.kind in OWNERS:
            self._pods.forget_all(watch.kind)

    def _tell_owner(self, ref: ObjectRef, old: Observed | None, new: Observed | None) -> None:
        if new is None:
            self._pods.forget((ref.group, ref.kind), key_of(ref.namespace, ref.name))
        self._on_change(ref, old, new)

    def _tell_pod(self, ref: ObjectRef, old: Observed | None, new: Observed | None) -> None:
        """A Pod without a node fails after a while, of which no event will tell."""
        with self._news:
            if new is not None and new.verdict == NOT_SCHEDULED_YET:
                self._unscheduled[ref] = time.monotonic() + SCHEDULE_SECONDS, new.version
                self._news.notify_all()
            else:
                self._unscheduled.pop(ref, None)
        self._on_change(ref, old, new)

    def _give_up(self, now: float) -> None:
        """Let Pods fail that were without a node for too long."""
        with self._news:
            watch = self._watches.get(_PODS)
            late = [(ref, version) for ref, (moment, version) in self._unscheduled.items() if moment <= now]
            for ref, _ in late:
                del self._unscheduled[ref]
        for ref, version in late:
            if watch is not None:
                watch.fail((ref.namespace, ref.name), version, NOT_SCHEDULED)

    def _tell_broken_pod(self, ref: ObjectRef, _: Labels | None, labels: Labels | None) -> None:
        for kind, key in self._pods.note(key_of(ref.namespace, "")[0], ref.name, labels):
            if (watch := self._watches.get(kind)) is not None:
                watch.readjust(key)

    def _look_for_unserved(self) -> None:
        """A definition changed: a kind that was looked for in vain may be there now."""
        with self._news:
            for watch in self._watches.values():
                if watch.state == "unserved":
                    watch.begins_at, watch.hopes_until = 0.0, time.monotonic() + HOPE_SECONDS
            self._news.notify_all()

    def _seen(self, _: KindWatch) -> None:
        with self._news:
            self._news.notify_all()

    def _meet(self, watch: KindWatch, problem: Problem) -> None:
        """Something keeps a kind from being seen. What passes by itself is left to the informer; the rest ends it."""
        error = problem.error
        is_refused = isinstance(error, Forbidden) or getattr(error, "status", 0) == HTTPStatus.METHOD_NOT_ALLOWED
        if is_refused or isinstance(error, NotServed) or watch.state != "begun":
            watch.end()
            if is_refused:
                self._lose(watch)
                pause = self._refused
            else:
                is_hopeless = isinstance(error, NotServed) and watch.hopes_until < time.monotonic()
                pause = self._unserved if is_hopeless else UNREACHABLE_SECONDS
            with self._news:
                watch.state = "refused" if is_refused else "unserved"
                watch.begins_at = time.monotonic() + pause
                self._news.notify_all()
        if is_refused not in watch.told:
            watch.told.add(is_refused)
            self._on_problem(KindProblem(*watch.served, error, is_refused))
