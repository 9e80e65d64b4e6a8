"""Strings, numbers and booleans under a verb of fmt.Sprintf. Source: Go 1.26 fmt format.go and print.go.

The functions return None for a verb that does not fit the type.
"""

from engine.gotemplate import floats
from engine.gotemplate.directives import Flags
from engine.gotemplate.quoting import can_backquote, is_printable, quote, quote_rune
from engine.gotemplate.values import runes, unrunes

_BASES = {"d": "d", "v": "d", "b": "b", "o": "o", "O": "o", "x": "x", "X": "X"}
_FLOAT_VERBS = {"v": ("g", -1), "g": ("g", -1), "G": ("G", -1), "b": ("b", -1), "x": ("x", -1), "X": ("X", -1)} | {
    "f": ("f", 6), "F": ("f", 6), "e": ("e", 6), "E": ("E", 6)
}  # fmt: skip


def padded(text: bytes, flags: Flags, *, zeros: bool = True) -> bytes:
    """A text with spaces, or zeros, up to the width, which counts characters."""
    lacking = (flags.width or 0) - len(runes(text))
    if lacking <= 0:
        return text
    filling = (b"0" if zeros and flags.zero and not flags.minus else b" ") * lacking
    return text + filling if flags.minus else filling + text


def boolean(value: bool, verb: str, flags: Flags) -> bytes | None:
    return padded(b"true" if value else b"false", flags) if verb in {"t", "v"} else None


def string(text: bytes, verb: str, flags: Flags) -> bytes | None:
    if verb == "v":
        verb = "q" if flags.sharp_v else "s"
    if verb in {"x", "X"}:
        return _hexadecimal(text, verb, flags)
    if verb not in {"s", "q"}:
        return None
    if flags.precision is not None:
        text = unrunes(runes(text)[: flags.precision])
    if verb == "q":
        is_raw = flags.sharp and can_backquote(text)
        text = b"`" + text + b"`" if is_raw else quote(text, ascii_only=flags.plus)
    return padded(text, flags)


def _hexadecimal(text: bytes, verb: str, flags: Flags) -> bytes:
    text = text if flags.precision is None else text[: flags.precision]
    lead = b"0x" if flags.sharp else b""
    if flags.space:
        made = b" ".join(lead + b"%02x" % byte for byte in text)
    else:
        made = (lead if text else b"") + text.hex().encode()
    return padded(made.upper() if verb == "X" else made, flags)


def integer(number: int, verb: str, flags: Flags, *, is_unsigned: bool) -> bytes | None:
    if verb in {"c", "q", "U"}:
        return _character(number % (1 << 64), verb, flags)
    if verb not in _BASES:
        return None
    if verb == "v" and flags.sharp_v and is_unsigned:
        return padded(b"0x%x" % number, flags)
    return _digits(number, verb, flags)


def _character(code: int, verb: str, flags: Flags) -> bytes:
    if verb == "U":
        text = f"U+{code:0{max(flags.precision or 0, 4)}X}"
        if flags.sharp and is_printable(code):
            text += f" '{chr(code)}'"
        return padded(text.encode(), flags, zeros=False)
    if verb == "q":
        return padded(quote_rune(code, ascii_only=flags.plus), flags)
    return padded((chr(code) if code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF else "\ufffd").encode(), flags)


def _digits(number: int, verb: str, flags: Flags) -> bytes:
    if flags.precision == 0 and number == 0:
        return b" " * (flags.width or 0)
    sign = "-" if number < 0 else "+" if flags.plus else " " if flags.space else ""
    least = flags.precision or 0
    if flags.precision is None and flags.zero and not flags.minus and flags.width is not None:
        least = flags.width - len(sign)
    body = f"{abs(number):{_BASES[verb]}}".rjust(least, "0")
    if flags.sharp:
        if verb in {"b", "x", "X"}:
            body = f"0{verb}{body}"
        elif verb in {"o", "O"} and body[0] != "0":
            body = "0" + body
    if verb == "O":
        body = "0o" + body
    return padded((sign + body).encode(), flags, zeros=False)


def floating(value: float, verb: str, flags: Flags) -> bytes | None:
    if verb not in _FLOAT_VERBS:
        return None
    style, precision = _FLOAT_VERBS[verb]
    precision = precision if flags.precision is None else flags.precision
    text = floats.text(value, style, precision)
    text = text if text[0] in "+-" else "+" + text
    if flags.space and text[0] == "+" and not flags.plus:
        text = " " + text[1:]
    if text[1] in "IN":
        if text[0] == "+" and not flags.plus:
            text = text[1:]
        return padded(text.encode(), flags, zeros=False)
    if flags.sharp and verb != "b":
        text = _with_point(text, verb, precision)
    if not flags.plus and text[0] == "+":
        return padded(text[1:].encode(), flags)
    if flags.zero and not flags.minus and flags.width is not None:
        return (text[0] + text[1:].rjust(flags.width - 1, "0")).encode()
    return padded(text.encode(), flags)


def _with_point(text: str, verb: str, precision: int) -> str:
    """The # flag: always a decimal point, and for %g the zeros after it."""
    digits = (6 if precision == -1 else precision) if verb in {"v", "g", "G", "x"} else 0
    mark = "pP" if verb in {"x", "X"} else "eEpP"
    cut = next((place for place, character in enumerate(text) if character in mark), len(text))
    number, tail = text[:cut], text[cut:]
    significant = number[1:].replace(".", "").replace("x", "").replace("X", "").lstrip("0")
    if verb in {"x", "X"}:
        significant = number[1:].replace(".", "").lstrip("0")
    digits -= len(significant)
    if "." not in number:
        digits -= number[1:] == "0"
        number += "."
    return number + "0" * max(digits, 0) + tail
