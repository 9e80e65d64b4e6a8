"""Fields of a live object as Go's unstructured helpers read them: a field of another type is absent, or an error."""

from collections.abc import Mapping
from typing import Any

Object = Mapping[str, Any]


class Misshapen(ValueError):
    """A field has a type that the rule cannot judge; the text is for the verdict's message."""


_MISSING = object()


def integer(obj: Object, *path: str, default: int) -> int:
    """A number, or `default` where there is none or something else. Source: kstatus status/util.go, GetIntField."""
    found = _leniently(obj, path)
    return found if type(found) is int else default


def string(obj: Object, *path: str, default: str = "") -> str:
    """A string, or `default` where there is none or something else. Source: kstatus status/util.go, GetStringField."""
    found = _leniently(obj, path)
    return found if isinstance(found, str) else default


def exact_integer(obj: Object, *path: str) -> int | None:
    """A number; None where there is none. Raises: Misshapen. Source: apimachinery unstructured, NestedInt64."""
    found = _strictly(obj, path)
    if found is _MISSING:
        return None
    if type(found) is not int:
        raise Misshapen(f"{_shown(path)}: expected a whole number, found {_type_name(found)}")
    return found


def exact_string(obj: Object, *path: str) -> str | None:
    """A string; None where there is none. Raises: Misshapen. Source: apimachinery unstructured, NestedString."""
    found = _strictly(obj, path)
    if found is _MISSING:
        return None
    if not isinstance(found, str):
        raise Misshapen(f"{_shown(path)}: expected a string, found {_type_name(found)}")
    return found


def is_true(obj: Object, *path: str) -> bool:
    """Whether a field is `true`; of another type it is not."""
    return _leniently(obj, path) is True


def entries(obj: Object, *path: str) -> list[Any]:
    """A list; empty where there is none. Raises: Misshapen."""
    found = _strictly(obj, path)
    if found is _MISSING:
        return []
    if not isinstance(found, list):
        raise Misshapen(f"{_shown(path)}: expected a list, found {_type_name(found)}")
    return found


def _leniently(obj: Object, path: tuple[str, ...]) -> object:
    found: Any = obj
    for field in path:
        if not isinstance(found, dict) or field not in found:
            return _MISSING
        found = found[field]
    return found


def _strictly(obj: Object, path: tuple[str, ...]) -> object:
    """What lies at a path; nothing lies below null. Raises: Misshapen where a part of the way is no object."""
    found: Any = obj
    for depth, field in enumerate(path):
        if found is None:
            return _MISSING
        if not isinstance(found, dict):
            raise Misshapen(f"{_shown(path[:depth])}: expected an object, found {_type_name(found)}")
        if field not in found:
            return _MISSING
        found = found[field]
    return found


def _shown(path: tuple[str, ...]) -> str:
    return "." + ".".join(path)


def _type_name(found: object) -> str:
    return "nothing" if found is None else type(found).__name__
