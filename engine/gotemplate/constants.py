"""Strings, characters and numbers as they are written in a template.

Source: Go strconv quote.go, atoi.go and atof.go, text/template/parse node.go newNumber. Complex numbers are refused:
nothing that a Secret could hold is made of them.
"""

import re
from math import isinf

from engine.gotemplate.errors import Refused
from engine.gotemplate.values import runes

_ESCAPES = {"a": b"\a", "b": b"\b", "f": b"\f", "n": b"\n", "r": b"\r", "t": b"\t", "v": b"\v", "\\": b"\\"}
_ESCAPE = re.compile(
    r"\\(?:([abfnrtv\\'\"])|x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(?s:.)?)|[^\\]+"
)
_DECIMAL = re.compile(r"[+-]?(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9][0-9_]*)?")
_HEXADECIMAL = re.compile(
    r"[+-]?0[xX](?:[0-9a-fA-F_]+\.?[0-9a-fA-F_]*|\.[0-9a-fA-F][0-9a-fA-F_]*)[pP][+-]?[0-9][0-9_]*"
)
_LEADING = re.compile(r"[+-]?[0-9]+")
_PREFIXES = {"0x": 16, "0o": 8, "0b": 2}
_DIGITS = {2: "01", 8: "01234567", 10: "0123456789", 16: "0123456789abcdef"}
_LONGEST = 100
"""Digits beyond which a number is surely no integer of 64 bits; leading zeros would be odd company."""


def string(text: str) -> bytes:
    """A quoted string. Raises: Refused for an escape that Go does not know."""
    if text[0] == "`":
        return text[1:-1].replace("\r", "").encode()
    if "\\" not in text:
        return text[1:-1].encode()
    return _unescape(text[1:-1], "'")


def character(text: str) -> int:
    """The code point of a quoted character. Raises: Refused."""
    body = text[1:-1]
    if body.startswith("\\x") or (body.startswith("\\") and body[1:2].isdigit()):
        value = _unescape(body, '"')
        if len(value) == 1:
            return value[0]
    else:
        decoded = runes(_unescape(body, '"'))
        if len(decoded) == 1:
            return ord(decoded)
    raise Refused("malformed character constant")


def _unescape(text: str, foreign: str) -> bytes:
    """`foreign` is the quote that must not be escaped here."""
    parts: list[bytes] = []
    for match in _ESCAPE.finditer(text):
        simple, byte, octal, short, long = match.groups()
        if simple is not None and simple != foreign:
            parts.append(_ESCAPES.get(simple) or simple.encode())
        elif byte or octal:
            code = int(byte, 16) if byte else int(octal, 8)
            if code > 0xFF:
                raise Refused("invalid syntax in a quoted string")
            parts.append(bytes((code,)))
        elif short or long:
            code = int(short or long, 16)
            if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
                raise Refused("invalid syntax in a quoted string")
            parts.append(chr(code).encode())
        elif match[0].startswith("\\"):
            raise Refused("invalid syntax in a quoted string")
        else:
            parts.append(match[0].encode())
    return b"".join(parts)


def integer(text: str, base: int = 0) -> int | None:
    """strconv.ParseInt and ParseUint without their range check; base 0 takes prefixes and underscores."""
    sign = -1 if text[:1] == "-" else 1
    digits = text[1:] if text[:1] in ("+", "-") else text
    if base == 0:
        if "_" in digits and not _underscores_fit(digits):
            return None
        digits = digits.replace("_", "").lower()
        base = _PREFIXES.get(digits[:2], 8 if digits[:1] == "0" and len(digits) > 1 else 10)
        digits = digits[2:] if digits[:2] in _PREFIXES else digits
    if not digits or len(digits) > _LONGEST or digits.strip(_DIGITS[base]):
        return None
    return sign * int(digits, base)


def signed(text: str, base: int = 0) -> int | None:
    """strconv.ParseInt(text, base, 64), None for its errors."""
    value = integer(text, base)
    return value if value is not None and -(1 << 63) <= value < 1 << 63 else None


def clipped(text: str) -> int:
    """What strconv.ParseInt(text, 10, 64) gives beside an error: 0, or the end of the range that the number passes.

    It stops reading where the number passes 64 bits, so what comes after that need not be digits.
    """
    match = _LEADING.match(text)
    value = int(match[0][:_LONGEST]) if match else 0
    if match is None or (match.end() < len(text) and abs(value) < 1 << 64):
        return 0
    return max(-(1 << 63), min((1 << 63) - 1, value))


def unsigned(text: str) -> int | None:
    """strconv.ParseUint(text, 0, 64), None for its errors: a sign is one."""
    value = integer(text) if text[:1] not in ("+", "-") else None
    return value if value is not None and value < 1 << 64 else None


def floating(text: str) -> float | None:
    """strconv.ParseFloat(text, 64), None for its errors, of which overflow is one; `Inf` and `NaN` are numbers."""
    bare = text.lower().lstrip("+-")
    if bare in {"inf", "infinity", "nan"} and len(text) - len(bare) <= 1 and (bare != "nan" or text[0] not in "+-"):
        return float(text)
    hexadecimal = _HEXADECIMAL.fullmatch(text)
    if not hexadecimal and not _DECIMAL.fullmatch(text):
        return None
    if "_" in text and not _underscores_fit(text.lstrip("+-")):
        return None
    try:
        bare = text.replace("_", "")
        value = float.fromhex(bare) if hexadecimal else float(bare)
    except OverflowError:
        return None
    return None if isinf(value) else value


def _underscores_fit(digits: str) -> bool:
    """Underscores may stand between digits, or between a base's prefix and a digit."""
    lower = digits.lower()
    body = "0" + lower[2:] if lower[:2] in _PREFIXES else lower
    digit = "[0-9a-f]" if lower[:2] == "0x" else "[0-9]"
    return re.search(f"(?<!{digit})_|_(?!{digit})", body) is None
