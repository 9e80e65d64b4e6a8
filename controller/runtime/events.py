"""Kubernetes Events: told by reconcilers at once, delivered by a thread of their own when there is time."""

import contextlib
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, Protocol

from controller.runtime.conditions import timestamp
from controller.runtime.outcome import Event
from engine.errors import KsealError, NotReady
from engine.kube.errors import AlreadyExists, NotFound
from engine.kube.http.ratelimit import RateLimiter
from engine.kube.refs import EVENTS, Resource

MESSAGE_LIMIT: Final = 1024
"""Bytes of a message. Source: k8s.io/kubernetes pkg/apis/core/validation/events.go, NoteLengthLimit."""

CAPACITY: Final = 2048
"""Events that wait for delivery: room for the first success of a whole fleet; what comes on top is dropped."""

DROPPED: Final = ("full", "chatty", "refused", "unreachable", "failed", "stopped")
"""Why an Event was not delivered: too many wait; too many of one object; the API server will not have it; it does not
answer; a defect; the process ended."""

_REMEMBERED: Final = 4096  # events, and objects, whose past is kept. Source: client-go tools/record, maxLruCacheEntries
_BURST_PER_OBJECT: Final = 25  # and then one per interval. Source: client-go tools/record, defaultSpamBurst and -QPS
_INTERVAL_PER_OBJECT: Final = 300.0
_QPS: Final = 20.0  # of all objects together: a fleet that arrives at once is told within a minute, beside its work
_BURST: Final = 25
_TRIES: Final = 4
_PAUSE_SECONDS: Final = 1.0  # after the first try; then twice as long each time
_GRACE_SECONDS: Final = 0.1  # for the thread to notice that its time is over


class Writer(Protocol):
    """The two requests that the recorder makes: `engine.kube.client.Cluster` offers them."""

    def create(self, resource: Resource, obj: dict[str, Any], /) -> dict[str, Any]: ...

    def patch(
        self, resource: Resource, namespace: str | None, name: str, body: dict[str, Any], /
    ) -> dict[str, Any]: ...


class _Told(NamedTuple):
    """One thing told: of which object (as an Event refers to it), what, when."""

    involved: dict[str, str]
    event: Event
    at: datetime

    @property
    def identity(self) -> tuple[str, ...]:
        """What makes two of them the same news, told again."""
        said = (self.event.type, self.event.reason, self.event.message, self.event.component)
        marks = (f"{name}={value}" for name, value in sorted(self.event.annotations.items()))
        return (*(self.involved[part] for part in ("kind", "namespace", "name", "uid")), *said, *marks)


@dataclass(slots=True)
class _Series:
    """An Event in the cluster that stands for all repetitions of the same news."""

    name: str
    first: datetime
    count: int


@dataclass(slots=True)
class _Budget:
    """How many requests one object may still cause: a token bucket that never goes into debt."""

    at: float
    tokens: float = _BURST_PER_OBJECT

    def spend(self, now: float) -> bool:
        """Take one; False when none is left."""
        self.tokens = min(_BURST_PER_OBJECT, self.tokens + (now - self.at) / _INTERVAL_PER_OBJECT)
        self.at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class EventRecorder:
    """Writes core/v1 Events as client-go's recorder does; `record` neither waits nor fails.

    The same news about the same object is one Event whose count grows. Each object may cause 25 requests at once and
    one in five minutes afterwards, and all together stay within `limiter`, so that news never takes the place of work:
    give it a `cluster` that does not share its rate limit with the reconcilers. What is not delivered is told to
    `on_drop(why, error)`, from the recorder's thread or the caller's; `why` is one of `DROPPED`.

    Needs the rights to create and patch events.
    """

    def __init__(
        self,
        cluster: Writer,
        *,
        component: str = "sealed-secrets",
        on_drop: Callable[[str, Exception | None], None],
        limiter: RateLimiter | None = None,
        capacity: int = CAPACITY,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._cluster = cluster
        self._component = component
        self._on_drop = on_drop
        self._limiter = limiter or RateLimiter(_QPS, _BURST)
        self._capacity = capacity
        self._now = now
        self._changed = threading.Condition()
        self._waiting: deque[_Told] = deque()
        self._deadline: float | None = None  # set by `stop`
        self._series: OrderedDict[tuple[str, ...], _Series] = OrderedDict()
        self._budgets: OrderedDict[str, _Budget] = OrderedDict()
        self._thread = threading.Thread(target=self._run, name="events", daemon=True)

    def start(self) -> None:
        """Start delivering; once only."""
        self._thread.start()

    def record(self, raw: dict[str, Any], event: Event) -> None:
        """Tell something about the object `raw`, as the API serves it."""
        told = _Told(_reference(raw), replace(event, message=_bounded(event.message)), self._now())
        with self._changed:
            why = "stopped" if self._deadline is not None else "full" if len(self._waiting) >= self._capacity else None
            if why is None:
                self._waiting.append(told)
                self._changed.notify()
        if why is not None:
            self._on_drop(why, None)

    def stop(self, timeout: float) -> None:
        """Take nothing more, deliver for up to `timeout` seconds what waits, and count the rest as dropped."""
        with self._changed:
            self._deadline = time.monotonic() + timeout
            self._changed.notify_all()
        in_hand = 0
        if self._thread.ident is not None:
            self._thread.join(timeout + _GRACE_SECONDS)
            in_hand = int(self._thread.is_alive())  # in a request that does not end
        for _ in range(self._clear() + in_hand):
            self._on_drop("stopped", None)

    def _clear(self) -> int:
        with self._changed:
            left = len(self._waiting)
            self._waiting.clear()
            return left

    def _run(self) -> None:
        while (told := self._next()) is not None:
            try:
                self._deliver(told)
            except KsealError as error:
                self._on_drop("unreachable" if isinstance(error, NotReady) else "refused", error)
            except Exception as error:  # noqa: BLE001 - news that cannot be told must not end all later news
                self._on_drop("failed", error)

    def _next(self) -> _Told | None:
        with self._changed:
            while not self._waiting and self._deadline is None:
                self._changed.wait()
            return self._waiting.popleft() if self._waiting and not self._is_late() else None

    def _is_late(self) -> bool:
        return self._deadline is not None and time.monotonic() >= self._deadline

    def _pause(self, seconds: float) -> None:
        """Let time pass, but not beyond the deadline of `stop`."""
        until = time.monotonic() + seconds
        with self._changed:
            while not self._is_late() and (left := until - time.monotonic()) > 0:
                allowed = left if self._deadline is None else min(left, self._deadline - time.monotonic())
                self._changed.wait(max(allowed, 0.0))

    def _deliver(self, told: _Told) -> None:
        now = time.monotonic()
        budget = self._budgets.get(told.involved["uid"]) or _Budget(now)
        _keep(self._budgets, told.involved["uid"], budget)
        if not budget.spend(now):
            self._on_drop("chatty", None)
            return
        self._pause(self._limiter.reserve())
        for attempt in range(_TRIES):
            try:
                self._write(told)
            except NotReady:
                if attempt < _TRIES - 1:
                    self._pause(_PAUSE_SECONDS * 2**attempt)
                if attempt == _TRIES - 1 or self._is_late():
                    raise
            else:
                return

    def _write(self, told: _Told) -> None:
        series = self._series.get(told.identity)
        if series is None:
            series = _Series(_event_name(told), told.at, 0)
        elif self._count_up(told, series):
            return
        # New, or an Event that the API server has forgotten meanwhile (after an hour): its numbers go on.
        with contextlib.suppress(AlreadyExists):  # the answer to an earlier try was lost on the way
            self._cluster.create(EVENTS, _body(told, series, self._component))
        series.count += 1
        _keep(self._series, told.identity, series)

    def _count_up(self, told: _Told, series: _Series) -> bool:
        """Add one to an Event that is there; False when it is there no more."""
        news = {"count": series.count + 1, "lastTimestamp": timestamp(told.at)}
        try:
            self._cluster.patch(EVENTS, _namespace(told), series.name, news)
        except NotFound:
            series.name = _event_name(told)
            return False
        series.count += 1
        _keep(self._series, told.identity, series)
        return True


def _reference(raw: dict[str, Any]) -> dict[str, str]:
    """A core/v1 ObjectReference; what the object lacks is empty, because telling must not fail."""
    metadata = raw.get("metadata") or {}
    return {
        "kind": str(raw.get("kind") or ""),
        "apiVersion": str(raw.get("apiVersion") or ""),
        **{part: str(metadata.get(part) or "") for part in ("namespace", "name", "uid", "resourceVersion")},
    }


def _body(told: _Told, series: _Series, component: str) -> dict[str, Any]:
    component = told.event.component or component
    metadata: dict[str, Any] = {"namespace": _namespace(told), "name": series.name}
    if told.event.annotations:
        metadata["annotations"] = dict(told.event.annotations)
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": metadata,
        "involvedObject": {part: value for part, value in told.involved.items() if value},
        "type": told.event.type,
        "reason": told.event.reason,
        "message": told.event.message,
        "source": {"component": component},
        "reportingComponent": component,
        "reportingInstance": "",
        "firstTimestamp": timestamp(series.first),
        "lastTimestamp": timestamp(told.at),
        "count": series.count + 1,
    }


def _namespace(told: _Told) -> str:
    """Events about objects without namespace live in `default`, as client-go puts them."""
    return told.involved["namespace"] or "default"


def _event_name(told: _Told) -> str:
    """`NAME.NANOSECONDS`, within the 253 characters of an object's name."""
    suffix = f"{int(told.at.timestamp() * 1e9):x}"
    return f"{told.involved['name'][: 252 - len(suffix)].rstrip('.-')}.{suffix}"


def _bounded(message: str) -> str:
    encoded = message.encode(errors="replace")
    if len(encoded) <= MESSAGE_LIMIT:
        return encoded.decode()
    return encoded[: MESSAGE_LIMIT - 3].decode(errors="ignore") + "…"


def _keep(memory: OrderedDict[Any, Any], key: object, value: object) -> None:
    """Remember as the most recent one, and forget the oldest beyond what is remembered."""
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > _REMEMBERED:
        memory.popitem(last=False)
