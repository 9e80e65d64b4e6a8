"""The numbers of deliveries, under the names that dashboards for Flux ask for, and a few of ours.

Source: flux.md section 9; fluxcd/pkg runtime/metrics/recorder.go; controller-runtime pkg/internal/controller/metrics.
"""

from collections.abc import Callable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from controller.flux.names import Name

_SHORTEST, _LONGEST, _COUNT = 0.01, 1800.0, 10
BUCKETS: Final = tuple(_SHORTEST * (_LONGEST / _SHORTEST) ** (number / (_COUNT - 1)) for number in range(_COUNT))
"""In seconds: ten, each the same multiple of the one before."""


class FluxMetrics:
    """In the registry of the process; every method may be called from any thread."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._asked = _Asked()
        registry.register(self._asked)
        self._seconds = Histogram(
            "gotk_reconcile_duration_seconds",
            "The duration in seconds of a GitOps Toolkit resource reconciliation.",
            ["kind", "name", "namespace"],
            registry=registry,
            buckets=BUCKETS,
        )
        self._ends = Counter(
            "controller_runtime_reconcile",
            "Total number of reconciliations per controller.",
            ["controller", "result"],
            registry=registry,
        )

    def reconciled(self, kind: str, name: Name, seconds: float, result: str) -> None:
        """One look at one resource; `result` is success, error or requeue_after."""
        self._seconds.labels(kind, name.name, name.namespace).observe(seconds)
        self._ends.labels(kind.lower(), result).inc()

    def forget(self, kind: str, name: Name) -> None:
        """The resource is gone, and so are the series that name it."""
        try:
            self._seconds.remove(kind, name.name, name.namespace)
        except KeyError:
            return  # it was never looked at

    def watch(self, controller: str, *, depth: Callable[[], int], unwatched: Callable[[], int]) -> None:
        """Ask for these whenever somebody asks us."""
        self._asked.parts[controller] = (depth, unwatched)


class _Asked(Collector):
    """Numbers that are asked for when they are shown."""

    def __init__(self) -> None:
        self.parts: dict[str, tuple[Callable[[], int], Callable[[], int]]] = {}

    def collect(self) -> Iterator[Metric]:
        named = (
            ("workqueue_depth", "Names that wait for a worker."),
            ("kseal_unwatched_kinds", "Kinds that RBAC forbids to watch: their objects are looked at at the interval."),
        )
        for place, (name, text) in enumerate(named):
            found = GaugeMetricFamily(name, text, labels=["controller"])
            for controller, asked in list(self.parts.items()):
                found.add_metric([controller], asked[place]())
            yield found

    def describe(self) -> Iterator[Metric]:
        return iter(())
