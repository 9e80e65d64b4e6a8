"""What the operators do with a value. Lengths and places count bytes.

Values are str; a piece that is cut out of the middle of a character carries its bytes as surrogates (PEP 383), so that
two halves put together are the character again. Source: fluxcd/pkg envsubst/funcs.go and template.go, lookupFunc.
"""

import re
from collections.abc import Callable, Sequence

from engine.envsubst.errors import SubstituteError
from engine.envsubst.glob import BadPattern, matches
from engine.envsubst.limits import Meter

Function = Callable[[str, Sequence[str], Meter], str]

DEFAULTS = frozenset({"=", ":=", ":-", ":?", ":+"})
"""Operators for which a variable need not be set."""

_INT64 = 2**63
_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]+")
_PLAIN = re.compile(r"[^*?\[\\]+")


def function(name: str, argument_count: int) -> Function:
    """What an operator does. One that is none, such as `^,`, leaves the value alone, as no operator at all does."""
    if name == "#" and not argument_count:
        return _length
    return _FUNCTIONS.get(name, _default)


def to_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def to_text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _length(value: str, _: Sequence[str], __: Meter) -> str:
    return str(len(to_bytes(value)))


def _default(value: str, arguments: Sequence[str], _: Meter) -> str:
    """Empty counts as unset, for all of these operators alike."""
    return value or "".join(arguments)


def _upper(value: str, _: Sequence[str], meter: Meter) -> str:
    meter.grow(len(value))
    return value.upper() if value.isascii() else "".join(map(_upper_rune, value))


def _lower(value: str, _: Sequence[str], meter: Meter) -> str:
    meter.grow(len(value))
    return value.lower() if value.isascii() else "".join(map(_lower_rune, value))


def _upper_first(value: str, _: Sequence[str], __: Meter) -> str:
    return _upper_rune(value[0]) + value[1:] if value else value


def _lower_first(value: str, _: Sequence[str], __: Meter) -> str:
    return _lower_rune(value[0]) + value[1:] if value else value


def _upper_rune(rune: str) -> str:
    """unicode.ToUpper: one character for one, so that `ß` stays."""
    upper = rune.upper()
    if len(upper) > 1:
        upper = rune.title()  # Greek letters with iota below have one character for that
    return upper if len(upper) == 1 else rune


def _lower_rune(rune: str) -> str:
    return rune.lower()[0]


def _substring(value: str, arguments: Sequence[str], _: Meter) -> str:
    position = _number(arguments[0])
    if position is None:
        return value
    data = to_bytes(value)
    if position < 0:
        position = max(0, len(data) + position)
    if len(arguments) == 1:
        return to_text(data[position:])
    length = _number(arguments[1])
    if length is None:
        return value
    end = (position + length + _INT64) % (2 * _INT64) - _INT64
    if end >= len(data):
        return to_text(data[position:])
    if end < position:
        raise SubstituteError("the length of a substring is negative")
    return to_text(data[position:end])


def _number(text: str) -> int | None:
    """strconv.Atoi; None for what it refuses."""
    if not _WHOLE_NUMBER.fullmatch(text) or len(text) > 4096:
        return None
    number = int(text)
    return number if -_INT64 <= number < _INT64 else None


def _replace_all(value: str, arguments: Sequence[str], meter: Meter) -> str:
    old, new = arguments[0], "".join(arguments[1:2])
    meter.grow(len(value) + (value.count(old) if old else len(value) + 1) * len(new))
    return value.replace(old, new)


def _replace_first(value: str, arguments: Sequence[str], _: Meter) -> str:
    return value.replace(arguments[0], "".join(arguments[1:2]), 1)


def _replace_prefix(value: str, arguments: Sequence[str], _: Meter) -> str:
    """With nothing to put in its place the prefix stays."""
    if len(arguments) != 2 or not value.startswith(arguments[0]):
        return value
    return arguments[1] + value.removeprefix(arguments[0])


def _replace_suffix(value: str, arguments: Sequence[str], _: Meter) -> str:
    """With nothing to put in its place the suffix stays."""
    if len(arguments) != 2 or not value.endswith(arguments[0]):
        return value
    return value.removesuffix(arguments[0]) + arguments[1]


def _trim(value: bytes, pattern: bytes, meter: Meter, *, is_longest: bool) -> bytes:
    """A value without a prefix, which is never empty, that the pattern matches; a broken pattern matches nothing."""
    if _PLAIN.fullmatch(to_text(pattern)):
        return value.removeprefix(pattern)
    found = 0
    for end in range(len(value), 0, -1):
        meter.spend(1 + end // 64)  # the copy
        try:
            is_match = matches(pattern, value[:end], meter)
        except BadPattern:
            return value
        if is_match:
            found = end
            if is_longest:
                break
    return value[found:]


def _trim_prefix(*, is_longest: bool) -> Function:
    def trim(value: str, arguments: Sequence[str], meter: Meter) -> str:
        return to_text(_trim(to_bytes(value), to_bytes(arguments[0]), meter, is_longest=is_longest))

    return trim


def _trim_suffix(*, is_longest: bool) -> Function:
    """As the original: value and pattern are reversed by characters, classes and escapes of the pattern with them."""

    def trim(value: str, arguments: Sequence[str], meter: Meter) -> str:
        reversed_value, reversed_pattern = to_bytes(_reversed(value)), to_bytes(_reversed(arguments[0]))
        return _reversed(to_text(_trim(reversed_value, reversed_pattern, meter, is_longest=is_longest)))

    return trim


def _reversed(text: str) -> str:
    """The characters in the other order; a byte that is part of none becomes U+FFFD."""
    return "".join("\ufffd" if "\udc80" <= rune <= "\udcff" else rune for rune in reversed(text))


_FUNCTIONS: dict[str, Function] = {
    ",": _lower_first,
    ",,": _lower,
    "^": _upper_first,
    "^^": _upper,
    "#": _trim_prefix(is_longest=False),
    "##": _trim_prefix(is_longest=True),
    "%": _trim_suffix(is_longest=False),
    "%%": _trim_suffix(is_longest=True),
    ":": _substring,
    "/": _replace_first,
    "//": _replace_all,
    "/#": _replace_prefix,
    "/%": _replace_suffix,
}
