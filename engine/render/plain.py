"""Manifests as kustomize takes them from a file: which objects, in which order, with which values.

Nothing here guesses. A text in which kustomize's reader and ours could see different things (a second document after
`...`, content behind `---`, anchors, tags, keys that are no strings, times, lone carriage returns) and an object that
kustomize would touch though nobody asked raise Unusual, and the real program decides. Source: kubernetes-sigs/kustomize
api/resource/factory.go, kyaml/kio/byteio_reader.go.
"""

import re
from typing import Any, Final

from engine.kube.yaml import Dialect, YamlError, read_all
from engine.render.base import BuildError, Unusual
from engine.render.resources import check_pairs

_ODD: Final = re.compile(
    rb"^(?:\.\.\.|%|---(?![ \t]*(?:#[^\n]*)?\r?$))"  # ends and directives; content behind a separator
    rb"|\r(?!\n)"
    rb"|(?:^|[\s\[{,:-])[&*][A-Za-z0-9_]"  # anchors and aliases, and a few innocent words
    rb"|<<"
    rb"|(?:^|[\s\[{,])![!<A-Za-z]"  # tags
    rb"|(?:^[ \t?-]*|[{,][ \t]*)(?:[-+.]*[0-9][^\s\"':]*|[Tt]rue|TRUE|[Ff]alse|FALSE|[Nn]ull|NULL|~)[ \t]*:(?:\s|$)"
    # The line above: keys that are no strings. The next one: times, which only some spellings are.
    rb"|(?:^|[\s\[{,:-])[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \t]+[0-9])",
    re.MULTILINE,
)
_SOME: Final = {"": ""}
_MARKS: Final = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


def objects_of(data: bytes, path: str) -> list[dict[str, Any]]:
    """The objects of one file of manifests. Raises: BuildError, Unusual."""
    if data.startswith(_MARKS) or _ODD.search(data):
        raise Unusual(path)
    try:
        values = read_all(data, dialect=Dialect.V3, source=path)
    except YamlError as error:
        raise BuildError(error.message, error.hint) from error
    if len(values) == 1 and isinstance(values[0], dict) and values[0].get("kind") == "List":
        items = values[0].get("items")
        values = items if isinstance(items, list) and "functionConfig" not in values[0] else values
    return _flat(values, path)


def _flat(values: list[Any], path: str) -> list[dict[str, Any]]:
    """Objects in kustomize's order: what a list holds comes after all that stands beside the list."""
    result: list[dict[str, Any]] = []
    waiting = list(values)
    at = 0
    while at < len(waiting):
        value = waiting[at]
        at += 1
        kind = value.get("kind") if isinstance(value, dict) else None
        if not isinstance(kind, str) or not kind or kind == "ResourceList":
            raise Unusual(path)
        if not kind.endswith("List") or "items" not in value:
            result.append(_usual(value, path))
            continue
        items = value["items"]
        if isinstance(items, list):
            waiting += items
        elif items is not None:
            raise Unusual(path)
    return result


def _usual(value: dict[str, Any], path: str) -> dict[str, Any]:
    """An object that kustomize leaves as it is. Raises: Unusual."""
    metadata = value.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(value.get("apiVersion"), str) or not value["apiVersion"]:
        raise Unusual(path)
    name, namespace = metadata.get("name"), metadata.get("namespace", "x")
    if not isinstance(name, str) or not name or not isinstance(namespace, str) or not namespace:
        raise Unusual(path)
    if metadata.get("labels", _SOME) == {} or metadata.get("annotations", _SOME) == {}:
        raise Unusual(path)
    check_pairs(metadata)
    return value
