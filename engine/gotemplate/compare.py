"""`eq ne lt le gt ge`, and reflect.DeepEqual. Source: Go 1.26 text/template funcs.go, reflect deepequal.go."""

from collections.abc import Callable

from engine.gotemplate.errors import Refused
from engine.gotemplate.limits import STEP, Meter
from engine.gotemplate.values import NOTHING, SIGNED, UNSIGNED, Struct, Value, is_nil, type_of

_DEPTH = 60
_BASIC = dict.fromkeys(SIGNED, "int") | dict.fromkeys(UNSIGNED, "uint") | {
    "bool": "bool", "float64": "float", "string": "string"
}  # fmt: skip


def equal(first: Value, others: list[Value]) -> bool:
    """Whether the first value equals one of the others. Raises: Refused when they cannot be compared."""
    if not others:
        raise Refused("missing argument for comparison")
    return any(_equal(first, other) for other in others)


def less(first: Value, second: Value) -> bool:
    """Numbers by size, strings byte by byte. Raises: Refused for everything else."""
    kinds = _basic(first), _basic(second)
    if "" in kinds:
        raise Refused("invalid type for comparison")
    if kinds[0] != kinds[1] and set(kinds) != {"int", "uint"}:
        raise Refused("incompatible types for comparison")
    if kinds[0] == "bool":
        raise Refused("invalid type for comparison")
    return bool(first < second)


def less_or_equal(first: Value, second: Value) -> bool:
    return less(first, second) or _equal(first, second)


def _basic(value: Value) -> str:
    return _BASIC.get(type_of(value).kind, "")


def _equal(first: Value, second: Value) -> bool:
    kinds = _basic(first), _basic(second)
    if kinds[0] == kinds[1] != "" or set(kinds) == {"int", "uint"}:
        return bool(first == second)
    if kinds[0] != kinds[1]:
        if NOTHING in (first, second) or None in (first, second):
            return False
        raise Refused("incompatible types for comparison")
    return _equal_others(first, second)


def _equal_others(first: Value, second: Value) -> bool:
    """Lists, maps and structs compare with nil, structs also with their like."""
    kinds = type_of(first).kind, type_of(second).kind
    if kinds[0] != kinds[1] and "invalid" not in kinds:
        raise Refused("non-comparable types")
    if is_nil(first) or is_nil(second):
        return is_nil(first) == is_nil(second)
    if not isinstance(second, Struct):
        raise Refused("non-comparable types")
    return type(first) is type(second) and bool(first == second)


def deep_equal(first: Value, second: Value, meter: Meter, depth: int = 0) -> bool:
    """reflect.DeepEqual: same types all the way, and a nil list is not an empty one. Raises: Refused."""
    if type(first) is not type(second):
        return False
    if not isinstance(first, list | dict):
        return bool(first == second)
    if first is second:
        return True
    meter.spend(STEP)
    if depth > _DEPTH:
        raise Refused("values that are too deep to compare")
    if len(first) != len(second):
        return False
    if isinstance(first, dict):
        return all(key in second and deep_equal(item, second[key], meter, depth + 1) for key, item in first.items())
    return all(deep_equal(item, other, meter, depth + 1) for item, other in zip(first, second, strict=True))


COMPARISONS: dict[str, Callable[[Value, Value], bool]] = {
    "ne": lambda first, second: not _equal(first, second),
    "lt": less,
    "le": less_or_equal,
    "gt": lambda first, second: not less_or_equal(first, second),
    "ge": lambda first, second: not less(first, second),
}
