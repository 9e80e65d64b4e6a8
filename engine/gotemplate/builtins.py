"""The functions that every template has. Source: Go 1.26 text/template funcs.go.

`and` and `or` evaluate their arguments one by one and so belong to the evaluator; the entries here name their types.
"""

from typing import Any

from engine.gotemplate import compare, escapes
from engine.gotemplate.errors import Refused
from engine.gotemplate.printing import show, sprint, sprintf, sprintln
from engine.gotemplate.table import Function, Run, function
from engine.gotemplate.values import NOTHING, SIGNED, UNSIGNED, StringMap, Uint8, Value, truth, type_of


def index(item: Value, *indexes: Value) -> Value:
    """`index x 1 2` is x[1][2]; a key that a map lacks gives the zero value."""
    if item is None or item is NOTHING:
        raise Refused("index of untyped nil")
    for key in indexes:
        kind = type_of(item).kind
        if kind == "map":
            if type(key) is not bytes:
                raise Refused("a map's index is no string")
            item = item.get(key, b"" if isinstance(item, StringMap) else None)
        elif kind in {"slice", "string"}:
            place = _place(key, len(item))
            if place == len(item):
                raise Refused("index out of range")
            item = Uint8(item[place]) if kind == "string" else item[place]
        else:
            raise Refused("can't index an item of this type")
    return item


def cut(item: Value, *indexes: Value) -> Value:
    """`slice x 1 2` is x[1:2]."""
    kind = type_of(item).kind
    if kind not in {"string", "slice"}:
        raise Refused("can't slice an item of this type")
    if len(indexes) > (2 if kind == "string" else 3):
        raise Refused("too many slice indexes")
    bounds = [0, len(item)]
    for number, given in enumerate(indexes):
        bounds[number : number + 1] = [_place(given, len(item))]
    if bounds != sorted(bounds):
        raise Refused("invalid slice index")
    return type(item)(item[bounds[0] : bounds[1]])


def _place(index_: Value, length: int) -> int:
    if type_of(index_).kind not in SIGNED | UNSIGNED:
        raise Refused("an index is no integer")
    if not 0 <= index_ <= length:
        raise Refused("index out of range")
    return int(index_)


def length(item: Value) -> int:
    if type_of(item).kind not in {"string", "slice", "map"}:
        raise Refused("the item has no length")
    return len(item)


def _refuse_call(*_: Value) -> Any:
    raise Refused("the first argument is no function")


def _first_false_or_last(*values: Value) -> Value:
    return next((value for value in values if not truth(value)), values[-1])


def _first_true_or_last(*values: Value) -> Value:
    return next((value for value in values if truth(value)), values[-1])


def _text(run: Run, values: tuple[Value, ...]) -> bytes:
    """The arguments as an escaping function takes them: nil is `<no value>` to it."""
    return sprint([b"<no value>" if value is None else value for value in values], run.meter)


def _printed(run: Run, *values: Value) -> bytes:
    return show(values[0], run.meter) if len(values) == 1 else sprint(list(values), run.meter)


BUILTINS: dict[str, Function] = {
    "and": function("value, ...value", _first_false_or_last),
    "or": function("value, ...value", _first_true_or_last),
    "not": function("value", lambda value: not truth(value)),
    "call": function("value, ...value", _refuse_call),
    "index": function("value, ...value", index),
    "slice": function("value, ...value", cut),
    "len": function("value", length),
    "eq": function("value, ...value", lambda first, *others: compare.equal(first, list(others))),
    "print": function("...any", _printed, run=True),
    "println": function("...any", lambda run, *values: sprintln(list(values), run.meter), run=True),
    "printf": function("string, ...any", lambda run, text, *values: sprintf(text, list(values), run.meter), run=True),
    "html": function("...any", lambda run, *values: escapes.html(_text(run, values)), run=True, weight=20),
    "js": function("...any", lambda run, *values: escapes.script(_text(run, values)), run=True, weight=200),
    "urlquery": function("...any", lambda run, *values: escapes.query(_text(run, values)), run=True, weight=200),
} | {name: function("value, value", body) for name, body in compare.COMPARISONS.items()}
