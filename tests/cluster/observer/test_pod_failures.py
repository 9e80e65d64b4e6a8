"""StatefulSets and ReplicaSets that are under way fail with their Pods, and recover with them."""

from collections.abc import Callable
from typing import Any

import pytest

from engine.health.verdict import Health, Verdict
from engine.kube.client import Cluster
from engine.kube.refs import ObjectRef, Resource
from tests.cluster.observer.conftest import DEADLINE, Watcher

pytestmark = pytest.mark.cluster
Watch = Callable[..., Watcher]

STATEFUL = ("apps", "StatefulSet")
STATEFUL_SETS = Resource("apps", "v1", "statefulsets", "StatefulSet")
PODS = Resource("", "v1", "pods", "Pod")
SPEC = {"containers": [{"name": "c", "image": "i"}]}
CRASHING = {
    "phase": "Running",
    "containerStatuses": [
        {
            "name": "c", "image": "i", "imageID": "", "ready": False, "restartCount": 9,
            "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        }
    ],
}  # fmt: skip


@pytest.fixture
def stateful_set(cluster: Cluster, namespace: str) -> ObjectRef:
    labels = {"a": "b"}
    spec = {"serviceName": "s", "selector": {"matchLabels": labels}}
    spec["template"] = {"metadata": {"labels": labels}, "spec": SPEC}
    cluster.create(STATEFUL_SETS, {"metadata": {"namespace": namespace, "name": "s"}, "spec": spec})
    return ObjectRef(*STATEFUL, namespace, "s")


def pod(cluster: Cluster, namespace: str, name: str, **labels: str) -> None:
    cluster.create(PODS, {"metadata": {"namespace": namespace, "name": name, "labels": labels}, "spec": SPEC})
    cluster.patch(PODS, namespace, name, {"status": CRASHING}, subresource="status")


def remove(cluster: Cluster, namespace: str, name: str) -> None:
    cluster.delete(PODS, namespace, name)


def test_a_pod_that_crashes_fails_its_set_until_it_is_gone(
    cluster: Cluster, namespace: str, stateful_set: ObjectRef, watch: Watch
) -> None:
    watcher = watch(cluster)
    watcher.observer.follow("me", [STATEFUL])
    assert watcher.observer.wait_synced([STATEFUL], DEADLINE)
    pod(cluster, namespace, "of-another", a="c")
    pod(cluster, namespace, "s-0", a="b")
    watcher.wait(lambda: last(watcher).health is Health.FAILED)
    assert last(watcher) == Verdict(Health.FAILED, "1 pods have failed")
    remove(cluster, namespace, "s-0")
    watcher.wait(lambda: last(watcher).health is Health.IN_PROGRESS)
    assert watcher.observer.kinds == (STATEFUL,)
    assert all(ref == stateful_set for ref, _, _ in watcher.changes if ref.namespace == namespace)


def test_pods_that_crashed_before_are_seen_too(
    cluster: Cluster, namespace: str, stateful_set: ObjectRef, watch: Watch
) -> None:
    pod(cluster, namespace, "s-0", a="b")
    watcher = watch(cluster)
    watcher.observer.follow("me", [STATEFUL])
    watcher.wait(lambda: watcher.changes and last(watcher).health is Health.FAILED)


def test_a_set_that_is_done_needs_no_pods(
    cluster: Cluster, namespace: str, stateful_set: ObjectRef, watch: Watch
) -> None:
    watcher = watch(cluster)
    watcher.observer.follow("me", [STATEFUL])
    pod(cluster, namespace, "s-0", a="b")
    watcher.wait(lambda: watcher.changes and last(watcher).health is Health.FAILED)
    status: dict[str, Any] = dict.fromkeys(("replicas", "readyReplicas", "currentReplicas", "updatedReplicas"), 1)
    cluster.patch(STATEFUL_SETS, namespace, "s", {"status": {**status, "observedGeneration": 1}}, subresource="status")
    watcher.wait(lambda: last(watcher).health is Health.CURRENT)


def test_a_pod_without_a_node_fails_after_a_while_of_which_no_event_tells(
    cluster: Cluster, namespace: str, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.observer.SCHEDULE_SECONDS", 0.1)
    watcher = watch(cluster)
    watcher.observer.follow("me", [("", "Pod")])
    cluster.create(PODS, {"metadata": {"namespace": namespace, "name": "s"}, "spec": SPEC})
    unscheduled = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    cluster.patch(PODS, namespace, "s", {"status": {"conditions": [unscheduled]}}, subresource="status")
    watcher.wait(lambda: watcher.told("s") and last(watcher) == Verdict(Health.FAILED, "Pod could not be scheduled"))


def last(watcher: Watcher) -> Verdict:
    """The verdict that was told last of this test's set."""
    told = watcher.told("s")
    assert told[-1][1] is not None
    return told[-1][1].verdict
