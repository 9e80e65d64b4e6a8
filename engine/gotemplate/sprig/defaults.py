"""Values in place of empty ones. Source: sprig defaults.go."""

from engine.gotemplate.table import Function, function
from engine.gotemplate.values import Value, truth


def _default(otherwise: Value, *given: Value) -> Value:
    return given[0] if given and truth(given[0]) else otherwise


def _coalesce(*values: Value) -> Value:
    return next((value for value in values if truth(value)), None)


FUNCTIONS: dict[str, Function] = {
    "all": function("...any", lambda *values: all(map(truth, values))),
    "any": function("...any", lambda *values: any(map(truth, values))),
    "coalesce": function("...any", _coalesce),
    "default": function("any, ...any", _default),
    "empty": function("any", lambda value: not truth(value)),
    "ternary": function("any, any, bool", lambda yes, no, which: yes if which else no),
}
