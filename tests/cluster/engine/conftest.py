"""A namespace of a real API server in which the engine applies and prunes, and a count of what it asks for."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from engine.desired import desired
from engine.execute import Live, Progress, step
from engine.inventory import Inventory
from engine.kube.client import Cluster
from engine.kube.config import load
from engine.kube.discovery import Discovery
from engine.kube.http.transport import Response
from engine.kube.refs import ObjectRef, Resource
from engine.observer import Observer
from engine.ownership import Foreign, Ownership
from engine.plan import Gate, plan_by_kind
from engine.records import Records
from tests.kit.apicalls import Refused
from tests.kit.controlplane import ControlPlane

Object = dict[str, Any]
CONFIGS = Resource("", "v1", "configmaps", "ConfigMap")
SECRETS = Resource("", "v1", "secrets", "Secret")
SERVICES = Resource("", "v1", "services", "Service")
DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment")

CONTROL = "deliver.example.org"
DEADLINE = 30.0


class CountedCluster(Cluster):
    """A client that notes what it asks for: GET, dry-run, and what else it writes."""

    asked: Counter[str]

    def request(self, method: str, path: str, **options: Any) -> Response:
        is_trial = (options.get("query") or {}).get("dryRun") == "All"
        self.asked = getattr(self, "asked", Counter())
        self.asked["dry-run" if is_trial else method] += 1
        return super().request(method, path, **options)


class Ground:
    """One namespace, and owners that deliver to it."""

    def __init__(
        self, plane: ControlPlane, stack: ExitStack, *, records: Path | None = None, kubeconfig: Path | None = None
    ) -> None:
        self.plane = plane
        self.namespace = plane.create_namespace()
        self._stack = stack
        self._kubeconfig = kubeconfig or plane.kubeconfig
        self._news = threading.Condition()
        self.restart(records)

    def restart(self, records: Path | None = None) -> None:
        """As a new process: with an observer and records of its own."""
        self.cluster = CountedCluster(load(kubeconfig=str(self._kubeconfig), environ={}))
        self._stack.callback(self.cluster.close)
        discovery = Discovery(self.cluster)
        discovery.all()
        observing = self.cluster.sibling()
        self._stack.callback(observing.close)
        self.observer = Observer(observing, discovery, on_change=self._noted, on_problem=lambda _: None)
        self._stack.callback(self.observer.stop)
        self.records = Records(records)
        self._stack.callback(self.records.close)
        self.live = Live(self.cluster, discovery=discovery, observer=self.observer, records=self.records)
        self.cluster.asked = Counter()

    def ownership(self, owner: str = "a", **more: Any) -> Ownership:
        own = (Foreign("kubectl"), Foreign("before-first-apply", "Update"), Foreign("deliverer", "Update"))
        return Ownership(
            manager="deliverer",
            labels={f"{CONTROL}/name": owner, f"{CONTROL}/namespace": self.namespace},
            control=CONTROL,
            foreign=(*own, *more.pop("foreign", ())),
            dropped_annotations=("kubectl.kubernetes.io/last-applied-configuration",),
            **more,
        )

    def deliver(
        self,
        objects: Sequence[Object],
        *,
        owner: str = "a",
        before: Inventory | None = None,
        wait: Gate | None = None,
        ownership: Ownership | None = None,
        **options: Any,
    ) -> Progress:
        """A pass to its end; the calls that it took are in `cluster.asked`."""
        ownership = ownership or self.ownership(owner)
        made = desired(objects, ownership)
        plan = plan_by_kind(made, wait=wait)
        stale = (before or Inventory()).stale(plan.members())
        plan = plan_by_kind(made, stale=stale, wait=wait)
        self.planned = plan.members()  # what a status would say before the first write
        progress: Progress | None = None
        self.cluster.asked = Counter()
        ends = time.monotonic() + DEADLINE
        while True:
            progress = step(plan, progress, self.live, owner=owner, ownership=ownership, **options)
            if progress.is_done or progress.failed:
                break
            assert time.monotonic() < ends, progress
            with self._news:
                left = max(progress.deadline - self.live.clock(), 0.01)
                self._news.wait(min(progress.look_again_seconds or 1.0, 1.0, left))
        self.inventory = progress.members(plan, before or Inventory())
        return progress

    def watch(self, *kinds: tuple[str, str], owner: str = "a") -> None:
        """Follow these kinds until they are seen."""
        self.observer.follow(owner, kinds)
        assert self.observer.wait_synced(kinds, DEADLINE)

    def seen(self, is_so: Callable[[], bool]) -> None:
        """Wait until what the watches told makes it so."""
        with self._news:
            assert self._news.wait_for(is_so, DEADLINE)

    def settled(self, ref: ObjectRef, owner: str = "a") -> None:
        """Wait until the watches have told of an owner's last apply."""
        record = self.records.get(owner, ref)
        assert record is not None
        self.seen(lambda: (seen := self.observer.get(ref)) is not None and seen.version == record.version)

    def get(self, resource: Resource, name: str) -> Object | None:
        return self.plane.api.find(resource.path(self.namespace if resource.namespaced else None, name))

    def put(self, obj: Object, resource: Resource = CONFIGS, *, manager: str = "someone") -> Object:
        """Somebody else applies an object by server-side apply."""
        path = resource.path(self.namespace if resource.namespaced else None, obj["metadata"]["name"])
        made: Object = self.plane.api.json(
            "PATCH", f"{path}?fieldManager={manager}&force=true", obj, content_type="application/apply-patch+yaml"
        )
        return made

    def patch(self, resource: Resource, name: str, body: Any, *, manager: str = "someone") -> Object:
        """Somebody else changes an object by a merge patch."""
        path = resource.path(self.namespace if resource.namespaced else None, name)
        made: Object = self.plane.api.json(
            "PATCH", f"{path}?fieldManager={manager}", body, content_type="application/merge-patch+json"
        )
        return made

    def delete(self, resource: Resource, name: str) -> None:
        path = resource.path(self.namespace if resource.namespaced else None, name)
        try:
            self.plane.api.text("DELETE", f"{path}?propagationPolicy=Background")
        except Refused as error:
            if error.status != 404:
                raise

    def config(self, name: str = "one", data: dict[str, str] | None = None, **metadata: Any) -> Object:
        metadata = {"name": name, "namespace": self.namespace, **metadata}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data or {"k": "v"}}

    def service(self, name: str = "web", **spec: Any) -> Object:
        spec = {"selector": {"app": name}, "ports": [{"name": "http", "port": 80}], **spec}
        metadata = {"name": name, "namespace": self.namespace}
        return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}

    def deployment(self, name: str = "web", replicas: int = 0, **metadata: Any) -> Object:
        labels = {"app": name}
        pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
        spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": pod}
        metadata = {"name": name, "namespace": self.namespace, **metadata}
        return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}

    def ref(self, name: str = "one", kind: str = "ConfigMap", group: str = "") -> ObjectRef:
        return ObjectRef(group, kind, self.namespace, name)

    def _noted(self, *_: object) -> None:
        with self._news:
            self._news.notify_all()


@pytest.fixture
def make_ground(control_plane: ControlPlane) -> Iterator[Callable[..., Ground]]:
    with ExitStack() as stack:
        yield lambda **options: Ground(control_plane, stack, **options)


@pytest.fixture
def ground(make_ground: Callable[..., Ground]) -> Ground:
    return make_ground()
