"""Go's layouts, which write a time as the reference time would be: `2006-01-02 15:04:05`. Source: Go time format.go."""

import re
from collections.abc import Iterator

from engine.gotemplate.times import DAYS, MONTHS, Clock, Time

_ELEMENT = re.compile(
    rb"January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|0[1-6]|002|15|1|2006|2|__2|_2006|_2|3|4|5|PM|pm"
    rb"|-070000|-07:00:00|-0700|-07:00|-07|Z070000|Z07:00:00|Z0700|Z07:00|Z07|[.,](?:0+|9+)(?![0-9])"
)
_OFFSETS = (b"-07", b"Z07")


def elements(layout: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Pairs of the literal text before an element and the element; the last one's element is empty."""
    place = 0
    while match := _ELEMENT.search(layout, place):
        start = match.start() + (match[0] == b"_2006")  # a literal _ and the year
        yield layout[place:start], layout[start : match.end()]
        place = match.end()
    yield layout[place:], b""


def show(time: Time, layout: bytes) -> bytes:
    """Time.Format."""
    clock = time.clock()
    parts: list[bytes] = []
    for literal, element in elements(layout):
        parts.append(literal)
        if element[:3] in _OFFSETS:
            parts.append(_offset(clock, element))
        elif element[:1] in {b".", b","}:
            parts.append(_fraction(time.nanosecond, element))
        elif element:
            parts.append(_element(clock, element).encode())
    return b"".join(parts)


def _element(clock: Clock, element: bytes) -> str:
    if element == b"2006":
        return f"-{-clock.year:04d}" if clock.year < 0 else f"{clock.year:04d}"
    return {
        b"January": MONTHS[clock.month - 1],
        b"Jan": MONTHS[clock.month - 1][:3],
        b"Monday": DAYS[clock.weekday],
        b"Mon": DAYS[clock.weekday][:3],
        b"MST": clock.abbreviation or _plain_offset(clock.offset),
        b"01": f"{clock.month:02d}",
        b"1": f"{clock.month}",
        b"02": f"{clock.day:02d}",
        b"2": f"{clock.day}",
        b"_2": f"{clock.day:2d}",
        b"002": f"{clock.year_day:03d}",
        b"__2": f"{clock.year_day:3d}",
        b"15": f"{clock.hour:02d}",
        b"03": f"{clock.hour % 12 or 12:02d}",
        b"3": f"{clock.hour % 12 or 12}",
        b"04": f"{clock.minute:02d}",
        b"4": f"{clock.minute}",
        b"05": f"{clock.second:02d}",
        b"5": f"{clock.second}",
        b"06": f"{abs(clock.year) % 100:02d}",
        b"PM": "PM" if clock.hour >= 12 else "AM",
        b"pm": "pm" if clock.hour >= 12 else "am",
    }[element]


def _plain_offset(offset: int) -> str:
    """An offset stands for an abbreviation that is not known; Go cuts towards zero."""
    minutes = abs(offset) // 60
    return f"{'-' if offset <= -60 else '+'}{minutes // 60:02d}{minutes % 60:02d}"


def _offset(clock: Clock, element: bytes) -> bytes:
    offset = clock.offset
    if offset == 0 and element[:1] == b"Z":
        return b"Z"
    minutes, seconds = divmod(abs(offset), 60)
    colon = ":" if b":" in element else ""
    made = f"{'-' if offset <= -60 else '+'}{minutes // 60:02d}"
    if len(element) > 3:
        made += f"{colon}{minutes % 60:02d}"
    if len(element) in {7, 9}:
        made += f"{colon}{seconds:02d}"
    return made.encode()


def _fraction(nanosecond: int, element: bytes) -> bytes:
    """`.000` always has its digits, `.999` none at the end that are zero."""
    digits = f"{nanosecond:09d}"[: len(element) - 1].ljust(len(element) - 1, "0")
    if element[1:2] == b"9":
        digits = digits.rstrip("0")
    return element[:1] + digits.encode() if digits else b""
