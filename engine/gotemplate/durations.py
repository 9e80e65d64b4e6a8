"""Spans of time, in nanoseconds. Source: Go time time.go and format.go."""

import re

from engine.gotemplate import arguments, methods
from engine.gotemplate.errors import Refused
from engine.gotemplate.table import function
from engine.gotemplate.values import Int64, register

SECOND = 1_000_000_000
_UNITS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": SECOND,
    "m": 60 * SECOND,
    "h": 3600 * SECOND,
}
_END = 1 << 63
_PART = re.compile(r"([0-9]*)(?:\.([0-9]*))?([^.0-9]*)")
_PRECISE = (_END - 1) // 10
"""The fraction up to which Go keeps adding digits."""


class Duration(Int64):
    """Go's time.Duration."""

    __slots__ = ()

    def text(self) -> bytes:
        """As `1h15m30.918s`; below a second in a smaller unit."""
        size = abs(self)
        if size == 0:
            return b"0s"
        sign = "-" if self < 0 else ""
        if size < SECOND:
            unit, places = ("ns", 0) if size < 1_000 else ("µs", 3) if size < 1_000_000 else ("ms", 6)
            return f"{sign}{_fraction(size, places)}{unit}".encode()
        minutes, rest = divmod(size, 60 * SECOND)
        made = f"{_fraction(rest, 9)}s"
        if minutes:
            hours, minutes = divmod(minutes, 60)
            made = f"{minutes}m{made}"
            made = f"{hours}h{made}" if hours else made
        return (sign + made).encode()


def _fraction(value: int, places: int) -> str:
    whole, rest = divmod(value, 10**places)
    digits = f"{rest:0{places}d}".rstrip("0") if places else ""
    return f"{whole}.{digits}" if digits else str(whole)


def parse(text: bytes) -> Duration:
    """time.ParseDuration, as in `-1.5h` or `2h45m`. Raises: Refused."""
    written = text.decode("utf-8", "surrogateescape")
    body = written[1:] if written[:1] in {"-", "+"} else written
    if body == "0":
        return Duration(0)
    total, place = 0, 0
    while place < len(body) or not body:
        match = _PART.match(body, place)
        if match is None or not match[0]:
            raise Refused("no duration")
        total += _part(match)
        place = match.end()
    is_negative = written[:1] == "-"
    if total > _END or (total == _END and not is_negative):
        raise Refused("no duration")
    return Duration(-total if is_negative else total)


def _part(match: re.Match[str]) -> int:
    whole, fraction, unit = match.groups()
    scale = _UNITS.get(unit)
    if scale is None or not (whole or fraction) or len(whole) > 19 or int(whole or 0) > _END // scale:
        raise Refused("no duration")
    value, digits = 0, 0
    for digit in fraction or "":
        if value > _PRECISE:
            break
        value, digits = value * 10 + int(digit), digits + 1
    return int(whole or 0) * scale + (int(value * (scale / 10**digits)) if value else 0)


def rounded(duration: int, to: int) -> int:
    """Duration.Round: halves go away from zero; nothing happens for a step of zero or less."""
    if to <= 0:
        return duration
    rest = abs(duration) % to
    size = abs(duration) - rest + (to if rest + rest >= to else 0)
    result = size if duration >= 0 else -size
    return max(-_END, min(_END - 1, result))


def _float_of(unit: int, duration: int) -> float:
    """Duration.Hours and its like: the whole part and the rest are added as floats."""
    size, rest = divmod(abs(duration), unit)
    value = float(size) + float(rest) / unit
    return value if duration >= 0 else -value


def _whole_of(unit: int, duration: int) -> Int64:
    return Int64(abs(duration) // unit if duration >= 0 else -(abs(duration) // unit))


def _truncated(duration: int, to: int) -> int:
    rest = abs(duration) % to if to > 0 else 0
    return duration - rest if duration >= 0 else duration + rest


register(Duration, "time.Duration", "int64")
arguments.register("duration", Duration, Duration)
methods.register(
    Duration,
    {
        "Abs": function("", lambda duration: Duration(min(abs(duration), _END - 1))),
        "Hours": function("", lambda duration: _float_of(3600 * SECOND, duration)),
        "Microseconds": function("", lambda duration: _whole_of(1_000, duration)),
        "Milliseconds": function("", lambda duration: _whole_of(1_000_000, duration)),
        "Minutes": function("", lambda duration: _float_of(60 * SECOND, duration)),
        "Nanoseconds": function("", Int64),
        "Round": function("duration", lambda duration, to: Duration(rounded(duration, to))),
        "Seconds": function("", lambda duration: _float_of(SECOND, duration)),
        "String": function("", Duration.text),
        "Truncate": function("duration", lambda duration, to: Duration(_truncated(duration, to))),
    },
)
