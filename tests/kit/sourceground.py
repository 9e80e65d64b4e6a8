"""A namespace in which our own work on sources and Receivers is done step by step, without a running controller.

The API server, the Git server and the disk are real; what the watch would tell is read afresh before each step.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Final

import structlog

from controller.flux.artifacts import Artifacts
from controller.flux.events import Teller
from controller.flux.halt import Next
from controller.flux.names import GIT_REPOSITORIES, SOURCE_CONTROLLER, Name, status_manager
from controller.flux.objects import Objects
from controller.flux.source import SourceReconciler
from controller.flux.statuses import Statuses
from controller.runtime.outcome import Event
from engine.git.githubapp import GitHubApps
from engine.kube.client import Cluster
from engine.kube.config import load
from engine.kube.errors import NotFound
from engine.kube.refs import SECRETS
from engine.source.git import GitSource
from engine.source.guard import Guard
from engine.source.store import Store
from engine.source.trees import Trees
from tests.kit.controlplane import ControlPlane
from tests.kit.gitserver import GitServer

ADVERTISED: Final = "artifacts.kseal.test:9090"
INTERVAL: Final = timedelta(minutes=1)


class CountedCluster(Cluster):
    """A client that remembers what it asked for: method and last word of the path."""

    asked: list[tuple[str, str]]

    def request(self, method: str, path: str, **options: Any) -> Any:
        self.asked.append((method, path))
        return super().request(method, path, **options)

    @property
    def writes(self) -> list[str]:
        """Everything that was no question."""
        return [f"{method} {path}" for method, path in self.asked if method != "GET"]


class CountedGit(GitServer):
    """A Git server that remembers what it was asked."""

    def __init__(self, folder: Path, *, password: str = "") -> None:
        self.asked: list[str] = []
        super().__init__(folder, password=password)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        asked = self.asked

        class Handler(super()._handler()):  # type: ignore[misc]
            """Counts, and answers as ever."""

            def do_GET(self) -> None:  # noqa: N802 - as the library calls it
                asked.append(f"GET {self.path}")
                super().do_GET()

            def do_POST(self) -> None:  # noqa: N802 - as the library calls it
                asked.append(f"POST {self.path}")
                super().do_POST()

        return Handler


class Told:
    """Stands where Events are written: what was told, in order."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def record(self, _: dict[str, Any], event: Event) -> None:
        self.events.append(event)

    def take(self) -> list[tuple[str, str, str]]:
        """What was told since the last time: type, reason, message."""
        found: list[tuple[str, str, str]] = [(event.type, event.reason, event.message) for event in self.events]
        self.events.clear()
        return found


class SourceGround:
    """GitRepositories of one namespace, and who works on them."""

    def __init__(self, plane: ControlPlane, namespace: str, folder: Path, *, advertised: str = ADVERTISED) -> None:
        self.plane = plane
        self.namespace = namespace
        self.folder = folder
        self.cluster = CountedCluster(load(kubeconfig=str(plane.kubeconfig), environ={}))
        self.cluster.asked = []
        self.told = Told()
        self.revisions: list[tuple[str, Name, str]] = []
        self.now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
        self.sharing = 0.0
        """The part of an interval for which answers of a Git server are shared; none, for there are no intervals."""
        self.seconds = 0.0
        """The clock by which pauses are measured."""
        self.begin(advertised)

    def begin(self, advertised: str = ADVERTISED) -> None:
        """Begin anew, as a process that was restarted: only what is on the disk is known."""
        self.objects = Objects()
        self.store = Store(self.folder / "artifacts", now=self.now.timestamp)
        guard = Guard()
        self.artifacts = Artifacts(self.store, Trees(self.folder / "trees"), guard, attempts=1)
        self.git = GitSource(self.folder / "git", environ={}, guard=guard)
        manager = status_manager(SOURCE_CONTROLLER)
        self.reconciler = SourceReconciler(
            self.cluster,
            self.objects,
            store=self.store,
            artifacts=self.artifacts,
            git=self.git,
            apps=GitHubApps(guard, environ={}),
            teller=Teller(self.told, SOURCE_CONTROLLER),
            statuses=Statuses(self.cluster, GIT_REPOSITORIES, manager=manager, on_written=self._written),
            advertised=advertised,
            on_revision=lambda kind, name, revision: self.revisions.append((kind, name, revision)),
            log=structlog.get_logger(),
            now=lambda: self.now,
            clock=lambda: self.seconds,
            sharing=self.sharing,
            chance=lambda: 0.5,
        )

    def _written(self, raw: dict[str, Any]) -> None:
        self.objects.put(raw)

    def make(self, name: str, url: str, *, labels: Mapping[str, str] | None = None, **spec: Any) -> None:
        """Create a GitRepository."""
        self.cluster.create(
            GIT_REPOSITORIES,
            {
                "apiVersion": GIT_REPOSITORIES.api_version,
                "kind": GIT_REPOSITORIES.kind,
                "metadata": {"name": name, "namespace": self.namespace, "labels": labels or {}},
                "spec": {"url": url, "interval": "1m", "ref": {"branch": "main"}, **spec},
            },
        )

    def secret(self, name: str, **data: str) -> None:
        """Create a Secret."""
        body = {"metadata": {"name": name, "namespace": self.namespace}, "stringData": data}
        self.cluster.create(SECRETS, {"apiVersion": "v1", "kind": "Secret", **body})

    def change(self, name: str, **spec: Any) -> None:
        """Merge into the spec."""
        self.cluster.patch(GIT_REPOSITORIES, self.namespace, name, {"spec": spec})

    def annotate(self, name: str, **annotations: str) -> None:
        """Merge into the annotations."""
        body = {"metadata": {"annotations": annotations}}
        self.cluster.patch(GIT_REPOSITORIES, self.namespace, name, body)

    def delete(self, name: str) -> None:
        """Delete a GitRepository; its finalizer holds it."""
        self.cluster.delete(GIT_REPOSITORIES, self.namespace, name)

    def look(self, name: str) -> Next:
        """Have it looked at once, after what a watch would have told."""
        raw = self.find(name)
        if raw is not None:
            self.objects.put(raw)
        elif (seen := self.objects.get(Name(self.namespace, name))) is not None:
            self.objects.drop(seen.object())
        self.cluster.asked.clear()
        return self.reconciler.reconcile(Name(self.namespace, name))

    def find(self, name: str) -> dict[str, Any] | None:
        """A GitRepository as the API server has it; None when there is none."""
        try:
            return self.cluster.get(GIT_REPOSITORIES, self.namespace, name)
        except NotFound:
            return None

    def status(self, name: str) -> dict[str, Any]:
        """Its status as the API server has it."""
        raw = self.find(name)
        assert raw is not None
        found: dict[str, Any] = raw["status"]
        return found

    def conditions(self, name: str) -> dict[str, tuple[str, str, str]]:
        """Its conditions: status, reason and message by type."""
        return {
            found["type"]: (found["status"], found["reason"], found["message"])
            for found in self.status(name).get("conditions", [])
        }


@contextmanager
def source_ground(plane: ControlPlane, namespace: str, folder: Path) -> Iterator[SourceGround]:
    """A ground whose client is closed at the end."""
    ground = SourceGround(plane, namespace, folder)
    try:
        yield ground
    finally:
        ground.cluster.close()
