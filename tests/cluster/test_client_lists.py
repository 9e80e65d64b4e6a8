"""Lists of a real API server: pages, selectors, and a list that the server forgets half way."""

import base64
import json
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from engine.kube.client import Cluster
from engine.kube.config import load
from engine.kube.discovery import Discovery, serves
from engine.kube.errors import Gone
from engine.kube.refs import EVENTS, NAMESPACES, SECRETS, Resource
from tests.kit.controlplane import ControlPlane

pytestmark = pytest.mark.cluster

CONFIGS = Resource("", "v1", "configmaps", "ConfigMap")
COUNT = 1200


def connect(control_plane: ControlPlane) -> Cluster:
    return Cluster(load(kubeconfig=str(control_plane.kubeconfig), environ={}))


@pytest.fixture
def cluster(control_plane: ControlPlane) -> Iterator[Cluster]:
    cluster = connect(control_plane)
    yield cluster
    cluster.close()


def fill(cluster: Cluster, namespace: str, count: int) -> list[str]:
    """Create so many ConfigMaps; gives their names in the order of lists."""
    names = [f"config-{number:05}" for number in range(count)]

    def create(name: str) -> None:
        labels = {"parity": "even" if int(name[-1]) % 2 == 0 else "odd"}
        cluster.create(CONFIGS, {"metadata": {"namespace": namespace, "name": name, "labels": labels}})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(create, names))
    return names


def names_of(objects: Any) -> list[str]:
    return [item["metadata"]["name"] for item in objects]


def test_a_list_of_many_pages_is_whole(cluster: Cluster, namespace: str) -> None:
    names = fill(cluster, namespace, COUNT)
    pages = list(cluster.list_pages(CONFIGS, namespace))
    assert [len(page["items"]) for page in pages] == [500, 500, 200]
    assert len({page["metadata"]["resourceVersion"] for page in pages}) == 1
    assert names_of(cluster.list(CONFIGS, namespace)) == names
    assert names_of(cluster.list(CONFIGS, namespace, page=7, limit=20)) == names[:20]
    assert names_of(cluster.list(CONFIGS, namespace, label_selector="parity=odd")) == names[1::2]
    assert names_of(cluster.list(CONFIGS, namespace, field_selector="metadata.name=config-00003")) == names[3:4]
    assert {item["kind"] for item in cluster.list(CONFIGS, namespace)} == {"ConfigMap"}
    assert set(names) <= set(names_of(cluster.list(CONFIGS)))


def test_a_list_without_a_namespace_of_what_has_none(cluster: Cluster, namespace: str) -> None:
    assert namespace in names_of(cluster.list(NAMESPACES))
    assert cluster.get(NAMESPACES, None, namespace)["status"] == {"phase": "Active"}


def etcd(plane: ControlPlane, call: str, **body: Any) -> dict[str, Any]:
    """Ask the storage itself, over its JSON gateway."""
    request = urllib.request.Request(f"{plane.etcd_url}/v3/kv/{call}", json.dumps(body).encode())  # noqa: S310  loopback
    with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310  loopback
        answer: dict[str, Any] = json.load(response)
    return answer


def compact(plane: ControlPlane) -> None:
    """Make the storage forget everything but the present, as it does by itself after five minutes."""
    key = base64.b64encode(b"/registry").decode()
    revision = etcd(plane, "range", key=key)["header"]["revision"]
    etcd(plane, "compaction", revision=revision, physical=True)


def test_a_list_forgotten_half_way_starts_again(new_control_plane: Callable[..., ControlPlane]) -> None:
    """The server's own cache would hide it: it is switched off."""
    plane = new_control_plane(api_server_flags=["--watch-cache=false"])
    namespace = plane.create_namespace()
    cluster = connect(plane)
    names = fill(cluster, namespace, 30)
    listed = cluster.list(CONFIGS, namespace, page=10)
    seen = names_of(next(listed) for _ in range(10))
    cluster.delete(CONFIGS, namespace, names[0])
    cluster.delete(CONFIGS, namespace, names[20])
    cluster.create(CONFIGS, {"metadata": {"namespace": namespace, "name": "a-first"}})
    compact(plane)
    seen += names_of(listed)
    assert seen == [*names[:10], "a-first", *names[10:20], *names[21:]]

    pages = cluster.list_pages(CONFIGS, namespace, page=10)
    next(pages)
    cluster.create(CONFIGS, {"metadata": {"namespace": namespace, "name": "b-second"}})
    compact(plane)
    with pytest.raises(Gone) as caught:
        next(pages)
    assert caught.value.status == 410
    cluster.close()


@pytest.mark.parametrize(
    ("resource", "is_served"),
    [
        (SECRETS, True),
        (Resource("apps", "v1", "deployments", "Deployment"), True),
        (Resource("apps", "v9", "deployments", "Deployment"), False),
        (Resource("apps", "v1", "widgets", "Widget"), False),
        (Resource("widgets.example.org", "v1", "widgets", "Widget"), False),
        (Resource("", "v9", "secrets", "Secret"), False),
    ],
)
def test_what_the_server_serves(cluster: Cluster, resource: Resource, is_served: bool) -> None:
    assert serves(cluster, resource) is is_served


def test_kinds_are_found_as_manifests_and_people_name_them(cluster: Cluster) -> None:
    discovery = Discovery(cluster)
    deployments = Resource("apps", "v1", "deployments", "Deployment")
    assert discovery.find("apps", "Deployment") == discovery.find("apps", "Deployment", "v1") == deployments
    assert discovery.find("", "Namespace") == NAMESPACES
    assert discovery.find("apps", "Deployment", "v9") is None
    assert discovery.find("", "Deployment") is None
    for word in ("deploy", "deployment", "Deployments", "deployments.apps"):
        assert discovery.named(word) == deployments
    assert discovery.named("secret") == SECRETS
    assert discovery.named("ev") == EVENTS
    assert discovery.named("events.events.k8s.io") == Resource("events.k8s.io", "v1", "events", "Event")
    assert discovery.named("nonsense") is None
    served = next(served for served in discovery.all() if served.resource == deployments)
    assert "status" in served.subresources
    assert {"get", "list", "watch", "patch"} <= set(served.verbs)


def test_a_kind_that_comes_later_is_found_without_asking_each_time(cluster: Cluster) -> None:
    now = [100.0]
    discovery = Discovery(cluster, clock=lambda: now[0])
    asked: list[str] = []
    request = cluster.request
    cluster.request = lambda method, path, **options: asked.append(path) or request(method, path, **options)  # type: ignore[method-assign]  # counts
    plural, group = "gadgets", "kseal-test.example.org"
    assert discovery.find(group, "Gadget") is None
    crds = Resource("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", False)
    schema = {"openAPIV3Schema": {"type": "object"}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    names = {"plural": plural, "kind": "Gadget", "singular": "gadget", "shortNames": ["gdg"]}
    spec = {"group": group, "scope": "Namespaced", "names": names, "versions": [version]}
    cluster.apply(crds, crd(f"{plural}.{group}", spec), field_manager="test")
    assert discovery.find(group, "Gadget") is None
    assert [path for path in asked if path in ("/api", "/apis")] == ["/api", "/apis"]
    found = None
    while found is None:  # the server itself takes a moment to serve it
        now[0] += 10
        found = discovery.named("gdg")
    assert found == Resource(group, "v1", plural, "Gadget")
    assert serves(cluster, found)


def crd(name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": name},
        "spec": spec,
    }
