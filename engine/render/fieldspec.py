"""Places in objects, as kustomize's configuration names them: a kind, and a path that passes through lists unasked.

Source: kubernetes-sigs/kustomize api/filters/fieldspec/fieldspec.go.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from engine.render.base import Unusual
from engine.render.resources import Resource

Leaf = Callable[[dict[str, Any], str], None]
"""Sets a field: the mapping that it is in, and its name."""


class FieldSpec(NamedTuple):
    """One entry of a configuration; an empty group, version or kind means any."""

    path: tuple[str, ...]
    """Names of fields; one that ends in `[]` is known to be a list, and is never created."""
    kind: str = ""
    group: str = ""
    version: str = ""
    create: bool = False


def spec(path: str, kind: str = "", group: str = "", version: str = "", *, create: bool = True) -> FieldSpec:
    """An entry as the tables have it, its path in one string."""
    return FieldSpec(tuple(path.split("/")), kind, group, version, create)


def visit(resource: Resource, place: FieldSpec, leaf: Leaf, empty: Callable[[], Any] | None = None) -> None:
    """Call `leaf` for each field of an object that the entry means.

    Where the entry creates, fields on the way become mappings, and the last one what `empty` makes.

    Raises: Unusual where a null or a scalar stands in the way.
    """
    if resource.is_one_of(place.group, place.version, place.kind):
        _walk(resource.obj, place, 0, leaf, empty)


def _walk(node: Any, place: FieldSpec, at: int, leaf: Leaf, empty: Callable[[], Any] | None) -> None:
    if isinstance(node, list):
        for item in node:
            if item is not None:
                _walk(item, place, at, leaf, empty)
        return
    if not isinstance(node, dict):
        raise Unusual("expected a list or a mapping")
    part = place.path[at]
    name = part.removesuffix("[]")
    creates = place.create and empty is not None and name == part
    is_last = at + 1 == len(place.path)
    if name not in node:
        if not creates:
            return
        node[name] = empty() if is_last and empty is not None else {}
    value = node[name]
    if value is None:
        if creates or name != part:
            raise Unusual("null where a field is wanted")
        return
    if is_last:
        leaf(node, name)
    else:
        _walk(value, place, at + 1, leaf, empty)
