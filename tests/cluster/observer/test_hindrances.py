"""The observer where a watch cannot be had: RBAC, kinds that come later or go, an API server that is away."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from engine.kube.client import Cluster
from engine.kube.config import load
from engine.kube.errors import Forbidden, NotServed
from engine.kube.refs import CONFIG_MAPS, ObjectRef, Resource
from tests.cluster.observer.conftest import DEADLINE, Watcher
from tests.kit.controlplane import ControlPlane

pytestmark = pytest.mark.cluster
Watch = Callable[..., Watcher]

CONFIG = ("", "ConfigMap")
CRD = ("apiextensions.k8s.io", "CustomResourceDefinition")
RBAC = "/apis/rbac.authorization.k8s.io/v1"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@pytest.fixture
def weak(control_plane: ControlPlane, namespace: str) -> Iterator[Cluster]:
    """A client whose account may do nothing yet."""
    cluster = Cluster(load(kubeconfig=str(control_plane.account(namespace, "weak").kubeconfig), environ={}))
    yield cluster
    cluster.close()


def allow(plane: ControlPlane, namespace: str) -> str:
    """Let the account watch ConfigMaps everywhere. Returns the path of the binding, to take that back."""
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list", "watch"]}]
    plane.api.text("POST", f"{RBAC}/clusterroles", {"metadata": {"name": namespace}, "rules": rules})
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": namespace}
    subject = {"kind": "ServiceAccount", "namespace": namespace, "name": "weak"}
    binding = {"metadata": {"name": namespace}, "roleRef": role, "subjects": [subject]}
    plane.api.text("POST", f"{RBAC}/clusterrolebindings", binding)
    return f"{RBAC}/clusterrolebindings/{namespace}"


def definition(group: str, *versions: str) -> dict[str, Any]:
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    served = [
        {"name": version, "served": True, "storage": version == versions[0], "schema": schema} for version in versions
    ]
    names = {"plural": "things", "kind": "Thing"}
    return {
        "metadata": {"name": f"things.{group}"},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": served},
    }


def test_a_refused_kind_is_told_once_visible_and_hinders_no_other(
    control_plane: ControlPlane, namespace: str, weak: Cluster, watch: Watch
) -> None:
    allow(control_plane, namespace)
    watcher = watch(weak, refused_seconds=0.02)
    secret = ("", "Secret")
    watcher.observer.follow("me", [CONFIG, secret])
    assert not watcher.observer.wait_synced([secret], DEADLINE)
    assert watcher.observer.wait_synced([CONFIG], DEADLINE)
    watcher.wait(lambda: watcher.problems)
    for _ in range(5):  # a few more tries
        watcher.observer.wait_synced([CONFIG], 0.05)
    (problem,) = watcher.problems
    assert (problem.group, problem.kind, problem.is_refused) == ("", "Secret", True)
    assert isinstance(problem.error, Forbidden)
    assert not watcher.observer.is_synced(*secret)
    wait_until(lambda: watcher.observer.refused == (secret,))


def test_a_kind_is_seen_once_somebody_allows_it(
    control_plane: ControlPlane, namespace: str, weak: Cluster, watch: Watch
) -> None:
    watcher = watch(weak, refused_seconds=0.1)
    watcher.observer.follow("me", [CONFIG])
    assert not watcher.observer.wait_synced([CONFIG], DEADLINE)
    allow(control_plane, namespace)
    wait_until(lambda: watcher.observer.is_synced(*CONFIG))
    assert watcher.observer.refused == ()


def test_a_kind_that_is_forbidden_while_it_is_watched_is_not_known_any_more(
    control_plane: ControlPlane, namespace: str, weak: Cluster, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.kube.watch.WATCH_SECONDS", 1)  # a watch is asked for again that often
    binding = allow(control_plane, namespace)
    watcher = watch(weak)
    watcher.observer.follow("me", [CONFIG])
    assert watcher.observer.wait_synced([CONFIG], DEADLINE)
    control_plane.api.text("DELETE", binding)
    wait_until(lambda: watcher.observer.refused == (CONFIG,))
    assert watcher.observer.count == 0
    assert not any(new is None for _, _, new in watcher.changes)  # what is not seen has not vanished


def test_a_kind_that_comes_later_is_seen_as_soon_as_it_is_there(
    control_plane: ControlPlane, cluster: Cluster, namespace: str, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.kube.discovery.REFRESH_SECONDS", 0.0)
    group, things = f"{namespace}.example.org", (f"{namespace}.example.org", "Thing")
    watcher = watch(cluster, unserved_seconds=600)
    watcher.observer.follow("me", [things, CRD])
    assert not watcher.observer.wait_synced([things], DEADLINE)
    watcher.wait(lambda: watcher.problems)
    assert isinstance(watcher.problems[0].error, NotServed)
    assert not watcher.problems[0].is_refused
    control_plane.api.text("POST", CRDS, definition(group, "v1"))
    wait_until(lambda: watcher.observer.is_synced(*things))


def test_with_its_definition_the_objects_of_a_kind_are_gone(
    control_plane: ControlPlane, cluster: Cluster, namespace: str, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.kube.discovery.REFRESH_SECONDS", 0.0)
    group, things = f"{namespace}.example.org", (f"{namespace}.example.org", "Thing")
    control_plane.api.text("POST", CRDS, definition(group, "v1"))
    control_plane.wait_established(f"things.{group}")
    cluster.create(Resource(group, "v1", "things", "Thing"), make("Thing", f"{group}/v1", namespace, "t"))
    watcher = watch(cluster, unserved_seconds=0.1)
    watcher.observer.follow("me", [things])
    assert watcher.observer.wait_synced([things], DEADLINE)
    control_plane.api.text("DELETE", f"{CRDS}/things.{group}")
    watcher.wait(lambda: len(watcher.told("t")) >= 2)
    assert watcher.told("t")[-1][1] is None
    wait_until(lambda: not watcher.observer.is_synced(*things))


def test_an_api_server_that_restarts_is_ridden_out(unsteady_control_plane: ControlPlane, watch: Watch) -> None:
    plane = unsteady_control_plane
    cluster = Cluster(load(kubeconfig=str(plane.kubeconfig), environ={}))
    namespace = plane.create_namespace()
    for name in ("stays", "goes"):
        cluster.create(CONFIG_MAPS, make("ConfigMap", "v1", namespace, name))
    watcher = watch(cluster)
    watcher.observer.follow("me", [CONFIG])
    assert watcher.observer.wait_synced([CONFIG], DEADLINE)
    plane.pause()
    watcher.wait(lambda: watcher.problems)
    wait_until(lambda: not watcher.observer.is_synced(*CONFIG))
    assert watcher.observer.get(ObjectRef("", "ConfigMap", namespace, "stays")) is not None
    plane.resume()
    cluster.delete(CONFIG_MAPS, namespace, "goes")
    watcher.wait(lambda: watcher.told("goes")[-1][1] is None)
    wait_until(lambda: watcher.observer.is_synced(*CONFIG))
    assert len(watcher.told("stays")) == 1
    assert len(watcher.problems) == 1
    cluster.close()


def make(kind: str, api_version: str, namespace: str, name: str) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"namespace": namespace, "name": name}}


def wait_until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)  # what is waited for has no event of its own
