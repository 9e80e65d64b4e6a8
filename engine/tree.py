"""ownership_tree: the members of an apply set, what grew out of each by owner references, and how all of it stands.

Only kinds are looked at that built-in controllers make, one list for each kind and namespace: an object of another kind
has nothing below it here.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from engine.health.rules import judge
from engine.health.verdict import NOT_FOUND, Health, Verdict
from engine.inventory import Inventory, Member
from engine.kube.client import Cluster
from engine.kube.discovery import Discovery
from engine.kube.errors import ApiError, NotFound
from engine.kube.refs import ObjectRef, Resource

Object = dict[str, Any]
Kind = tuple[str, str]

_PODS: Final = Resource("", "v1", "pods", "Pod")
_REPLICA_SETS: Final = Resource("apps", "v1", "replicasets", "ReplicaSet")
_JOBS: Final = Resource("batch", "v1", "jobs", "Job")
_SLICES: Final = Resource("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice")
_BELOW: Final[Mapping[Kind, tuple[Resource, ...]]] = {
    ("apps", "Deployment"): (_REPLICA_SETS,),
    ("apps", "ReplicaSet"): (_PODS,),
    ("apps", "StatefulSet"): (_PODS,),
    ("apps", "DaemonSet"): (_PODS,),
    ("batch", "CronJob"): (_JOBS,),
    ("batch", "Job"): (_PODS,),
    ("", "ReplicationController"): (_PODS,),
    ("", "Service"): (_SLICES,),
}
_DEEPEST: Final = 8
_MOST: Final = 20_000
"""Objects of one kind in one namespace that are looked through."""


class Node(NamedTuple):
    """One object, the verdict on it, and what it owns."""

    ref: ObjectRef
    verdict: Verdict
    children: "tuple[Node, ...]" = ()


def ownership_tree(cluster: Cluster, discovery: Discovery, members: Inventory | Iterable[Member]) -> tuple[Node, ...]:
    """A node for each member, in their order. What cannot be asked for is UNKNOWN, with the cause.

    Raises: ApiError, when the server's table of kinds cannot be had.
    """
    return _Trees(cluster, discovery).of(members)


class _Trees:
    """The objects of one look: each list is asked for once."""

    def __init__(self, cluster: Cluster, discovery: Discovery) -> None:
        self._cluster = cluster
        self._discovery = discovery
        self._owned: dict[tuple[Resource, str], dict[str, list[Object]] | ApiError] = {}

    def of(self, members: Iterable[Member]) -> tuple[Node, ...]:
        return tuple(self._member(ref) for ref, _ in members)

    def _member(self, ref: ObjectRef) -> Node:
        resource = self._discovery.find(ref.group, ref.kind)
        if resource is None:
            return Node(ref, NOT_FOUND)
        if resource.namespaced and not ref.namespace:
            return Node(ref, Verdict(Health.NOT_FOUND, "names no namespace, so it was not applied"))
        try:
            obj = self._cluster.get(resource, ref.namespace or None, ref.name)
        except NotFound:
            return Node(ref, NOT_FOUND)
        except ApiError as error:
            return Node(ref, Verdict(Health.UNKNOWN, error.message))
        return self._node(ref, obj, 0)

    def _node(self, ref: ObjectRef, obj: Object, depth: int) -> Node:
        children: list[Node] = []
        if depth < _DEEPEST:
            for resource in _BELOW.get((ref.group, ref.kind), ()):
                children += self._children(resource, ref.namespace, obj["metadata"].get("uid", ""), depth)
        return Node(ref, judge(obj), tuple(children))

    def _children(self, resource: Resource, namespace: str, uid: str, depth: int) -> list[Node]:
        owned = self._owned_in(resource, namespace)
        if isinstance(owned, ApiError):
            ref = ObjectRef(resource.group, resource.kind, namespace, "*")
            return [Node(ref, Verdict(Health.UNKNOWN, owned.message))]
        return [
            self._node(ObjectRef(resource.group, resource.kind, namespace, obj["metadata"]["name"]), obj, depth + 1)
            for obj in owned.get(uid, ())
            if not _is_past(obj)
        ]

    def _owned_in(self, resource: Resource, namespace: str) -> dict[str, list[Object]] | ApiError:
        """The objects of a kind in a namespace by the uid of their owner; or why they cannot be had."""
        key = (resource, namespace)
        if key not in self._owned:
            found: dict[str, list[Object]] = {}
            try:
                for obj in self._cluster.list(resource, namespace, limit=_MOST):
                    for owner in obj["metadata"].get("ownerReferences") or ():
                        found.setdefault(owner.get("uid", ""), []).append(obj)
            except ApiError as error:
                self._owned[key] = error
            else:
                self._owned[key] = {
                    uid: sorted(objects, key=lambda obj: str(obj["metadata"]["name"])) for uid, objects in found.items()
                }
        return self._owned[key]


def _is_past(obj: Object) -> bool:
    """Whether it is the set of an earlier version, which a Deployment keeps for a way back: it has nothing left."""
    replicas = [(obj.get(part) or {}).get("replicas") for part in ("spec", "status")]
    return obj.get("kind") == "ReplicaSet" and replicas[0] == 0 and not replicas[1]
