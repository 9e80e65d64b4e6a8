"""Flag values in Go's spelling, so that arguments written for the original controller keep working."""

from datetime import timedelta
from typing import Any, Final

import click

_UNITS: Final = {
    "ns": timedelta(microseconds=0.001),
    "us": timedelta(microseconds=1),
    "µs": timedelta(microseconds=1),
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
}
_TRUE: Final = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE: Final = frozenset({"0", "f", "F", "FALSE", "false", "False"})
_LONGEST: Final = 64


class GoBool(click.ParamType[bool]):
    """true or false as strconv.ParseBool reads it; the bare flag means true."""

    name = "true|false"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> bool:
        """Raises: click.BadParameter."""
        if isinstance(value, bool):
            return value
        if value in _TRUE:
            return True
        if value not in _FALSE:
            self.fail(f"{value!r} is neither true nor false", param, ctx)
        return False


class GoDuration(click.ParamType[timedelta]):
    """A duration as time.ParseDuration reads it: `1h30m`, `250ms`, `0`."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Raises: click.BadParameter."""
        if isinstance(value, timedelta):
            return value
        try:
            return parse_duration(str(value))
        except ValueError:
            self.fail(f"{value!r} is not a duration such as 720h, 2m30s or 500ms", param, ctx)


def parse_duration(text: str) -> timedelta:
    """Read Go's form of a duration: numbers with units, biggest first by habit only, an optional sign.

    Raises: ValueError for anything else, and for what no timedelta holds.
    """
    if len(text) > _LONGEST:
        raise ValueError("too long")
    sign, rest = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    if rest == "0":
        return timedelta(0)
    total = timedelta(0)
    while rest:
        number, rest = _leading(rest, "0123456789.")
        unit, rest = _leading(rest, "nuµmsh")
        if not number.strip(".") or number.count(".") > 1 or unit not in _UNITS:
            raise ValueError("not a duration")
        try:
            total += float(number) * _UNITS[unit]
        except OverflowError:
            raise ValueError("too long a time") from None
    if not text.strip("+-"):
        raise ValueError("empty")
    return sign * total


def _leading(text: str, alphabet: str) -> tuple[str, str]:
    end = next((index for index, character in enumerate(text) if character not in alphabet), len(text))
    return text[:end], text[end:]
