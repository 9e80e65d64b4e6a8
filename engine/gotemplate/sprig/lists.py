"""Lists: parts of them, lists made of lists, members. Source: sprig list.go."""

from collections.abc import Callable

from engine.gotemplate.compare import deep_equal
from engine.gotemplate.errors import Refused
from engine.gotemplate.limits import Meter
from engine.gotemplate.sprig.arithmetic import integer
from engine.gotemplate.sprig.strings import texts
from engine.gotemplate.table import Function, Run, function
from engine.gotemplate.values import Lists, NilList, Strings, Value, truth


def _list(value: Value) -> list[Value]:
    if not isinstance(value, list):
        raise Refused("the argument is no list")
    return value


def _contains(items: list[Value], wanted: Value, meter: Meter) -> bool:
    meter.spend(200 * len(items))
    return any(deep_equal(wanted, item, meter) for item in items)


def _make(run: Run, *values: Value) -> list[Value]:
    run.meter.items(len(values))
    return list(values)


def _append(run: Run, items: Value, value: Value) -> list[Value]:
    run.meter.items(len(_list(items)) + 1)
    return [*items, value]


def _prepend(run: Run, items: Value, value: Value) -> list[Value]:
    run.meter.items(len(_list(items)) + 1)
    return [value, *items]


def _first(items: Value) -> Value:
    return items[0] if _list(items) else None


def _last(items: Value) -> Value:
    return items[-1] if _list(items) else None


def _rest(items: Value) -> list[Value]:
    return list(items[1:]) if _list(items) else NilList()


def _initial(items: Value) -> list[Value]:
    return list(items[:-1]) if _list(items) else NilList()


def _uniq(run: Run, items: Value) -> list[Value]:
    found: list[Value] = []
    for item in _list(items):
        if not _contains(found, item, run.meter):
            found.append(item)
    return found


def _without(run: Run, items: Value, *omitted: Value) -> list[Value]:
    return [item for item in _list(items) if not _contains(list(omitted), item, run.meter)]


def _has(run: Run, wanted: Value, items: Value) -> bool:
    return items is not None and _contains(_list(items), wanted, run.meter)


def _part(items: Value, *bounds: Value) -> Value:
    """`slice $list 1 3`. Go would also show what lies behind the end, if memory is left there; we do not."""
    if not _list(items):
        return None
    start = integer(bounds[0]) if bounds else 0
    end = integer(bounds[1]) if len(bounds) > 1 else len(items)
    if not 0 <= start <= end <= len(items):
        raise Refused("out of range")
    return type(items)(items[start:end])


def _concat(run: Run, *lists: Value) -> list[Value]:
    run.meter.items(sum(len(_list(items)) for items in lists))
    joined = [item for items in lists for item in items]
    return joined or NilList()


def _chunk(size: int, items: Value) -> Lists:
    """A negative size fails too, unless the original's count of chunks comes out as zero."""
    count = (len(_list(items)) - 1) // size + 1
    if size < 0 and count:
        raise Refused("a size below 1")
    return (
        Lists() if size < 0 else Lists(list(items[start : start + size]) for start in range(0, len(_list(items)), size))
    )


def _sorted(run: Run, value: Value) -> Strings:
    """A list of strings is sorted where it stands, in Go too."""
    if value is None:
        return Strings([b"<nil>"])
    found = texts(value, run.meter)
    run.meter.spend(len(found) * 1_000)
    found.sort()
    return found


def _reversed(items: Value) -> list[Value]:
    return list(reversed(_list(items)))


def _compact(items: Value) -> list[Value]:
    return [item for item in _list(items) if truth(item)]


def _both(name: str, made: Function) -> dict[str, Function]:
    """The original panics in one and returns an error in the other, which is the same to a template."""
    return {name: made, "must" + name[0].upper() + name[1:]: made}


_PARTS: dict[str, Callable[..., Value]] = {
    "first": _first,
    "last": _last,
    "rest": _rest,
    "initial": _initial,
    "reverse": _reversed,
    "compact": _compact,
}

FUNCTIONS: dict[str, Function] = {
    **_both("append", function("any, any", _append, run=True, weight=10)),
    **_both("push", function("any, any", _append, run=True, weight=10)),
    **_both("prepend", function("any, any", _prepend, run=True, weight=10)),
    **_both("uniq", function("any", _uniq, run=True)),
    **_both("without", function("any, ...any", _without, run=True)),
    **_both("has", function("any, any", _has, run=True)),
    **_both("slice", function("any, ...any", _part, weight=10)),
    **_both("chunk", function("int, any", _chunk, weight=10)),
    "concat": function("...any", _concat, run=True),
    "list": function("...any", _make, run=True),
    "sortAlpha": function("any", _sorted, run=True, weight=100),
    "tuple": function("...any", _make, run=True),
}
for _name, _body in _PARTS.items():
    FUNCTIONS |= _both(_name, function("any", _body, weight=10))
