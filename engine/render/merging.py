"""Patches that are objects, laid over others by the rules of strategic merging.

Only what needs no schema beyond a small table: mappings, the containers of pods with their variables and mounts by
name, and custom kinds, of which kustomize knows no schema either. All else raises Unusual.
Source: kubernetes-sigs/kustomize kyaml/yaml/merge2, kyaml/yaml/walk, and the OpenAPI document in kyaml.
"""

from copy import deepcopy
from typing import Any, Final, NamedTuple

from engine.render.base import Unusual
from engine.render.resources import Resource, check_pairs

_PODS: Final = {
    ("apps/v1", "Deployment"): ("spec", "template", "spec"),
    ("apps/v1", "StatefulSet"): ("spec", "template", "spec"),
    ("apps/v1", "DaemonSet"): ("spec", "template", "spec"),
    ("apps/v1", "ReplicaSet"): ("spec", "template", "spec"),
    ("batch/v1", "Job"): ("spec", "template", "spec"),
    ("batch/v1", "CronJob"): ("spec", "jobTemplate", "spec", "template", "spec"),
    ("v1", "Pod"): ("spec",),
}
_KEYS: Final = {"containers": "name", "initContainers": "name"}
_INNER_KEYS: Final = {"env": "name", "volumeMounts": "mountPath"}
_REPLACED: Final = ("args", "command")
_RBAC: Final = "rbac.authorization.k8s.io/v1"
_MERGED_KINDS: Final = frozenset(
    {
        *_PODS,
        *(("v1", kind) for kind in ("ConfigMap", "Secret", "Service", "ServiceAccount", "Namespace")),
        *((_RBAC, kind) for kind in ("Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding")),
        ("v1", "PersistentVolumeClaim"),
        ("networking.k8s.io/v1", "Ingress"),
        ("networking.k8s.io/v1", "NetworkPolicy"),
        ("policy/v1", "PodDisruptionBudget"),
        ("storage.k8s.io/v1", "StorageClass"),
        ("autoscaling/v2", "HorizontalPodAutoscaler"),
        ("apiregistration.k8s.io/v1", "APIService"),
    }
)
"""Built-in kinds whose mappings are merged here. Others may have lists with rules that this module does not know."""
_KEYED_ELSEWHERE: Final = ("ephemeralContainers", "resourceClaims", "schedulingGates")
"""Fields of pods that merge by keys which are not looked at here."""


def lay_over(resource: Resource, patch: dict[str, Any]) -> None:
    kind = resource.api_version, resource.kind
    is_custom = "." in resource.group and not resource.group.endswith("k8s.io")
    if (patch["apiVersion"], patch["kind"]) != kind or _has_null(resource.obj):
        raise Unusual("an object with nulls, or a patch of another kind")
    if not is_custom:
        if kind not in _MERGED_KINDS or "status" in resource.obj:
            raise Unusual("an object whose fields merge by rules of their own")
        _check_lists(resource.obj, _PODS.get(kind))
    name, namespace = resource.name, resource.namespace
    _merge(resource.obj, patch, (), _Lists(_PODS.get(kind), are_replaced=is_custom))
    metadata = resource.obj["metadata"]
    metadata["name"] = name
    metadata.pop("namespace", None)
    if namespace:
        metadata["namespace"] = namespace
    check_pairs(metadata)


def _has_null(node: Any) -> bool:
    if isinstance(node, dict):
        return any(one is None or _has_null(one) for one in node.values())
    return isinstance(node, list) and any(one is None or _has_null(one) for one in node)


def _check_lists(obj: dict[str, Any], pod: tuple[str, ...] | None) -> None:
    """The lists of the object itself are merged too, with nothing; that must not change them."""
    if "finalizers" in obj["metadata"] or "ownerReferences" in obj["metadata"]:
        raise Unusual("metadata with lists")
    spec: Any = obj.get("spec")
    lists: list[tuple[Any, str]] = [(obj.get(field), "name") for field in ("secrets", "imagePullSecrets")]
    if obj["kind"] == "Service" and isinstance(spec, dict):
        lists.append((spec.get("ports"), "port"))
    spec = obj
    for part in pod or ():
        spec = spec.get(part) if isinstance(spec, dict) else None
    if pod and isinstance(spec, dict):
        if any(field in spec for field in _KEYED_ELSEWHERE):
            raise Unusual("a pod with lists of another kind")
        lists += [
            (spec.get("volumes"), "name"),
            (spec.get("imagePullSecrets"), "name"),
            (spec.get("hostAliases"), "ip"),
        ]
        lists += [(spec.get("topologySpreadConstraints"), "topologyKey")]
        for field in _KEYS:
            lists.append((spec.get(field), "name"))
            for one in spec.get(field) or ():
                if isinstance(one, dict):
                    lists += [(one.get("env"), "name"), (one.get("volumeMounts"), "mountPath")]
                    lists += [(one.get("ports"), "containerPort"), (one.get("volumeDevices"), "devicePath")]
    for items, key in lists:
        if items is None:
            continue
        if not isinstance(items, list) or not all(
            isinstance(one, dict) and one.get(key) not in (None, "") for one in items
        ):
            raise Unusual("a list whose items have no name")
        if len({str(one[key]) for one in items}) != len(items):
            raise Unusual("a list with two items of one name")


class _Lists(NamedTuple):
    """What becomes of lists."""

    pod: tuple[str, ...] | None
    """Where the object has a pod, whose lists merge by keys."""
    are_replaced: bool
    """Whether nothing is known of the kind, so that a new list takes the place of the old one."""


def _merge(into: dict[str, Any], patch: dict[str, Any], path: tuple[str, ...], lists: _Lists) -> None:
    for key, value in patch.items():
        if key.startswith("$") or key == "":
            raise Unusual("a directive")
        if value is None:
            into.pop(key, None)
        elif isinstance(value, dict):
            if not value:
                raise Unusual("an empty mapping in a patch")
            if key not in into:
                _check_new(value)
                into[key] = deepcopy(value)
            elif isinstance(into[key], dict):
                _merge(into[key], value, (*path, key), lists)
            else:
                raise Unusual("a mapping over something else")
        elif isinstance(value, list):
            into[key] = _merged_list(into.get(key), value, (*path, key), lists)
        elif isinstance(into.get(key), dict | list):
            raise Unusual("a scalar over something else")
        else:
            into[key] = value


def _merged_list(old: Any, new: list[Any], path: tuple[str, ...], lists: _Lists) -> list[Any]:
    if lists.are_replaced and path[0] != "metadata" and (old is None or isinstance(old, list)):
        _check_new(new)
        return deepcopy(new)
    pod = lists.pod
    if pod is None or path[: len(pod)] != pod:
        raise Unusual("a list in a patch")
    rest = path[len(pod) :]
    in_container = len(rest) == 3 and rest[0] in _KEYS
    if in_container and rest[2] in _REPLACED and all(isinstance(one, str) for one in new) and new:
        return list(new)
    key = _KEYS.get(rest[0]) if len(rest) == 1 else _INNER_KEYS.get(rest[2]) if in_container else None
    if key is None or not new:
        raise Unusual("a list in a patch")
    items = {one[key]: one for one in old or ()}
    result: dict[Any, Any] = {}
    for one in new:
        if not isinstance(one, dict) or not isinstance(one.get(key), str) or one[key] in result:
            raise Unusual("an item without a name in a patch")
        if one[key] in items:
            _merge(items[one[key]], one, (*path, "*"), lists)
            result[one[key]] = items[one[key]]
        else:
            _check_new(one)
            result[one[key]] = deepcopy(one)
    # What the patch names comes first, the rest keeps its order behind it.
    return [*result.values(), *(one for name, one in items.items() if name not in result)]


def _check_new(value: Any) -> None:
    """What a patch brings as a whole is taken over as it is only without nulls, directives and empty mappings."""
    if isinstance(value, dict):
        if not value or any(one is None or key.startswith("$") for key, one in value.items()):
            raise Unusual("a null or a directive in a patch")
        for one in value.values():
            _check_new(one)
    elif isinstance(value, list):
        if not value:
            raise Unusual("an empty list in a patch")
        for one in value:
            _check_new(one)
