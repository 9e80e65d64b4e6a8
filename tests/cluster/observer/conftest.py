"""An observer of a real API server, with all that it has told."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from engine.kube.client import Cluster
from engine.kube.config import load
from engine.kube.discovery import Discovery
from engine.kube.refs import ObjectRef
from engine.observer import KindProblem, Observed, Observer
from tests.kit.controlplane import ControlPlane

DEADLINE = 30.0


class Watcher:
    """An observer and the record of its calls."""

    def __init__(self, cluster: Cluster, **options: Any) -> None:
        self.changes: list[tuple[ObjectRef, Observed | None, Observed | None]] = []
        self.problems: list[KindProblem] = []
        self._news = threading.Condition()
        self.observer = Observer(
            cluster, Discovery(cluster), on_change=self._changed, on_problem=self._problem, **options
        )

    def wait(self, condition: Callable[[], object]) -> None:
        """Until a condition on what was told holds."""
        with self._news:
            assert self._news.wait_for(condition, DEADLINE), (self.changes[-5:], self.problems)

    def told(self, name: str) -> list[tuple[Observed | None, Observed | None]]:
        """What was told of the objects of one name: before and now."""
        return [(old, new) for ref, old, new in self.changes if ref.name == name]

    def _changed(self, ref: ObjectRef, old: Observed | None, new: Observed | None) -> None:
        with self._news:
            self.changes.append((ref, old, new))
            self._news.notify_all()

    def _problem(self, problem: KindProblem) -> None:
        with self._news:
            self.problems.append(problem)
            self._news.notify_all()


@pytest.fixture
def cluster(control_plane: ControlPlane) -> Iterator[Cluster]:
    cluster = Cluster(load(kubeconfig=str(control_plane.kubeconfig), environ={}))
    yield cluster
    cluster.close()


@pytest.fixture
def watch() -> Iterator[Callable[..., Watcher]]:
    """Starts an observer: its cluster, then the options of Observer."""
    with ExitStack() as stack:

        def start(cluster: Cluster, **options: Any) -> Watcher:
            watcher = Watcher(cluster, **options)
            stack.callback(watcher.observer.stop)
            return watcher

        yield start
