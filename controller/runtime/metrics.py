"""The numbers that the controller shows: the original's metrics by name, type and label, and a few of ours."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from controller.runtime.conditions import SYNCED
from controller.runtime.outcome import Outcome, Phase

PREFIX: Final = "sealed_secrets_controller"
CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4

_INSTANCE_LABEL: Final = "app.kubernetes.io/instance"
_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)  # the original's, in seconds
_METHODS: Final = frozenset({"get", "head", "post", "put", "patch", "delete", "options"})
# A label that a request or an object could fill with anything would make the number of series its writer's choice.
_OTHER: Final = "other"


class Metrics:
    """All metrics of one process, in a registry of their own; every method may be called from any thread.

    Source of names, labels and meanings: sealed-secrets.md section 7. `queue_depth` and what follows it is ours.
    """

    def __init__(self, version: str, *, names_objects: bool = True) -> None:
        """`names_objects` False leaves out the series of single SealedSecrets."""
        # For the whole library, and so for this process: `_created` series would be a second sample per counter that
        # the original does not have.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library left out its annotation
        self.registry = registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=registry)
        named: dict[str, Any] = {"namespace": PREFIX, "registry": registry}
        Gauge("build_info", "Build information.", ["revision"], **named).labels(version).set(1)
        self._requests = Counter("unseal_requests_total", "Unseal requests, deletions included.", **named)
        self._errors = Counter("unseal_errors_total", "Failed unseal requests.", ["reason", "namespace"], **named)
        self._conditions = Gauge(
            "condition_info",
            "Condition of a SealedSecret: -1 false, 0 unknown or absent, 1 true.",
            ["namespace", "name", "condition", "ss_app_kubernetes_io_instance"],
            **named,
        )
        self._http = Counter("http_requests_total", "HTTP requests.", ["path", "code", "method"], **named)
        self._http_seconds = Histogram(
            "http_request_duration_seconds",
            "Time to answer an HTTP request.",
            ["path", "method"],
            buckets=_BUCKETS,
            **named,
        )
        self._depth = Gauge("queue_depth", "Objects that wait for a worker.", **named)
        self._watch_idle = Gauge("watch_idle_seconds", "Time since the API server last said anything.", **named)
        self._last_success = Gauge(
            "last_success_timestamp_seconds", "When an object was last found or made right.", **named
        )
        self._seconds = Histogram(
            "reconcile_duration_seconds", "Time to bring one object to its Secret.", buckets=_BUCKETS, **named
        )
        self._events_dropped = Counter(
            "events_dropped_total", "Kubernetes Events that were not delivered.", ["reason"], **named
        )
        self._leads = Gauge("leader", "1 on the replica that writes.", **named)
        self._keys = _KeyNumbers()
        registry.register(self._keys)
        self._names_objects = names_objects
        self._lock = threading.Lock()
        self._series: dict[tuple[str, str], str] = {}  # (namespace, name) -> the instance label of its series

    def observe(self, raw: dict[str, Any], outcome: Outcome) -> None:
        """Count a reconcile of the SealedSecret `raw`, and show what its condition says now."""
        metadata = raw["metadata"]
        key = (metadata["namespace"], metadata["name"])
        instance = str((metadata.get("labels") or {}).get(_INSTANCE_LABEL) or "")
        self._requests.inc()
        if outcome.error_reason is not None:
            self.error(outcome.error_reason, key[0])
        if outcome.ready:
            self._last_success.set(time.time())
        if not self._names_objects:
            return
        with self._lock:
            before = self._series.get(key, instance)
            if before != instance:
                self._conditions.remove(*key, SYNCED, before)
            self._series[key] = instance
            self._conditions.labels(*key, SYNCED, instance).set(1 if outcome.ready else -1)

    def forget(self, namespace: str, name: str) -> None:
        """A SealedSecret is gone: it counts as a request, as in the original, and its series end."""
        self._requests.inc()
        with self._lock:
            instance = self._series.pop((namespace, name), None)
            if instance is not None:
                self._conditions.remove(namespace, name, SYNCED, instance)

    def stand_down(self) -> None:
        """Another replica works on the objects now, and shows their conditions."""
        with self._lock:
            for key, instance in self._series.items():
                self._conditions.remove(*key, SYNCED, instance)
            self._series.clear()

    def error(self, reason: Phase, namespace: str) -> None:
        """Count a failure."""
        self._errors.labels(reason.value, namespace).inc()

    def reconciled(self, seconds: float) -> None:
        """Count the time that one reconcile took."""
        self._seconds.observe(seconds)

    def request(self, route: str | None, method: str, status: int, seconds: float) -> None:
        """Count an HTTP request. `route` is the path of a known route, None for everything else."""
        path = route if route is not None else _OTHER
        verb = method.lower() if method.lower() in _METHODS else _OTHER
        self._http.labels(path, str(status), verb).inc()
        self._http_seconds.labels(path, verb).observe(seconds)

    def event_dropped(self, reason: str) -> None:
        """Count a Kubernetes Event that will not be delivered; `reason` is one of `events.DROPPED`."""
        self._events_dropped.labels(reason).inc()

    def watch(
        self,
        *,
        queue_depth: Callable[[], float],
        watch_idle_seconds: Callable[[], float],
        leads: Callable[[], bool],
        keys: Callable[[], "KeysShown"],
    ) -> None:
        """Where the numbers come from that are read when somebody asks."""
        self._depth.set_function(queue_depth)
        self._watch_idle.set_function(watch_idle_seconds)
        self._leads.set_function(leads)
        self._keys.source = keys

    def exposition(self) -> bytes:
        """All metrics in the text format, to be served as `CONTENT_TYPE`."""
        return generate_latest(self.registry)


@dataclass(frozen=True, slots=True)
class KeysShown:
    """What is shown of the sealing keys."""

    counts: Mapping[str, int] = field(default_factory=dict)
    """Key Secrets by state."""
    use: Mapping[str, int] = field(default_factory=dict)
    """SealedSecrets that each key opened, by fingerprint."""
    newest_at: float | None = None
    """When the key that seals was made, in seconds since 1970; None without one."""
    newest_until: float | None = None
    """Until when its certificate is valid."""


class _KeyNumbers(Collector):
    """The series about sealing keys, as they are when somebody asks."""

    def __init__(self) -> None:
        self.source: Callable[[], KeysShown] = KeysShown

    def collect(self) -> Iterator[Metric]:
        shown = self.source()
        counts = GaugeMetricFamily(f"{PREFIX}_keys", "Key Secrets: active, unreadable, or unopened.", labels=["state"])
        for state, count in shown.counts.items():
            counts.add_metric([state], count)
        use = GaugeMetricFamily(
            f"{PREFIX}_key_sealed_secrets", "SealedSecrets of which a key opened something.", labels=["fingerprint"]
        )
        for fingerprint, count in shown.use.items():
            use.add_metric([fingerprint], count)
        age = GaugeMetricFamily(f"{PREFIX}_key_age_seconds", "Age of the key that seals.")
        if shown.newest_at is not None:
            age.add_metric([], time.time() - shown.newest_at)
        until = GaugeMetricFamily(
            f"{PREFIX}_key_not_after_timestamp_seconds", "When the certificate of the key that seals ends."
        )
        if shown.newest_until is not None:
            until.add_metric([], shown.newest_until)
        yield from (counts, use, age, until)
