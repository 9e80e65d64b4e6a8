"""Patches that are lists of operations (RFC 6902). What plain code does not do exactly raises Unusual.

Source: kubernetes-sigs/kustomize api/filters/patchjson6902; evanphx/json-patch v4.
"""

import json
from collections.abc import Sequence
from copy import deepcopy
from typing import Any, Final

from engine.kube.yaml import Dialect, YamlError, read_all
from engine.render.base import Unusual
from engine.render.resources import Resource, check_pairs

_EXACT: Final = 2**53
"""Beyond it numbers of JSON are rounded, where it is read into floats."""
_DONE: Final = ("add", "remove", "replace", "test")


def operations_of(text: str) -> list[Any] | None:
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


def operate(resource: Resource, operations: Sequence[Any]) -> None:
    """Apply operations to an object. Raises: Unusual, also when the original would refuse them."""
    before = resource.api_version, resource.kind
    for operation in operations:
        _do(resource.obj, operation)
    if _has_large(resource.obj):
        raise Unusual("a number that operations would round")
    metadata = resource.obj.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str) or not metadata["name"]:
        raise Unusual("an object without a name")
    if not isinstance(metadata.get("namespace", ""), str):
        raise Unusual("a namespace that is no string")
    if (resource.obj.get("apiVersion"), resource.obj.get("kind")) != before:
        raise Unusual("an object of another kind")
    check_pairs(metadata)
    if metadata.get("annotations") == {}:
        del metadata["annotations"]


def _do(obj: Any, operation: Any) -> None:
    if not isinstance(operation, dict) or not isinstance(operation.get("path"), str):
        raise Unusual("an operation that is none")
    path = operation["path"]
    name = operation.get("op")
    if not path.startswith("/") or name not in _DONE:
        raise Unusual("an operation of another kind")
    if name != "remove" and "value" not in operation:
        raise Unusual("an operation without a value")
    parts = [part.replace("~1", "/").replace("~0", "~") for part in path[1:].split("/")]
    parent: Any = obj
    for part in parts[:-1]:
        parent = _item(parent, part)
    if name == "test":
        value = operation["value"]
        if not isinstance(value, str) or _item(parent, parts[-1]) != value:
            raise Unusual("a test that fails, or of what is no string")
    else:
        _apply(parent, parts[-1], name, deepcopy(operation.get("value")))


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
