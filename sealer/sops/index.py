"""Places in a document: `["key"][0]['other']`, and what stands there read, replaced or removed.

The quirks are the original's: everything before the last character of a quoted part is the key, whatever that last
character is; missing parents are made; an index past the end of a list appends; comments in lists count. Where the
original crashes, these are errors. Source: getsops/sops main.go parseTreePath, sops.go Set, Unset and Truncate.
"""

import re
from collections.abc import Sequence
from typing import TypeAlias, cast

from sealer.sops.errors import BadPath, SopsError
from sealer.sops.tree import Branch, Comment, Timestamp, Value

Path: TypeAlias = "list[str | int]"

_DEEPEST = 200
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}")


class NotThere(SopsError):
    """Nothing stands at the place."""


def parse(text: str) -> Path:
    """The keys and positions of a place; an empty text is the document itself. Raises: BadPath."""
    path: Path = []
    for part in text.split("["):
        if not part:
            continue
        if not part.endswith("]"):
            raise BadPath(f"component {part} doesn't end with ]", """for example: '["key"][0]'""")
        path.append(_component(part[:-1]))
    if len(path) > _DEEPEST:
        raise BadPath(f"the path has {len(path)} parts, more than the {_DEEPEST} that are read")
    return path


def extract(branch: Branch, path: Sequence[str | int]) -> Value:
    """What stands at a place. Raises: NotThere."""
    current: Value = branch
    for component in path:
        if isinstance(component, str):
            current = _under_key(current, component)
        elif (items := _list(current)) is None:
            raise NotThere(f"component [{component}] is integer, but tree part is not a slice")
        elif not 0 <= component < len(items):
            raise NotThere(f"component [{component}] accesses out of bounds")
        else:
            current = items[component]
    return current


def replaced(branch: Branch, path: Sequence[str | int], value: Value) -> tuple[Branch, bool]:
    """A copy with another value at a place, and whether anything differs. Raises: SopsError for an impossible place."""
    if not path:
        raise BadPath("the path is empty", """for example: '["key"]'""")
    made, has_changed = _replaced(branch, path, value)
    assert isinstance(made, Branch)  # noqa: S101  # a branch stays one
    return made, has_changed


def removed(branch: Branch, path: Sequence[str | int]) -> Branch:
    """A copy without what stands at a place. Raises: NotThere, SopsError for an impossible place."""
    if not path:
        raise BadPath("the path is empty", """for example: '["key"]'""")
    made = _removed(branch, path)
    assert isinstance(made, Branch)  # noqa: S101  # a branch stays one
    return made


def is_same(one: Value, other: Value) -> bool:
    """Equality as Go has it: 1, 1.0 and true are three values."""
    if isinstance(one, Branch):
        return (
            isinstance(other, Branch)
            and [key for key, _ in one] == [key for key, _ in other]
            and all(is_same(mine, its) for (_, mine), (_, its) in zip(one, other, strict=True))
        )
    mine, others = _list(one), _list(other)
    if mine is not None and others is not None:
        return len(mine) == len(others) and all(map(is_same, mine, others))
    return type(one) is type(other) and one == other


def _component(text: str) -> str | int:
    if text[:1] in ('"', "'"):
        if len(text) == 1:
            raise BadPath("a quoted component has no end")
        return text[1:-1]
    if not _NUMBER.fullmatch(text):
        raise BadPath(f'component "{text}" is neither quoted nor a number')
    return int(text)


def _under_key(current: Value, key: str) -> Value:
    if not isinstance(current, Branch):
        raise NotThere(f"component ['{key}'] is a key, but tree part is not a mapping")
    for name, value in current:
        if name == key:
            return value
    raise NotThere(f"component ['{key}'] not found")


def _replaced(current: Value, path: Sequence[str | int], value: Value) -> tuple[Value, bool]:
    if isinstance(current, Branch):
        return _replaced_in_branch(current, path, value)
    items = _list(current)
    return (_grown(path, value), True) if items is None else _replaced_in_list(items, path, value)


def _replaced_in_branch(branch: Branch, path: Sequence[str | int], value: Value) -> tuple[Branch, bool]:
    key, *rest = path
    for at, (name, old) in enumerate(branch):
        if name == key and isinstance(name, str):
            new, has_changed = _replaced(old, rest, value) if rest else (value, not is_same(old, value))
            return Branch([*branch[:at], (name, new), *branch[at + 1 :]]), has_changed
    if isinstance(key, int):
        return branch, True  # the original takes a position in a mapping and does nothing with it
    return Branch([*branch, (key, _grown(rest, value))]), True


def _replaced_in_list(items: "list[Value]", path: Sequence[str | int], value: Value) -> "tuple[list[Value], bool]":
    position, rest = _position(path[0]), path[1:]
    if position >= len(items):
        return [*items, _grown(rest, value)], True
    old = items[position]
    new, has_changed = _replaced(old, rest, value) if rest else (value, not is_same(old, value))
    return [*items[:position], new, *items[position + 1 :]], has_changed


def _grown(path: Sequence[str | int], leaf: Value) -> Value:
    """The value inside new mappings and lists; a list has one element, whatever its position is to be."""
    grown = leaf
    for component in reversed(path):
        grown = [grown] if isinstance(component, int) else Branch([(component, grown)])
    return grown


def _removed(current: Value, path: Sequence[str | int]) -> Value:
    key, *rest = path
    if isinstance(current, Branch):
        for at, (name, value) in enumerate(current):
            if name == key and isinstance(name, str):
                return Branch([*current[:at], *([(name, _removed(value, rest))] if rest else []), *current[at + 1 :]])
        raise NotThere(f"Key not found: {key}")
    items = _list(current)
    if items is None:
        raise SopsError(f"Unsupported type: {_go_type(current)} for item '{key}'")
    at = _position(key)
    if at >= len(items):
        raise NotThere(f"Index {at} out of bounds")
    return [*items[:at], *([_removed(items[at], rest)] if rest else []), *items[at + 1 :]]


def _list(value: Value) -> "list[Value] | None":
    """A value that is a list and no mapping."""
    return cast("list[Value]", value) if type(value) is list else None


def _position(component: str | int) -> int:
    if isinstance(component, str):
        raise SopsError(f"component ['{component}'] is a key, but tree part is a list")
    if component < 0:
        raise SopsError(f"component [{component}] is negative")
    return component


def _go_type(value: Value) -> str:
    """What the original calls the type of a scalar."""
    names = {bool: "bool", int: "int", float: "float64", str: "string", Timestamp: "time.Time", Comment: "sops.Comment"}
    return names.get(type(value), "<nil>")
