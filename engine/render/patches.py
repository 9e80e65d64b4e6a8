"""Patches: lists of operations (RFC 6902), and objects that are laid over others.

Of the second kind only what needs no knowledge of a schema beyond a small table: mappings, and the containers of pods
with their variables and mounts, by name. All else raises Unusual. Source: kubernetes-sigs/kustomize
api/internal/builtins/PatchTransformer.go, kyaml/yaml/merge2; evanphx/json-patch v4.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any, Final, NamedTuple

from engine.kube.yaml import Dialect, YamlError, read_all
from engine.patterns import PatternError, compiled, shown
from engine.render.base import BuildError, Unusual
from engine.render.plain import objects_of
from engine.render.resources import Resource

_EXACT: Final = 2**53
"""Beyond it numbers of JSON are rounded, where it is read into floats."""
_SELECTED: Final = ("group", "version", "kind", "name", "namespace")
_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9_-]+")
_PLAIN_SELECTOR: Final = re.compile(r"[A-Za-z0-9./_-]+(==?|!=)[A-Za-z0-9._-]*|[A-Za-z0-9./_-]+")
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


def patch(resources: Sequence[Resource], text: str, target: Mapping[str, str] | None) -> None:
    """Apply one entry of `patches`: its text, and what it is meant for. Raises: Unusual."""
    text = text.strip()
    operations = _operations(text)
    if operations is not None:
        if target is None:
            raise Unusual("operations without a target")
        for resource in select(resources, target):
            resource.remember()
            _operate(resource, operations)
        return
    try:
        patches = objects_of(text.encode(), "patch")
    except (BuildError, UnicodeEncodeError):
        raise Unusual("a patch that cannot be read") from None
    if not patches or (target is not None and len(patches) > 1):
        raise Unusual("several patches for one target")
    for one in patches:
        for resource in select(resources, target) if target is not None else _same(resources, one):
            _lay_over(resource, one)


def _same(resources: Sequence[Resource], patch: dict[str, Any]) -> list[Resource]:
    """The object that a patch names by itself, by what it is or was called. Raises: Unusual."""
    own = Resource(patch, "patch")
    found = [
        one
        for one in resources
        if one.identity == own.identity
        or any(
            (one.group, one.version, kind, namespace, name) == own.identity for namespace, name, kind in one.previous
        )
    ]
    if len(found) != 1:
        raise Unusual("a patch for nothing, or for several")
    return found


def select(resources: Sequence[Resource], target: Mapping[str, str]) -> list[Resource]:
    """The objects that a selector means: anchored patterns, and labels. Raises: Unusual."""
    patterns = {field: _pattern(target[field]) for field in _SELECTED if target.get(field)}

    def fits(field: str, *values: str) -> bool:
        return field not in patterns or any(patterns[field](value) for value in values)

    labels, annotations = target.get("labelSelector", ""), target.get("annotationSelector", "")
    found = []
    for one in resources:
        namespace, name, _ = one.original
        metadata = one.obj["metadata"]
        if (
            fits("namespace", namespace, one.effective_namespace)
            and fits("name", name, one.name)
            and fits("group", one.group)
            and fits("version", one.version)
            and fits("kind", one.kind)
            and _has(metadata.get("labels") or {}, labels)
            and _has(metadata.get("annotations") or {}, annotations)
        ):
            found.append(one)
    return found


def _pattern(text: str) -> Callable[[str], bool]:
    if _PLAIN_NAME.fullmatch(text):
        return lambda value: value == text
    try:
        pattern = compiled(f"^(?:{text})$")
    except PatternError:
        raise Unusual("a pattern that cannot be read") from None
    return lambda value: pattern.search(shown(value)) is not None


def _has(pairs: Mapping[str, str], selector: str) -> bool:
    for part in selector.split(",") if selector else ():
        if not _PLAIN_SELECTOR.fullmatch(part.strip()):
            raise Unusual("a selector of another form")
        key, negated, value = part.strip().partition("!=")
        if negated:
            if pairs.get(key) == value:
                return False
            continue
        key, equals, value = part.strip().partition("=")
        if key not in pairs or (equals and pairs[key] != value.removeprefix("=")):
            return False
    return True


def _operations(text: str) -> list[Any] | None:
    """The operations of a text, None when it is none of such. Raises: Unusual."""
    if text.startswith("["):
        try:
            value = json.loads(text)
        except ValueError:
            raise Unusual("operations that are no JSON") from None
    else:
        try:
            values = read_all(text.encode(), dialect=Dialect.V2, source="patch")
        except (YamlError, UnicodeEncodeError):
            raise Unusual("a patch that cannot be read") from None
        value = values[0] if len(values) == 1 else None
    return value if isinstance(value, list) and value else None


def _operate(resource: Resource, operations: Sequence[Any]) -> None:
    before = resource.api_version, resource.kind
    for operation in operations:
        if not isinstance(operation, dict) or not isinstance(operation.get("path"), str):
            raise Unusual("an operation that is none")
        path = operation["path"]
        name = operation.get("op")
        if not path.startswith("/") or name not in ("add", "remove", "replace"):
            raise Unusual("an operation of another kind")
        if name != "remove" and "value" not in operation:
            raise Unusual("an operation without a value")
        parts = [part.replace("~1", "/").replace("~0", "~") for part in path[1:].split("/")]
        parent: Any = resource.obj
        for part in parts[:-1]:
            parent = _item(parent, part)
        _apply(parent, parts[-1], name, deepcopy(operation.get("value")))
    if _has_large(resource.obj):
        raise Unusual("a number that operations would round")
    metadata = resource.obj.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str) or not metadata["name"]:
        raise Unusual("an object without a name")
    if not isinstance(metadata.get("namespace", ""), str):
        raise Unusual("a namespace that is no string")
    if (resource.obj.get("apiVersion"), resource.obj.get("kind")) != before:
        raise Unusual("an object of another kind")
    _check_pairs(metadata)
    if metadata.get("annotations") == {}:
        del metadata["annotations"]


def _has_large(node: Any) -> bool:
    if isinstance(node, dict):
        return any(map(_has_large, node.values()))
    if isinstance(node, list):
        return any(map(_has_large, node))
    return isinstance(node, int | float) and not -_EXACT <= node <= _EXACT


def _item(parent: Any, part: str) -> Any:
    if isinstance(parent, dict) and part in parent:
        return parent[part]
    if isinstance(parent, list) and part.isdecimal() and part.isascii() and int(part) < len(parent):
        return parent[int(part)]
    raise Unusual("a path that is not there")


def _apply(parent: Any, part: str, name: str, value: Any) -> None:
    if isinstance(parent, dict):
        if name != "add" and part not in parent:
            raise Unusual("a path that is not there")
        if name == "remove":
            del parent[part]
        else:
            parent[part] = value
        return
    if not isinstance(parent, list):
        raise Unusual("a path through a scalar")
    if name == "add" and part == "-":
        parent.append(value)
        return
    if not (part.isdecimal() and part.isascii()) or (len(part) > 1 and part[0] == "0"):
        raise Unusual("an index of another form")
    index = int(part)
    if index > len(parent) or (name != "add" and index == len(parent)):
        raise Unusual("an index that is not there")
    if name == "add":
        parent.insert(index, value)
    elif name == "remove":
        del parent[index]
    else:
        parent[index] = value


def _lay_over(resource: Resource, patch: dict[str, Any]) -> None:
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
    _check_pairs(metadata)


def _check_pairs(metadata: Mapping[str, Any]) -> None:
    for field in ("labels", "annotations"):
        pairs = metadata.get(field)
        if field in metadata and not (isinstance(pairs, dict) and all(isinstance(one, str) for one in pairs.values())):
            raise Unusual("labels or annotations that are no strings")
    if any("config.kubernetes.io/" in key or "config.k8s.io/" in key for key in metadata.get("annotations", ())):
        raise Unusual("an annotation of kustomize's own")


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
