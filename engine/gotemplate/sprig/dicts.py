"""Dictionaries. Where Go's order of keys is left to chance, ours is the sorted one. Source: sprig dict.go."""

from engine.gotemplate.errors import Refused
from engine.gotemplate.limits import STEP, Meter
from engine.gotemplate.printing import show
from engine.gotemplate.sprig.merging import merge
from engine.gotemplate.table import Function, Run, function
from engine.gotemplate.values import NilMap, Strings, Value

_DEPTH = 60
Dict = dict[bytes, Value]


def _make(run: Run, *values: Value) -> Dict:
    """Keys and values in turn; the last value is "" when it is missing."""
    run.meter.items(len(values))
    padded = [*values, b""] if len(values) % 2 else values
    return {show(key, run.meter): value for key, value in zip(padded[::2], padded[1::2], strict=True)}


def _set(run: Run, target: Dict, key: bytes, value: Value) -> Dict:
    if isinstance(target, NilMap):
        raise Refused("a nil map")
    target[key] = value
    if len(target) > run.meter.limits.items:
        run.meter.items(len(target))
    return target


def _unset(target: Dict, key: bytes) -> Dict:
    target.pop(key, None)
    return target


def _pluck(key: bytes, *sources: Dict) -> list[Value]:
    return [source[key] for source in sources if key in source]


def _keys(run: Run, *sources: Dict) -> Strings:
    run.meter.items(sum(map(len, sources)))
    return Strings(key for source in sources for key in sorted(source))


def _pick(source: Dict, *keys: bytes) -> Dict:
    return {key: source[key] for key in keys if key in source}


def _omit(source: Dict, *keys: bytes) -> Dict:
    return {key: value for key, value in source.items() if key not in keys}


def _dig(*path: Value) -> Value:
    """`dig "a" "b" DEFAULT DICT`."""
    if len(path) < 3:
        raise Refused("at least three arguments are needed")
    *keys, default, value = path
    for key in keys:
        if type(value) not in (dict, NilMap) or type(key) is not bytes:
            raise Refused("a key that is no string, or no dictionary to look it up in")
        if key not in value:
            return default
        value = value[key]
    return value


def _copy(value: Value, meter: Meter, depth: int = 0) -> Value:
    """A copy of lists and dictionaries all the way down; nil ones stay nil."""
    meter.spend(STEP)
    if depth > _DEPTH:
        raise Refused("a value that is too deep to copy")
    if isinstance(value, dict):
        return type(value)({key: _copy(item, meter, depth + 1) for key, item in value.items()})
    if isinstance(value, list):
        return type(value)([_copy(item, meter, depth + 1) for item in value])
    return value


def _copy_of(run: Run, value: Value) -> Value:
    if value is None:
        raise Refused("nil")
    return _copy(value, run.meter)


def _merge(run: Run, target: Dict, *sources: Dict) -> Dict:
    return merge(target, sources, run.meter, overwrite=False)


def _overwrite(run: Run, target: Dict, *sources: Dict) -> Dict:
    return merge(target, sources, run.meter, overwrite=True)


_COPY = function("any", _copy_of, run=True)
_MERGE = function("map, ...map", _merge, run=True)
_OVERWRITE = function("map, ...map", _overwrite, run=True)

FUNCTIONS: dict[str, Function] = {
    "deepCopy": _COPY,
    "dict": function("...any", _make, run=True),
    "dig": function("...any", _dig),
    "get": function("map, string", lambda source, key: source.get(key, b""), weight=0),
    "hasKey": function("map, string", lambda source, key: key in source, weight=0),
    "keys": function("...map", _keys, run=True),
    "merge": _MERGE,
    "mergeOverwrite": _OVERWRITE,
    "mustDeepCopy": _COPY,
    "mustMerge": _MERGE,
    "mustMergeOverwrite": _OVERWRITE,
    "omit": function("map, ...string", _omit, weight=10),
    "pick": function("map, ...string", _pick, weight=10),
    "pluck": function("string, ...map", _pluck),
    "set": function("map, string, any", _set, run=True, weight=0),
    "unset": function("map, string", _unset, weight=0),
    "values": function("map", lambda source: [source[key] for key in sorted(source)], weight=10),
}
