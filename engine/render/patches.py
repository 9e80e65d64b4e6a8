"""Patches of a kustomization: which objects they are meant for, and of which of the two kinds they are.

Source: kubernetes-sigs/kustomize api/internal/builtins/PatchTransformer.go, api/resmap/reswrangler.go (Select).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from engine.patterns import PatternError, compiled, shown
from engine.render.base import BuildError, Unusual
from engine.render.merging import lay_over
from engine.render.operations import operate, operations_of
from engine.render.plain import objects_of
from engine.render.resources import Resource

_SELECTED: Final = ("group", "version", "kind", "name", "namespace")
_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9_-]+")
_PLAIN_SELECTOR: Final = re.compile(r"[A-Za-z0-9./_-]+(==?|!=)[A-Za-z0-9._-]*|[A-Za-z0-9./_-]+")


def patch(resources: Sequence[Resource], text: str, target: Mapping[str, str] | None) -> None:
    """Apply one entry of `patches`: its text, and what it is meant for. Raises: Unusual."""
    text = text.strip()
    operations = operations_of(text)
    if operations is not None:
        if target is None:
            raise Unusual("operations without a target")
        for resource in select(resources, target):
            resource.remember()
            operate(resource, operations)
        return
    try:
        patches = objects_of(text.encode(), "patch")
    except (BuildError, UnicodeEncodeError):
        raise Unusual("a patch that cannot be read") from None
    if not patches or (target is not None and len(patches) > 1):
        raise Unusual("several patches for one target")
    for one in patches:
        for resource in select(resources, target) if target is not None else _same(resources, one):
            lay_over(resource, one)


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
