"""The informer against a real API server: what it tells of objects, and what it asks the server for."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from engine.kube import watch
from engine.kube.client import Cluster
from engine.kube.config import load
from engine.kube.errors import Forbidden, NotServed
from engine.kube.refs import NAMESPACES, SECRETS, Resource
from engine.kube.watch import Informer, Problem
from tests.kit.controlplane import ControlPlane

pytestmark = pytest.mark.cluster

CONFIGS = Resource("", "v1", "configmaps", "ConfigMap")
ROLES = Resource("rbac.authorization.k8s.io", "v1", "roles", "Role")
BINDINGS = Resource("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding")
CRDS = Resource("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", False)
DEADLINE = 30.0
PLANTED = "aHVudGVyMi1wbGFudGVk"


class Follower:
    """An informer whose values are whole objects, with all that it has told."""

    def __init__(self, cluster: Cluster, resource: Resource = CONFIGS, **options: Any) -> None:
        self.changes: list[tuple[str, dict[str, Any] | None]] = []
        self.problems: list[Problem] = []
        self._news = threading.Condition()
        settings: dict[str, Any] = {"decode": lambda item: item, **options}
        self.informer: Informer[dict[str, Any]] = Informer(
            cluster, resource, on_change=self._changed, on_problem=self._problem, **settings
        )
        self.informer.start()

    def names(self) -> list[tuple[str, bool]]:
        """The changes so far: which name, and whether it was there afterwards."""
        return [(name, value is not None) for name, value in self.changes]

    def wait(self, condition: Callable[[], object]) -> None:
        with self._news:
            assert self._news.wait_for(condition, DEADLINE), (self.names(), self.problems)

    def _changed(self, _: str, name: str, value: dict[str, Any] | None) -> None:
        with self._news:
            self.changes.append((name, value))
            self._news.notify_all()

    def _problem(self, problem: Problem) -> None:
        with self._news:
            self.problems.append(problem)
            self._news.notify_all()


@pytest.fixture
def cluster(control_plane: ControlPlane) -> Iterator[Cluster]:
    cluster = Cluster(load(kubeconfig=str(control_plane.kubeconfig), environ={}))
    yield cluster
    cluster.close()


@pytest.fixture
def follow(cluster: Cluster, namespace: str) -> Iterator[Callable[..., Follower]]:
    """Starts a follower of this test's namespace."""
    followers: list[Follower] = []

    def start(resource: Resource = CONFIGS, *, by: Cluster = cluster, **options: Any) -> Follower:
        followers.append(Follower(by, resource, **{"namespace": namespace, **options}))
        return followers[-1]

    yield start
    for follower in followers:
        follower.informer.stop()


def make(cluster: Cluster, namespace: str, name: str, value: str = "0", **metadata: Any) -> dict[str, Any]:
    whole = {"metadata": {"namespace": namespace, "name": name, **metadata}, "data": {"k": value}}
    return cluster.create(CONFIGS, whole)


def change(cluster: Cluster, namespace: str, name: str, value: str) -> None:
    cluster.patch(CONFIGS, namespace, name, {"data": {"k": value}})


def wait_for(condition: Callable[[], object]) -> None:
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)  # what is waited for has no event of its own


def test_what_is_there_and_what_comes_is_told_in_order(
    cluster: Cluster, namespace: str, follow: Callable[..., Follower]
) -> None:
    made = make(cluster, namespace, "a")
    follower = follow()
    assert follower.informer.wait_synced(DEADLINE)
    assert follower.changes == [("a", made)]
    for value in ("1", "2", "3"):
        change(cluster, namespace, "a", value)
    make(cluster, namespace, "b")
    cluster.delete(CONFIGS, namespace, "a")
    follower.wait(lambda: follower.names()[-1:] == [("a", False)])
    values = [value and value["data"]["k"] for name, value in follower.changes if name == "a"]
    assert values == ["0", "1", "2", "3", None]
    assert set(follower.informer.items()) == {(namespace, "b")}
    assert follower.informer.get(namespace, "a") is None
    assert follower.informer.healthy
    assert not follower.problems


def test_objects_are_whole_and_say_what_they_are(
    cluster: Cluster, namespace: str, follow: Callable[..., Follower]
) -> None:
    make(cluster, namespace, "a")
    follower = follow()
    follower.informer.wait_synced(DEADLINE)
    make(cluster, namespace, "b")
    follower.wait(lambda: len(follower.changes) == 2)
    for _, value in follower.changes:
        assert (value["apiVersion"], value["kind"], value["data"]) == ("v1", "ConfigMap", {"k": "0"})


def test_a_first_list_of_several_pages_is_whole(
    cluster: Cluster, namespace: str, follow: Callable[..., Follower]
) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: make(cluster, namespace, f"c{number}"), range(55)))
    follower = follow(page=10)
    assert follower.informer.wait_synced(DEADLINE)
    assert len(follower.informer.items()) == 55
    assert len(follower.changes) == 55


def test_many_writers_end_in_the_same_state_as_a_list(
    cluster: Cluster, namespace: str, follow: Callable[..., Follower]
) -> None:
    follower = follow()

    def write(number: int) -> None:
        name = f"c{number}"
        make(cluster, namespace, name)
        for value in range(1, 6):
            change(cluster, namespace, name, str(value))
        if number % 3 == 0:
            cluster.delete(CONFIGS, namespace, name)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(60)))
    make(cluster, namespace, "last")
    follower.wait(lambda: follower.names()[-1:] == [("last", True)])
    live = {(namespace, item["metadata"]["name"]): item for item in cluster.list(CONFIGS, namespace)}
    assert follower.informer.items() == live
    for number in range(60):
        values = [value and int(value["data"]["k"]) for name, value in follower.changes if name == f"c{number}"]
        told = [value for value in values if value is not None]
        assert told == sorted(told)
        assert (values[-1] is None) == (number % 3 == 0)


def test_an_object_that_leaves_the_selection_is_gone(
    cluster: Cluster, namespace: str, follow: Callable[..., Follower]
) -> None:
    follower = follow(label_selector="team=a")
    follower.informer.wait_synced(DEADLINE)
    make(cluster, namespace, "x", labels={"team": "b"})
    make(cluster, namespace, "y", labels={"team": "a"})
    cluster.patch(CONFIGS, namespace, "y", {"metadata": {"labels": {"team": "b"}}})
    cluster.patch(CONFIGS, namespace, "x", {"metadata": {"labels": {"team": "a"}}})
    follower.wait(lambda: len(follower.changes) == 3)
    assert follower.names() == [("y", True), ("y", False), ("x", True)]


def test_fields_select_too(cluster: Cluster, namespace: str, follow: Callable[..., Follower]) -> None:
    follower = follow(SECRETS, field_selector="type=kubernetes.io/basic-auth")
    follower.informer.wait_synced(DEADLINE)
    for name, kind in (("a", "Opaque"), ("b", "kubernetes.io/basic-auth")):
        secret = {"metadata": {"namespace": namespace, "name": name}, "type": kind, "stringData": {"username": "u"}}
        cluster.create(SECRETS, secret)
    follower.wait(lambda: follower.changes)
    assert follower.names() == [("b", True)]


def test_with_metadata_alone_no_value_ever_leaves_the_server(
    cluster: Cluster, namespace: str, follow: Callable[..., Follower]
) -> None:
    def secret(name: str) -> dict[str, Any]:
        return {"metadata": {"namespace": namespace, "name": name, "labels": {"l": "m"}}, "data": {"k": PLANTED}}

    cluster.create(SECRETS, secret("a"))
    follower = follow(SECRETS, metadata_only=True)
    follower.informer.wait_synced(DEADLINE)
    cluster.create(SECRETS, secret("b"))
    follower.wait(lambda: len(follower.changes) == 2)
    for _, value in follower.changes:
        assert set(value) == {"apiVersion", "kind", "metadata"}
        assert (value["apiVersion"], value["kind"], value["metadata"]["labels"]) == ("v1", "Secret", {"l": "m"})
    assert PLANTED not in repr(follower.changes)


def test_kinds_without_namespaces_and_all_namespaces(
    control_plane: ControlPlane, cluster: Cluster, namespace: str, follow: Callable[..., Follower]
) -> None:
    everywhere = follow(CONFIGS, namespace=None)
    spaces = follow(NAMESPACES, namespace=None)
    for follower in (everywhere, spaces):
        assert follower.informer.wait_synced(DEADLINE)
    assert spaces.informer.get("", namespace)["metadata"]["name"] == namespace
    make(cluster, namespace, "here")
    everywhere.wait(lambda: everywhere.informer.get(namespace, "here"))
    another = control_plane.create_namespace()
    spaces.wait(lambda: spaces.informer.get("", another))


def test_rights_that_come_later_are_enough(
    control_plane: ControlPlane, cluster: Cluster, namespace: str, follow: Callable[..., Follower]
) -> None:
    account = control_plane.account(namespace, "robot")
    robot = Cluster(load(kubeconfig=str(account.kubeconfig), environ={}))
    follower = follow(by=robot)
    follower.wait(lambda: follower.problems)
    assert isinstance(follower.problems[0].error, Forbidden)
    assert 'the verb "list" on "configmaps"' in (follower.problems[0].error.hint or "")
    assert not follower.informer.is_synced
    make(cluster, namespace, "a")
    grant(cluster, namespace, ["list"])
    follower.wait(lambda: follower.problems[-1].doing == "watch")
    assert 'the verb "watch" on "configmaps"' in (follower.problems[-1].error.hint or "")
    grant(cluster, namespace, ["list", "watch"])
    wait_for(lambda: follower.informer.healthy)
    assert follower.names() == [("a", True)]
    robot.close()


def grant(cluster: Cluster, namespace: str, verbs: list[str]) -> None:
    metadata = {"namespace": namespace, "name": "reader"}
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": verbs}]
    of = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": metadata}
    cluster.apply(ROLES, {**of, "kind": "Role", "rules": rules}, field_manager="test")
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"}
    subjects = [{"kind": "ServiceAccount", "namespace": namespace, "name": "robot"}]
    cluster.apply(BINDINGS, {**of, "kind": "RoleBinding", "roleRef": role, "subjects": subjects}, field_manager="test")


def test_a_kind_that_comes_goes_and_comes_again(
    cluster: Cluster, namespace: str, follow: Callable[..., Follower]
) -> None:
    gizmos = Resource(f"{namespace}.example.org", "v1", "gizmos", "Gizmo")
    follower = follow(gizmos)
    follower.wait(lambda: follower.problems)
    assert isinstance(follower.problems[0].error, NotServed)
    for round_, name in enumerate(("first", "second")):
        install(cluster, gizmos)
        wait_for(lambda: follower.informer.healthy)
        cluster.create(gizmos, gizmo(gizmos, namespace, name))
        follower.wait(lambda name=name: follower.informer.get(namespace, name))
        if round_ == 0:
            cluster.delete(CRDS, None, f"gizmos.{gizmos.group}")
            follower.wait(lambda: not follower.informer.items())
            wait_for(lambda: not follower.informer.healthy)
    assert set(follower.informer.items()) == {(namespace, "second")}


def gizmo(gizmos: Resource, namespace: str, name: str) -> dict[str, Any]:
    return {"apiVersion": gizmos.api_version, "kind": "Gizmo", "metadata": {"namespace": namespace, "name": name}}


def install(cluster: Cluster, gizmos: Resource) -> None:
    schema = {"openAPIV3Schema": {"type": "object"}}
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"gizmos.{gizmos.group}"},
        "spec": {
            "group": gizmos.group,
            "scope": "Namespaced",
            "names": {"plural": "gizmos", "kind": "Gizmo", "singular": "gizmo"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    }
    cluster.apply(CRDS, crd, field_manager="test")


def test_a_watch_resumes_without_a_new_list_and_bookmarks_move_it_on(
    new_control_plane: Callable[..., ControlPlane], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server ends each watch after a few seconds; what it was asked is in its audit log."""
    monkeypatch.setattr(watch, "WATCH_SECONDS", 4)
    plane = new_control_plane(audit=True)
    namespace, elsewhere = plane.create_namespace(), plane.create_namespace()
    cluster = Cluster(load(kubeconfig=str(plane.kubeconfig), environ={}))
    robot = Cluster(load(kubeconfig=str(plane.certificate_kubeconfig), environ={}))
    follower = Follower(robot, CONFIGS, namespace=namespace)
    follower.informer.wait_synced(DEADLINE)
    make(cluster, namespace, "a")
    follower.wait(lambda: len(follower.changes) == 1)
    quiet_since = follower.informer.last_activity
    other = make(cluster, elsewhere, "a")["metadata"]["resourceVersion"]
    wait_for(lambda: int(follower.informer._version or 0) >= int(other))
    assert follower.informer.last_activity > quiet_since
    asked = watches(plane)
    wait_for(lambda: len(watches(plane)) > len(asked))
    change(cluster, namespace, "a", "1")
    follower.wait(lambda: len(follower.changes) == 2)
    follower.informer.stop()
    lists = [event for event in requests(plane) if event["verb"] == "list"]
    assert len(lists) == 1
    assert not follower.problems
    assert all("allowWatchBookmarks=true" in uri for uri in watches(plane))
    cluster.close()
    robot.close()


def requests(plane: ControlPlane) -> list[dict[str, Any]]:
    events = plane.audit_events(user="kseal-admin-by-certificate")
    return [event for event in events if event["objectRef"]["resource"] == "configmaps"]


def watches(plane: ControlPlane) -> list[str]:
    return [event["requestURI"] for event in requests(plane) if event["verb"] == "watch"]
