"""The observer against a real API server: what it tells of objects, what it asks for, and when it stops."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from engine.health.verdict import Health
from engine.kube.client import Cluster
from engine.kube.config import load
from engine.kube.refs import CONFIG_MAPS, SECRETS, ObjectRef, Resource
from engine.observer import marks_of
from tests.cluster.observer.conftest import DEADLINE, Watcher
from tests.kit.controlplane import ControlPlane

pytestmark = pytest.mark.cluster
Watch = Callable[..., Watcher]

CONFIG = ("", "ConfigMap")
DEPLOYMENT = ("apps", "Deployment")
DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment")


def config_map(cluster: Cluster, namespace: str, name: str, **metadata: Any) -> dict[str, Any]:
    return cluster.create(CONFIG_MAPS, {"metadata": {"namespace": namespace, "name": name, **metadata}})


def deployment(namespace: str, name: str) -> dict[str, Any]:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    spec = {"selector": {"matchLabels": {"a": "b"}}, "template": template}
    return {"metadata": {"namespace": namespace, "name": name}, "spec": spec}


def test_what_is_there_and_what_comes_is_known_and_told(cluster: Cluster, namespace: str, watch: Watch) -> None:
    made = config_map(cluster, namespace, "old", labels={"l": "1"})["metadata"]
    watcher = watch(cluster)
    watcher.observer.follow("me", [CONFIG])
    assert watcher.observer.wait_synced([CONFIG], DEADLINE)
    seen = watcher.observer.get(ObjectRef("", "ConfigMap", namespace, "old"))
    assert seen is not None
    assert (seen.uid, seen.version, seen.generation) == (made["uid"], made["resourceVersion"], 0)
    assert seen.marks == marks_of(made)
    assert seen.verdict.health is Health.CURRENT
    config_map(cluster, namespace, "new")
    watcher.wait(lambda: watcher.told("new"))  # what comes and goes while a watch is broken off need not be told
    cluster.delete(CONFIG_MAPS, namespace, "new")
    watcher.wait(lambda: len(watcher.told("new")) == 2)
    (before, there), (last, after) = watcher.told("new")
    assert (before, after) == (None, None)
    assert there is not None
    assert last == there
    assert watcher.observer.get(ObjectRef("", "ConfigMap", namespace, "new")) is None


def test_a_change_of_health_is_told_with_what_was_before(cluster: Cluster, namespace: str, watch: Watch) -> None:
    cluster.create(DEPLOYMENTS, deployment(namespace, "d"))
    watcher = watch(cluster)
    watcher.observer.follow("me", [DEPLOYMENT])
    assert watcher.observer.wait_synced([DEPLOYMENT], DEADLINE)
    conditions = [
        {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"},
        {"type": "Available", "status": "True"},
    ]
    counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), 1)
    status = {"observedGeneration": 1, "conditions": conditions, **counts}
    cluster.patch(DEPLOYMENTS, namespace, "d", {"status": status}, subresource="status")
    watcher.wait(lambda: len(watcher.told("d")) == 2)
    old, new = watcher.told("d")[1]
    assert old is not None
    assert new is not None
    assert (old.verdict.health, new.verdict.health) == (Health.IN_PROGRESS, Health.CURRENT)
    assert old._replace(version=new.version, verdict=new.verdict) == new  # the status is no part of what drift looks at


def test_two_who_follow_a_kind_share_its_watch_and_the_last_one_ends_it(
    cluster: Cluster, namespace: str, watch: Watch
) -> None:
    watcher = watch(cluster, linger_seconds=0.05)
    watcher.observer.follow("one", [CONFIG])
    watcher.observer.follow("two", [CONFIG])
    assert watcher.observer.wait_synced([CONFIG], DEADLINE)
    config_map(cluster, namespace, "once")
    watcher.wait(lambda: watcher.told("once"))
    watcher.observer.forget("one")
    assert watcher.observer.is_synced(*CONFIG)
    config_map(cluster, namespace, "still")
    watcher.wait(lambda: watcher.told("still"))
    assert len(watcher.told("once")) == 1
    watcher.observer.forget("two")
    wait_until(lambda: not watcher.observer.kinds)
    assert not watcher.observer.is_synced(*CONFIG)
    assert watcher.observer.count == 0


def test_a_kind_that_is_followed_again_in_time_goes_on_without_a_new_list(cluster: Cluster, watch: Watch) -> None:
    watcher = watch(cluster, linger_seconds=60)
    watcher.observer.follow("one", [CONFIG])
    assert watcher.observer.wait_synced([CONFIG], DEADLINE)
    told = len(watcher.changes)
    watcher.observer.forget("one")
    watcher.observer.follow("two", [CONFIG])
    assert watcher.observer.is_synced(*CONFIG)
    assert len(watcher.changes) == told


def test_following_other_kinds_replaces_the_ones_before(cluster: Cluster, watch: Watch) -> None:
    watcher = watch(cluster, linger_seconds=0)
    watcher.observer.follow("me", [CONFIG, DEPLOYMENT])
    assert watcher.observer.wait_synced([CONFIG, DEPLOYMENT], DEADLINE)
    watcher.observer.follow("me", [DEPLOYMENT])
    wait_until(lambda: watcher.observer.kinds == (DEPLOYMENT,))
    assert watcher.observer.is_synced(*DEPLOYMENT)


def test_the_data_of_secrets_are_never_asked_for(new_control_plane: Callable[..., ControlPlane], watch: Watch) -> None:
    plane = new_control_plane("api", audit=True)
    account = plane.account("default", "watcher")
    binding = {
        "metadata": {"name": "watcher"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "namespace": "default", "name": "watcher"}],
    }
    plane.api.text("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", binding)
    namespace = plane.create_namespace()
    plane.api.text(
        "POST", f"/api/v1/namespaces/{namespace}/secrets", {"metadata": {"name": "s"}, "stringData": {"k": "planted"}}
    )
    cluster = Cluster(load(kubeconfig=str(account.kubeconfig), environ={}))
    watcher = watch(cluster)
    watcher.observer.follow("me", [("", "Secret")])
    assert watcher.observer.wait_synced([("", "Secret")], DEADLINE)
    assert watcher.observer.get(ObjectRef("", "Secret", namespace, "s")) is not None
    answers = [
        event["responseObject"]["kind"]
        for event in plane.audit_events(user="system:serviceaccount:default:watcher")
        if event.get("responseObject") and event["objectRef"].get("resource") == SECRETS.plural
    ]
    assert set(answers) <= {"PartialObjectMetadataList", "PartialObjectMetadata"}
    cluster.close()


def test_after_stop_nothing_is_told_and_nothing_waits(cluster: Cluster, namespace: str, watch: Watch) -> None:
    watcher = watch(cluster)
    watcher.observer.follow("me", [CONFIG])
    assert watcher.observer.wait_synced([CONFIG], DEADLINE)
    watcher.observer.stop()
    told = len(watcher.changes)
    config_map(cluster, namespace, "late")
    watcher.observer.follow("me", [DEPLOYMENT])
    assert not watcher.observer.wait_synced([DEPLOYMENT], DEADLINE)
    assert len(watcher.changes) == told


def test_waiting_for_a_kind_that_nobody_follows_ends_at_once(cluster: Cluster, watch: Watch) -> None:
    began = time.monotonic()
    assert not watch(cluster).observer.wait_synced([CONFIG], DEADLINE)
    assert time.monotonic() - began < 1


def wait_until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)  # what is waited for has no event of its own
