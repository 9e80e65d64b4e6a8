"""Fields that are somebody else's: found by rules, left out of comparisons, and not written when they moved.

Source: fluxcd/pkg ssa/manager_apply.go (computeDriftedPaths, applyDriftResult), ssa/jsondiff/{selector,patch}.go.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from engine.errors import Stalled
from engine.kube.selectors import Selector, SelectorError
from engine.ownership import metadata_of
from engine.patterns import PatternError, compiled, shown

Object = dict[str, Any]
Pointer = tuple[str, ...]
"""A JSON pointer (RFC 6901), unescaped."""

_MOST_RULES = 1000
_MOST_PATHS = 1000
_DEEPEST = 100
_PATTERNS = ("group", "version", "kind", "name", "namespace")
_SELECTORS = {"labelSelector": "labels", "annotationSelector": "annotations"}
_MISSING = object()


class IgnoreError(Stalled):
    """A rule cannot be used as it is written."""


class IgnoreRule(NamedTuple):
    """Paths of fields, as JSON pointers, in the objects that `target` selects.

    `target` may have the keys group, version, kind, name, namespace (patterns in Go's syntax, for the whole text),
    labelSelector and annotationSelector; empty selects everything.
    """

    paths: tuple[str, ...]
    target: Mapping[str, str] = {}


class Ignores:
    """The rules of one owner."""

    def __init__(self, rules: Sequence[IgnoreRule | Mapping[str, Any]] = ()) -> None:
        """Rules may come as they stand in a resource: `{"paths": [...], "target": {...}}`. Raises: IgnoreError."""
        if len(rules) > _MOST_RULES:
            raise IgnoreError(f"ignore rules: there are {len(rules)}, at most {_MOST_RULES} are taken")
        made = [_rule(number, rule) for number, rule in enumerate(rules)]
        self._rules = [(_selecting(number, rule.target), _pointers(number, rule)) for number, rule in enumerate(made)]
        self._text = orjson.dumps([[list(rule.paths), dict(rule.target)] for rule in made]) if made else b""

    def digest_text(self) -> bytes:
        """What decides about the result beside the object itself."""
        return self._text

    def paths(self, obj: Object) -> tuple[Pointer, ...]:
        """The fields of an object that are left to others."""
        return tuple(path for selects, paths in self._rules if paths and selects(obj) for path in paths)

    @staticmethod
    def without(obj: Object, paths: Sequence[Pointer]) -> Object:
        """The object without these fields."""
        if not paths:
            return obj
        copy: Object = orjson.loads(orjson.dumps(obj))
        for path in paths:
            _remove(copy, path)
        return copy

    @staticmethod
    def settle(desired: Object, live: Object, merged: Object, paths: Sequence[Pointer], manager: str) -> Object:
        """What to apply so that the ignored fields stay as they are live.

        Of those that the apply would change, a field that another manager applied is left out of it, so that it is
        that manager's alone; any other is applied with its live value.
        """
        moved = [path for path in paths if _at(live, path) != _at(merged, path)]
        if not moved:
            return desired
        payload: Object = orjson.loads(orjson.dumps(desired))
        others = [
            entry.get("fieldsV1") or {}
            for entry in live["metadata"].get("managedFields") or ()
            if entry.get("operation") == "Apply" and not entry.get("subresource") and entry.get("manager") != manager
        ]
        for path in moved:
            value = _at(live, path)
            if value is _MISSING or any(_has_field(fields, live, path) for fields in others):
                _remove(payload, path)
            else:
                _put(payload, path, value)
        return payload


def _rule(number: int, rule: IgnoreRule | Mapping[str, Any]) -> IgnoreRule:
    if isinstance(rule, IgnoreRule):
        return rule
    paths, target = rule.get("paths") or (), rule.get("target") or {}
    if not isinstance(paths, list | tuple) or not all(isinstance(path, str) for path in paths):
        raise IgnoreError(f"ignore rule {number}: paths is no list of texts")
    if not isinstance(target, Mapping) or not all(isinstance(value, str) for value in target.values()):
        raise IgnoreError(f"ignore rule {number}: target is no map of texts")
    return IgnoreRule(tuple(paths), {str(key): value for key, value in target.items()})


def _pointers(number: int, rule: IgnoreRule) -> tuple[Pointer, ...]:
    if len(rule.paths) > _MOST_PATHS:
        raise IgnoreError(f"ignore rule {number}: it has {len(rule.paths)} paths, at most {_MOST_PATHS} are taken")
    found = []
    for path in rule.paths:
        parts = path.split("/")
        if parts[0] or len(parts) == 1 or len(parts) > _DEEPEST:
            raise IgnoreError(
                f"ignore rule {number}: {path[:200]!r} is no path of a field",
                "write a JSON pointer, such as /spec/replicas",
            )
        found.append(tuple(part.replace("~1", "/").replace("~0", "~") for part in parts[1:]))
    return tuple(found)


def _selecting(number: int, target: Mapping[str, str]) -> Callable[[Object], bool]:
    """A function that says whether a rule means an object. Raises: IgnoreError."""
    patterns: dict[str, Any] = {}
    selectors: dict[str, Selector] = {}
    for key, text in target.items():
        try:
            if key in _PATTERNS and text:
                patterns[key] = compiled(f"^(?:{text})$")
            elif key in _SELECTORS and text:
                selectors[_SELECTORS[key]] = Selector(text)
        except (PatternError, SelectorError) as error:
            raise IgnoreError(f"ignore rule {number}: target.{key}: {error}") from error

    def selects(obj: Object) -> bool:
        group, _, version = obj["apiVersion"].rpartition("/")
        metadata = obj["metadata"]
        texts = {
            "group": group,
            "version": version,
            "kind": obj["kind"],
            "name": metadata["name"],
            "namespace": metadata.get("namespace") or "",
        }
        return all(pattern.search(shown(texts[key])) for key, pattern in patterns.items()) and all(
            selector.fits(metadata_of(obj, place)) for place, selector in selectors.items()
        )

    return selects


def _at(obj: Any, path: Pointer) -> Any:
    """The value at a path, or _MISSING."""
    here = obj
    for name in path:
        if isinstance(here, dict) and name in here:
            here = here[name]
        elif isinstance(here, list) and (index := _index(name, here)) is not None:
            here = here[index]
        else:
            return _MISSING
    return here


def _index(name: str, values: list[Any]) -> int | None:
    return int(name) if name.isdecimal() and name.isascii() and len(name) < 10 and int(name) < len(values) else None


def _remove(obj: Any, path: Pointer) -> None:
    holder = _at(obj, path[:-1])
    if isinstance(holder, dict):
        holder.pop(path[-1], None)
    elif isinstance(holder, list) and (index := _index(path[-1], holder)) is not None:
        del holder[index]


def _put(obj: Any, path: Pointer, value: Any) -> None:
    holder = _at(obj, path[:-1])
    if isinstance(holder, dict):
        holder[path[-1]] = value
    elif isinstance(holder, list) and (index := _index(path[-1], holder)) is not None:
        holder[index] = value


def _has_field(fields: Any, live: Object, path: Pointer) -> bool:
    """Whether a set of fields, as managedFields have it, names the field at a path of the live object."""
    here: Any = live
    for name in path:
        if not isinstance(fields, dict):
            return False
        if isinstance(here, list):
            index = _index(name, here)
            item = here[index] if index is not None else None
            key = next((key for key in fields if key.startswith("k:") and _is_keyed(item, key)), None)
            here = item
        else:
            key = f"f:{name}" if f"f:{name}" in fields else None
            here = here.get(name) if isinstance(here, dict) else None
        if key is None:
            return False
        fields = fields[key]
    return True


def _is_keyed(item: object, key: str) -> bool:
    """Whether an item of a list is the one that a key such as `k:{"name":"web"}` means."""
    try:
        wanted = orjson.loads(key[2:])
    except orjson.JSONDecodeError:
        return False
    return (
        isinstance(item, dict) and isinstance(wanted, dict) and all(item.get(name) == wanted[name] for name in wanted)
    )
