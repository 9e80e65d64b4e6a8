"""Flag values in Go's spelling, so that arguments written for the original controller keep working."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import click

from engine.errors import KsealError
from sealer import wrappingkey
from sealer.secret import check_name

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
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_RFC1123Z: Final = re.compile(
    r"(?:mon|tue|wed|thu|fri|sat|sun), ([0-9]{2}) ([a-z]{3}) ([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2})"
    r" ([+-])([0-9]{2})([0-9]{2})",
    re.IGNORECASE,
)
_LONGEST_PREFIX: Final = 245  # 253 for a name, less what is added to make it unique. Source: the original's check
_PREFIX: Final = re.compile(r"[a-z0-9][a-z0-9-]*")


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


class GoTime(click.ParamType[datetime]):
    """A point in time as time.RFC1123Z writes it, which is also the form of `date -R`."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Raises: click.BadParameter."""
        if isinstance(value, datetime):
            return value
        try:
            return parse_time(str(value))
        except ValueError:
            self.fail(f"{value!r} is not a time such as 'Mon, 02 Jan 2006 15:04:05 -0700' (try date -R)", param, ctx)


def parse_time(text: str) -> datetime:
    """Read `Mon, 02 Jan 2006 15:04:05 -0700`: a day of two digits, a numeric zone; the weekday may be any.

    Returns an aware time in UTC. Raises: ValueError for anything else, and for a time that does not exist.
    """
    match = _RFC1123Z.fullmatch(text)
    if match is None or match[2].lower() not in _MONTHS:
        raise ValueError("not a time in the form of RFC 1123 with a numeric zone")
    if int(match[8]) > 23 or int(match[9]) > 59:
        raise ValueError("there is no such zone")
    offset = timedelta(hours=int(match[8]), minutes=int(match[9])) * (-1 if match[7] == "-" else 1)
    month = _MONTHS.index(match[2].lower()) + 1
    local = datetime(int(match[3]), month, int(match[1]), int(match[4]), int(match[5]), int(match[6]), tzinfo=UTC)
    try:
        return local - offset
    except OverflowError:
        raise ValueError("beyond the calendar") from None


class Pairs(click.ParamType[Mapping[str, str]]):
    """`key=value,key=value`, each pair one that the API takes.

    More lenient than the original, which crashes on an entry without `=` and cuts a value at its second `=`: here such
    an entry has the empty value, a value keeps its `=`, and empty entries are none.
    """

    name = "k=v,..."

    def __init__(self, check: Callable[[Mapping[str, str]], None]) -> None:
        """`check` raises KsealError for pairs that the API refuses."""
        self._check = check

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Mapping[str, str]:
        """Raises: click.BadParameter."""
        if not isinstance(value, str):
            return dict(value)
        entries = [entry.partition("=") for entry in value.split(",") if entry.strip()]
        pairs = {key.strip(): content.strip() for key, _, content in entries}
        try:
            self._check(pairs)
        except KsealError as error:
            self.fail(error.message, param, ctx)
        return pairs


class Checked(click.ParamType[str]):
    """Text that passes a check."""

    def __init__(self, name: str, check: Callable[[str], object]) -> None:
        """`check` raises KsealError for a text that is refused; its hint is shown too."""
        self.name = name
        self._check = check

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Raises: click.BadParameter."""
        text = str(value)
        try:
            self._check(text)
        except KsealError as error:
            self.fail(f"{error.message}; {error.hint}" if error.hint else error.message, param, ctx)
        return text


def _check_prefix(text: str) -> None:
    if len(text) > _LONGEST_PREFIX:
        raise KsealError(f"a prefix has at most {_LONGEST_PREFIX} characters, this one has {len(text)}")
    if _PREFIX.fullmatch(text) is None:
        raise KsealError(f"{text!r} cannot begin a name: lower case letters, digits and '-' only")


def _check_object_name(text: str) -> None:
    try:
        if text:
            check_name(text)
    except KsealError as error:
        raise KsealError(f"{text!r} cannot be the name of an object", error.hint) from error


NAME_PREFIX: Final = Checked("prefix", _check_prefix)
"""What the names of key Secrets begin with: `a-z0-9-`, and room for what makes them unique."""
OBJECT_NAME: Final = Checked("name", _check_object_name)
"""The name of an object, or nothing."""
WRAPPING_KEYS: Final = Checked("keys", lambda text: wrappingkey.parse_all([text]))
"""Keys that wrap sealing keys, separated by commas, or nothing."""


def names(text: str) -> tuple[str, ...]:
    """The entries of a comma list, each once, in their order; blanks around them do not count."""
    return tuple(dict.fromkeys(entry.strip() for entry in text.split(",") if entry.strip()))
