"""What a value is. Source: sprig reflect.go."""

from engine.gotemplate.compare import deep_equal
from engine.gotemplate.table import Function, function
from engine.gotemplate.values import Value, type_of


def _type(value: Value) -> bytes:
    return type_of(value).name.encode()


def _kind(value: Value) -> bytes:
    return type_of(value).kind.encode()


FUNCTIONS: dict[str, Function] = {
    "deepEqual": function("any, any", lambda run, one, other: deep_equal(one, other, run.meter), run=True),
    "kindIs": function("string, any", lambda wanted, value: wanted == _kind(value)),
    "kindOf": function("any", _kind),
    "typeIs": function("string, any", lambda wanted, value: wanted == _type(value)),
    "typeIsLike": function("string, any", lambda wanted, value: _type(value) in {wanted, b"*" + wanted}),
    "typeOf": function("any", _type),
}
