"""The informer while its API server goes away, comes back, hangs, and has forgotten what happened meanwhile."""

import base64
import json
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from engine.kube.client import Cluster
from engine.kube.config import load
from engine.kube.errors import Gone, Unreachable
from engine.kube.refs import Resource
from engine.kube.watch import Informer, Problem
from tests.kit.controlplane import ControlPlane

pytestmark = pytest.mark.cluster

CONFIGS = Resource("", "v1", "configmaps", "ConfigMap")
DEADLINE = 30.0


@pytest.fixture
def plane(unsteady_control_plane: ControlPlane) -> ControlPlane:
    return unsteady_control_plane


@pytest.fixture
def cluster(plane: ControlPlane) -> Iterator[Cluster]:
    cluster = Cluster(load(kubeconfig=str(plane.kubeconfig), environ={}))
    yield cluster
    cluster.close()


class Follower:
    """An informer of one namespace whose values are `data.k`, with all that it has told."""

    def __init__(self, cluster: Cluster, namespace: str, **options: Any) -> None:
        self.changes: list[tuple[str, str | None]] = []
        self.problems: list[Problem] = []
        self._news = threading.Condition()
        self.informer: Informer[str] = Informer(
            cluster,
            CONFIGS,
            decode=lambda item: item["data"]["k"],
            on_change=self._changed,
            on_problem=self._problem,
            namespace=namespace,
            **options,
        )
        self.informer.start()

    def wait(self, condition: Callable[[], object]) -> None:
        with self._news:
            assert self._news.wait_for(condition, DEADLINE), (self.changes, self.problems)

    def _changed(self, _: str, name: str, value: str | None) -> None:
        with self._news:
            self.changes.append((name, value))
            self._news.notify_all()

    def _problem(self, problem: Problem) -> None:
        with self._news:
            self.problems.append(problem)
            self._news.notify_all()


@pytest.fixture
def follow(cluster: Cluster, plane: ControlPlane) -> Iterator[Callable[..., tuple[Follower, str]]]:
    """A synced follower of a new namespace with ConfigMaps a, b and c; and that namespace."""
    followers: list[Follower] = []

    def start(*, by: Cluster = cluster, **options: Any) -> tuple[Follower, str]:
        namespace = plane.create_namespace()
        for name in "abc":
            make(cluster, namespace, name)
        followers.append(Follower(by, namespace, **options))
        assert followers[-1].informer.wait_synced(DEADLINE)
        wait_for(lambda: followers[-1].informer.healthy)
        return followers[-1], namespace

    yield start
    for follower in followers:
        follower.informer.stop()


def make(cluster: Cluster, namespace: str, name: str) -> None:
    cluster.create(CONFIGS, {"metadata": {"namespace": namespace, "name": name}, "data": {"k": "0"}})


def wait_for(condition: Callable[[], object]) -> None:
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)  # what is waited for has no event of its own


def etcd(plane: ControlPlane, call: str, **body: Any) -> dict[str, Any]:
    """Ask the storage itself, over its JSON gateway."""
    request = urllib.request.Request(f"{plane.etcd_url}/v3/kv/{call}", json.dumps(body).encode())  # noqa: S310  loopback
    with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310  loopback
        answer: dict[str, Any] = json.load(response)
    return answer


def key(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_a_server_that_is_killed_and_comes_back(
    plane: ControlPlane, cluster: Cluster, follow: Callable[..., tuple[Follower, str]]
) -> None:
    follower, namespace = follow()
    plane.pause()
    wait_for(lambda: not follower.informer.healthy)
    follower.wait(lambda: len(follower.problems) >= 4)
    assert isinstance(follower.informer.last_error, Unreachable)
    assert follower.informer.get(namespace, "a") == "0"
    assert follower.informer.is_synced
    with pytest.raises(Unreachable) as caught:
        make(cluster, namespace, "d")
    assert not caught.value.sent
    assert plane.server in str(caught.value)
    assert str(plane.kubeconfig) in (caught.value.hint or "")
    plane.resume()
    wait_for(lambda: follower.informer.healthy)
    assert sorted(follower.changes) == [("a", "0"), ("b", "0"), ("c", "0")]
    cluster.patch(CONFIGS, namespace, "b", {"data": {"k": "1"}})
    follower.wait(lambda: follower.changes[-1] == ("b", "1"))


def test_what_happened_while_the_point_to_resume_from_was_forgotten(
    plane: ControlPlane, cluster: Cluster, follow: Callable[..., tuple[Follower, str]]
) -> None:
    """While no API server runs, an object vanishes from the storage, and the storage forgets its history."""
    follower, namespace = follow()
    plane.pause()
    wait_for(lambda: not follower.informer.healthy)
    etcd(plane, "deleterange", key=key(f"/registry/configmaps/{namespace}/b"))
    revision = etcd(plane, "range", key=key("/registry"))["header"]["revision"]
    etcd(plane, "compaction", revision=revision, physical=True)
    plane.resume()
    follower.wait(lambda: ("b", None) in follower.changes)
    wait_for(lambda: follower.informer.healthy)
    assert set(follower.informer.items()) == {(namespace, "a"), (namespace, "c")}
    assert sorted(follower.changes[:3]) == [("a", "0"), ("b", "0"), ("c", "0")]
    assert follower.changes[3:] == [("b", None)]
    assert [problem for problem in follower.problems if isinstance(problem.error, Gone)]
    make(cluster, namespace, "b")
    follower.wait(lambda: follower.changes[4:] == [("b", "0")])


def test_a_server_that_hangs_is_noticed_by_its_silence_and_holds_up_no_stop(
    plane: ControlPlane, cluster: Cluster, follow: Callable[..., tuple[Follower, str]]
) -> None:
    quick = Cluster(cluster.connection, timeout_seconds=0.5)
    follower, namespace = follow(by=quick, inactivity_seconds=1.0)
    plane.pause(freeze=True)
    with pytest.raises(Unreachable, match=r"nothing came for 0.5 s"):
        quick.get(CONFIGS, namespace, "a")
    follower.wait(lambda: follower.problems)
    assert isinstance(follower.problems[0].error, Unreachable)
    assert not follower.informer.healthy
    plane.resume()
    wait_for(lambda: follower.informer.healthy)
    cluster.patch(CONFIGS, namespace, "b", {"data": {"k": "1"}})
    follower.wait(lambda: follower.changes[-1] == ("b", "1"))

    plane.pause(freeze=True)
    began = time.monotonic()
    follower.informer.stop()
    assert time.monotonic() - began < 0.5, "the time limit of a request was waited for"
    assert not follower.informer.is_running
    plane.resume()
    quick.close()
