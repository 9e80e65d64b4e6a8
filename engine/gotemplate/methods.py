"""Methods that templates may call on the structs that functions return, such as `now.Year`."""

from functools import partial

from engine.gotemplate.table import Function
from engine.gotemplate.values import Value

_METHODS: dict[type, dict[str, Function]] = {}


def register(kind: type, methods: dict[str, Function]) -> None:
    """Give a class its methods; their bodies take the value before the arguments."""
    _METHODS[kind] = methods


def method(value: Value, name: str) -> Function | None:
    """A method of a value, as a function of the arguments alone."""
    found = _METHODS.get(type(value), {}).get(name)
    return None if found is None else found._replace(body=partial(found.body, value))
