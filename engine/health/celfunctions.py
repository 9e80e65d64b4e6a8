"""Functions on strings that Flux's expressions have and the CEL library lacks.

They are called as methods (`name.substring(2)`) and count characters. Source: google/cel-go ext/strings.go.
Optional fields (`a.?b`), `sets.` and `base64.` are not to be had with this library.
"""

from collections.abc import Callable, Mapping
from typing import Any

_MAX_TEXT = 1024 * 1024


class Refused(ValueError):
    """An argument is out of range; the text names no value."""


def _place(text: str, at: int, *, end: int | None = None) -> int:
    if not 0 <= at <= (len(text) if end is None else end):
        raise Refused("index out of range")
    return at


def _char_at(text: str, at: int) -> str:
    return text[_place(text, at) : at + 1]


def _index_of(text: str, part: str, start: int = 0) -> int:
    return text.find(part, _place(text, start))


def _last_index_of(text: str, part: str, start: int | None = None) -> int:
    return text.rfind(part) if start is None else text.rfind(part, 0, _place(text, start) + len(part))


def _lower(text: str) -> str:
    return "".join(chr(ord(one) + 32) if "A" <= one <= "Z" else one for one in text)


def _upper(text: str) -> str:
    return "".join(chr(ord(one) - 32) if "a" <= one <= "z" else one for one in text)


def _replace(text: str, old: str, new: str, most: int = -1) -> str:
    if len(text) + (text.count(old) if old else len(text) + 1) * len(new) > _MAX_TEXT:
        raise Refused("the result is too large")
    return text.replace(old, new, most)


def _split(text: str, separator: str, most: int = -1) -> list[str]:
    if most == 0:
        return []
    if separator:
        return text.split(separator, most - 1 if most > 0 else -1)
    return list(text) if most < 0 or most >= len(text) else [*text[: most - 1], text[most - 1 :]]


def _join(parts: list[str], separator: str = "") -> str:
    if sum(map(len, parts)) + len(parts) * len(separator) > _MAX_TEXT:
        raise Refused("the result is too large")
    return separator.join(parts)


def _substring(text: str, start: int, end: int | None = None) -> str:
    stop = len(text) if end is None else _place(text, end)
    return text[_place(text, start, end=stop) : stop]


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "charAt": _char_at,
    "indexOf": _index_of,
    "join": _join,
    "lastIndexOf": _last_index_of,
    "lowerAscii": _lower,
    "replace": _replace,
    "reverse": lambda text: text[::-1],
    "split": _split,
    "substring": _substring,
    "trim": str.strip,
    "upperAscii": _upper,
}
