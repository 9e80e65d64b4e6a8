"""Whether a value fits a parameter. Source: Go 1.26 text/template exec.go, validateType and evalArg."""

from engine.gotemplate.errors import Refused
from engine.gotemplate.nodes import Constant, Nil, Number
from engine.gotemplate.values import (
    NOTHING,
    Int64,
    NilList,
    NilMap,
    Uint32,
    Value,
)

_CLASSES: dict[str, tuple[type, ...]] = {
    "string": (bytes,),
    "int": (int,),
    "int64": (Int64,),
    "uint32": (Uint32,),
    "float64": (float,),
    "bool": (bool,),
    "[]any": (list, NilList),
    "map": (dict, NilMap),
}
_NIL: dict[str, type] = {"[]any": NilList, "map": NilMap}
_INTEGERS: dict[str, type[int]] = {"int": int, "int64": Int64}
_UNSIGNED: dict[str, tuple[type[int], int]] = {"uint32": (Uint32, 1 << 32)}


def register(name: str, kind: type, integer: type[int] | None = None) -> None:
    """Make a further type of parameter known; `integer` for one that number constants may become."""
    _CLASSES[name] = (kind,)
    if integer is not None:
        _INTEGERS[name] = integer


def fit(value: Value, wanted: str) -> Value:
    """The value as a parameter of the type takes it. Raises: Refused."""
    if wanted == "value":
        return value
    if wanted == "any":
        return None if value is NOTHING else value
    if type(value) in _CLASSES[wanted]:
        return value
    if value is NOTHING and wanted in _NIL:
        return _NIL[wanted]()
    raise Refused(f"wrong type of argument, expected {_NAMES.get(wanted, wanted)}")


def constant(node: Constant | Number | Nil, wanted: str) -> Value:
    """What a constant means to a parameter of the type. Raises: Refused."""
    if isinstance(node, Nil):
        if wanted == "any" or wanted in _NIL:
            return None if wanted == "any" else _NIL[wanted]()
        if wanted == "value":
            return NOTHING
    elif isinstance(node, Constant):
        if wanted in {"any", "value"} or type(node.value) in _CLASSES[wanted]:
            return node.value
    elif wanted in {"any", "value"}:
        return ideal(node)
    elif wanted in _INTEGERS:
        if node.signed is not None:
            return _INTEGERS[wanted](node.signed)
    elif wanted in _UNSIGNED:
        if node.unsigned is not None:
            kind, end = _UNSIGNED[wanted]
            return kind(node.unsigned % end)
    elif wanted == "float64" and node.floating is not None:
        return node.floating
    raise Refused(f"wrong type of argument, expected {_NAMES.get(wanted, wanted)}")


def ideal(node: Number) -> int | float:
    """A number where no type is asked for: float64 when it is written as one, else int. Raises: Refused."""
    if node.decimal and node.floating is not None:
        return node.floating
    if node.signed is None:
        raise Refused("a number overflows int")
    return node.signed


_NAMES = {"map": "map[string]interface {}", "[]any": "[]interface {}"}
