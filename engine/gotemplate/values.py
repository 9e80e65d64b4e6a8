"""The values that templates work on: Go's types, carried by Python's.

| Go | here |
|---|---|
| string | bytes, since Go's strings are bytes and need not be UTF-8 |
| bool, int, float64 | bool, int, float |
| int64, uint8, uint32 | Int64, Uint8, Uint32, so that `typeOf` and parameters can tell them from int |
| []any, []string, []int, [][]any | list, Strings, Ints, Lists |
| map[string]any, map[string]string | dict, StringMap; keys are bytes |
| nil of one of these types | NilList, NilStrings, NilMap |
| nil in an interface | None |
| reflect's zero Value, such as a missing key | NOTHING |
| structs with methods | classes of their own, registered by `register` |
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, NamedTuple

Value = Any
"""Any of the values above; what a template does with one is decided when it runs."""


class _Nothing(Enum):
    NOTHING = 0


NOTHING: Final = _Nothing.NOTHING


class Int64(int):
    """Go's int64."""

    __slots__ = ()


class Uint8(int):
    """Go's uint8, which is what indexing a string gives."""

    __slots__ = ()


class Uint32(int):
    """Go's uint32."""

    __slots__ = ()


class Uint64(int):
    """Go's uint64."""

    __slots__ = ()


class Strings(list[bytes]):
    """Go's []string."""

    __slots__ = ()


class Ints(list[int]):
    """Go's []int."""

    __slots__ = ()


class Lists(list[list[Value]]):
    """Go's [][]interface {}."""

    __slots__ = ()


class StringMap(dict[bytes, bytes]):
    """Go's map[string]string."""

    __slots__ = ()


class NilList(list[Value]):
    """A nil []interface {}."""

    __slots__ = ()


class NilStrings(Strings):
    """A nil []string."""

    __slots__ = ()


class NilMap(dict[bytes, Value]):
    """A nil map[string]interface {}."""

    __slots__ = ()


class Struct:
    """A Go struct, or a pointer to one, that templates meet as the result of a function."""

    __slots__ = ()

    fields: tuple[str, ...] = ()
    """Names of exported fields, each an attribute in lower case."""

    def text(self) -> bytes | None:
        """What its String method gives, None when it has none."""
        return None

    def json(self) -> bytes | None:
        """The string that JSON has for it, None when JSON has its fields."""
        return None


class Type(NamedTuple):
    """A type's name as `%T` prints it and its kind as reflect calls it."""

    name: str
    kind: str


_TYPES: dict[type, Type] = {
    bytes: Type("string", "string"),
    bool: Type("bool", "bool"),
    int: Type("int", "int"),
    float: Type("float64", "float64"),
    Int64: Type("int64", "int64"),
    Uint8: Type("uint8", "uint8"),
    Uint32: Type("uint32", "uint32"),
    Uint64: Type("uint64", "uint64"),
    list: Type("[]interface {}", "slice"),
    NilList: Type("[]interface {}", "slice"),
    Strings: Type("[]string", "slice"),
    NilStrings: Type("[]string", "slice"),
    Ints: Type("[]int", "slice"),
    Lists: Type("[][]interface {}", "slice"),
    dict: Type("map[string]interface {}", "map"),
    NilMap: Type("map[string]interface {}", "map"),
    StringMap: Type("map[string]string", "map"),
}

_INVALID = Type("<nil>", "invalid")

SIGNED = frozenset({"int", "int64"})
UNSIGNED = frozenset({"uint8", "uint32", "uint64"})


def register(kind: type, name: str, reflected: str) -> None:
    """Make a class known as a Go type; called by the module that defines the class."""
    _TYPES[kind] = Type(name, reflected)


def type_of(value: Value) -> Type:
    """The Go type of a value; `invalid` for nil."""
    return _TYPES.get(type(value), _INVALID)


def is_nil(value: Value) -> bool:
    """Whether a value is nil, of a type or of none."""
    return value is None or value is NOTHING or isinstance(value, NilList | NilStrings | NilMap)


def truth(value: Value) -> bool:
    """Whether `if` takes a value for true: not zero, not empty, not nil; structs always are."""
    if isinstance(value, Struct):
        return True
    return value is not NOTHING and bool(value)


def wrap(number: int) -> int:
    """An integer cut to 64 bits, as Go's arithmetic does without a word."""
    return (number + (1 << 63)) % (1 << 64) - (1 << 63)


def of_json(value: Any) -> Value:
    """What encoding/json makes of JSON data: numbers are float64, objects are map[string]interface {}."""
    if isinstance(value, str):
        return of_text(value)
    if isinstance(value, dict):
        return {of_text(key): of_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [of_json(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value


def of_text(text: str) -> bytes:
    """A Go string; half of a surrogate pair becomes U+FFFD, as encoding/json has it."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return "".join("\ufffd" if "\ud800" <= rune <= "\udfff" else rune for rune in text).encode()


def string_map(data: Mapping[str, bytes]) -> StringMap:
    """Data as SealedSecrets and ExternalSecrets hand to their templates: names to bytes."""
    return StringMap((of_text(name), value) for name, value in data.items())


def runes(text: bytes) -> str:
    """A string as characters. Bytes that are no UTF-8 become one surrogate each, and `unrunes` restores them."""
    return text.decode("utf-8", "surrogateescape")


def unrunes(text: str) -> bytes:
    """The reverse of `runes`."""
    return text.encode("utf-8", "surrogateescape")


def clean_runes(text: bytes) -> str:
    """A string as Go's []rune has it: U+FFFD for each byte that is no UTF-8."""
    if text.isascii():
        return text.decode("ascii")
    return "".join("\ufffd" if "\ud800" <= rune <= "\udfff" else rune for rune in runes(text))
