"""Merging dictionaries in place. Source: dario.cat/mergo 1.0.1 merge.go, deepMerge, for maps of strings to any."""

from engine.gotemplate.errors import Refused
from engine.gotemplate.limits import STEP, Meter
from engine.gotemplate.values import NilMap, StringMap, Struct, Value, truth

_DEPTH = 60


def merge(
    target: dict[bytes, Value], sources: tuple[dict[bytes, Value], ...], meter: Meter, *, overwrite: bool
) -> dict[bytes, Value]:
    """Take in what the target lacks or has empty, or, overwriting, everything. Dictionaries inside merge likewise.

    Returns the target, or a new dictionary when it is nil. Raises: Refused.
    """
    for source in sources:
        if isinstance(target, NilMap) and not isinstance(source, NilMap):
            target = {}
        _merge(target, source, meter, 0, overwrite=overwrite)
    return target


def _merge(target: Value, source: Value, meter: Meter, depth: int, *, overwrite: bool) -> None:
    if depth > _DEPTH:
        raise Refused("dictionaries that are too deep to merge")
    for key, value in list(source.items()):
        meter.spend(STEP)
        if value is None:
            if overwrite:
                _put(target, source, key, None)
            continue
        present = target.get(key)
        if isinstance(value, dict) and isinstance(present, dict) and not isinstance(present, NilMap):
            _merge(present, value, meter, depth + 1, overwrite=overwrite)
        elif isinstance(value, list):
            present = _list(target, key, value, overwrite=overwrite)
            _put(target, source, key, present)
        if key in target and not _is_empty(present) and _is_kept(present, value):
            continue
        if overwrite or key not in target or _is_empty(target[key]):
            _put(target, source, key, value)


def _put(target: dict[bytes, Value], source: dict[bytes, Value], key: bytes, value: Value) -> None:
    if isinstance(target, StringMap) and not isinstance(source, StringMap):
        raise Refused("a value of any type in a map of strings")
    target[key] = value


def _is_kept(present: Value, value: Value) -> bool:
    return isinstance(value, list) or (isinstance(value, dict) and isinstance(present, dict))


def _list(target: dict[bytes, Value], key: bytes, value: list[Value], *, overwrite: bool) -> Value:
    """Whether a list replaces another hangs, in the original too, on the dictionary around it being empty."""
    present = target.get(key)
    return value if overwrite or not target or present is None else present


def _is_empty(value: Value) -> bool:
    return not isinstance(value, Struct) and not truth(value)
