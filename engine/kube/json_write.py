"""JSON as Go's encoding/json indents it: the text of `kubectl -o json` and `kubeseal -o json`."""

from math import isfinite
from typing import Any

from engine.kube.go_numbers import json_text

# Source: Go encoding/json encode.go, appendString with escapeHTML.
_ESCAPES = (
    {code: f"\\u{code:04x}" for code in (*range(0x20), ord("<"), ord(">"), ord("&"), 0x2028, 0x2029)}
    | {ord(character): f"\\{escape}" for character, escape in zip('\b\t\n\f\r"\\', 'btnfr"\\', strict=True)}
)  # fmt: skip


def text(value: Any) -> str:
    """The value with two spaces a level and its keys as they stand, without a final line break.

    Raises: ValueError for NaN, infinities and half a surrogate pair, TypeError for what JSON does not carry.
    """
    parts: list[str] = []
    _write(parts, value, "\n")
    return "".join(parts)


def _write(parts: list[str], value: Any, line: str) -> None:
    if isinstance(value, str):
        parts.append(_string(value))
    elif isinstance(value, dict):
        _block(parts, "{}", [(f"{_string(key)}: ", item) for key, item in value.items()], line)
    elif isinstance(value, list):
        _block(parts, "[]", [("", item) for item in value], line)
    else:
        parts.append(_scalar(value))


def _block(parts: list[str], brackets: str, items: list[tuple[str, Any]], line: str) -> None:
    if not items:
        parts.append(brackets)
        return
    lead = brackets[0]
    for start, item in items:
        parts.append(f"{lead}{line}  {start}")
        _write(parts, item, line + "  ")
        lead = ","
    parts.append(line + brackets[1])


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a key is a {type(value).__name__}, not a string")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            # Not chained: that error carries the value.
            raise ValueError("half a surrogate pair cannot be written") from None
    return f'"{value.translate(_ESCAPES)}"'


def _scalar(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        if not isfinite(value):
            raise ValueError("JSON carries no infinity and no NaN")
        return json_text(value)
    raise TypeError(f"a {type(value).__name__} is nothing that JSON carries")
