"""The numbers that the controller shows: the original's metrics by name, type and label, and a few of ours."""

import threading
import time
from collections.abc import Callable
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
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

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

    def __init__(self, version: str) -> None:
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

    def watch(self, *, queue_depth: Callable[[], float], watch_idle_seconds: Callable[[], float]) -> None:
        """Where the numbers come from that are read when somebody asks."""
        self._depth.set_function(queue_depth)
        self._watch_idle.set_function(watch_idle_seconds)

    def exposition(self) -> bytes:
        """All metrics in the text format, to be served as `CONTENT_TYPE`."""
        return generate_latest(self.registry)
