"""Methods that templates may call on the structs that functions return, such as `now.Year`."""

from engine.gotemplate.table import Function
from engine.gotemplate.values import Value

_METHODS: dict[type, dict[str, Function]] = {}


def register(kind: type, methods: dict[str, Function]) -> None:
    """Give a class its methods; their bodies take the value before the arguments."""
    _METHODS[kind] = methods


def method(value: Value, name: str) -> Function | None:
    return _METHODS.get(type(value), {}).get(name)
