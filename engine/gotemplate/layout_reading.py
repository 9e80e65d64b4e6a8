"""Reading a time by a layout. Source: Go time format.go, parse; the special path for RFC 3339 gives the same."""

import re

from engine.gotemplate.errors import Refused
from engine.gotemplate.layouts import elements
from engine.gotemplate.times import DAYS, MONTHS, UTC_ZONE, Time, Zone, days_of, made

_LONGEST = 10_000
"""Bytes of layout and text together; each element costs a copy of the rest."""
_SIGN = {b"+": 1, b"-": -1}
_NUMBERS = {
    b"1": ("month", 1), b"01": ("month", 2), b"2": ("day", 1), b"_2": ("day", 1), b"02": ("day", 2),
    b"15": ("hour", 1), b"3": ("hour12", 1), b"03": ("hour12", 2), b"4": ("minute", 1), b"04": ("minute", 2),
    b"5": ("second", 1), b"05": ("second", 2),
}  # fmt: skip
_RANGES = {"month": (1, 12), "hour": (0, 23), "hour12": (0, 12), "minute": (0, 59), "second": (0, 59), "day": (0, 99)}
_NAMES = {
    b"January": (MONTHS, 20), b"Jan": (MONTHS, 3), b"Monday": (DAYS, 20), b"Mon": (DAYS, 3)
}  # fmt: skip
_ABBREVIATION = re.compile(
    rb"ChST|MeST|GMT(?:[+-](?:[01]?[0-9]|2[0-3])(?![0-9]))?|[+-](?:[01]?[0-9]|2[0-3])(?![0-9])|[A-Z]+"
)
_FORMS = {3: rb"([+-])([0-9]{2})", 5: rb"([+-])([0-9]{2})([0-9]{2})", 6: rb"([+-])([0-9]{2}):([0-9]{2})"} | {
    7: rb"([+-])([0-9]{2})([0-9]{2})([0-9]{2})", 9: rb"([+-])([0-9]{2}):([0-9]{2}):([0-9]{2})"
}  # fmt: skip


class _Reading:
    """What was read so far."""

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.year = 0
        self.found: dict[str, int] = {}
        self.year_day: int | None = None
        self.nanosecond = 0
        self.afternoon: bool | None = None
        self.zone: Zone | None = None
        self.offset: int | None = None
        self.abbreviation = ""

    def skip(self, literal: bytes) -> None:
        """Pass over literal text; runs of spaces match each other, and at the end also nothing."""
        for part in re.findall(rb" +|[^ ]+", literal):
            if part[:1] == b" ":
                if self.text and self.text[:1] != b" ":
                    raise Refused("no such time")
                self.text = self.text.lstrip(b" ")
            elif self.text.startswith(part):
                self.text = self.text[len(part) :]
            else:
                raise Refused("no such time")

    def take(self, pattern: bytes) -> re.Match[bytes]:
        match = re.match(pattern, self.text)
        if match is None:
            raise Refused("no such time")
        self.text = self.text[match.end() :]
        return match

    def element(self, element: bytes, following: bytes) -> None:
        if element in _NUMBERS:
            self.number(element, following)
        elif element in _NAMES:
            self.name(*_NAMES[element])
        elif element == b"2006":
            self.year = int(self.take(rb"[0-9]{4}")[0])
        elif element == b"06":
            short = int(self.take(rb"[+-][0-9]|[0-9]{2}")[0])
            self.year = short + (1900 if short >= 69 else 2000)
        elif element in {b"002", b"__2"}:
            pattern = rb"([0-9]{3})" if element == b"002" else rb" {0,2}([0-9]{1,3})"
            self.year_day = int(self.take(pattern)[1])
        elif element in {b"PM", b"pm"}:
            wanted = rb"[AP]M" if element == b"PM" else rb"[ap]m"
            self.afternoon = self.take(wanted)[0][:1] in b"Pp"
        elif element == b"MST":
            self.named_zone()
        elif element[:1] in {b".", b","}:
            self.fraction(element)
        else:
            self.numeric_zone(element)

    def number(self, element: bytes, following: bytes) -> None:
        name, least = _NUMBERS[element]
        if element == b"_2" and self.text[:1] == b" ":
            self.text = self.text[1:]
        value = int(self.take(rb"[0-9]{2}" if least == 2 else rb"[0-9]{1,2}")[0])
        low, high = _RANGES[name]
        if not low <= value <= high:
            raise Refused("out of range")
        self.found["hour" if name == "hour12" else name] = value
        if name == "second" and following[:1] not in {b".", b","} and (extra := re.match(rb"[.,][0-9]+", self.text)):
            self.nanosecond = _nanoseconds(extra[0])
            self.text = self.text[extra.end() :]

    def name(self, names: tuple[str, ...], length: int) -> None:
        """A name in any case; the weekday is read and forgotten."""
        for number, name in enumerate(names, 1):
            wanted = name[:length].encode()
            if self.text[: len(wanted)].lower() == wanted.lower():
                self.text = self.text[len(wanted) :]
                if names is MONTHS:
                    self.found["month"] = number
                return
        raise Refused("no such time")

    def fraction(self, element: bytes) -> None:
        if element[1:2] == b"0":
            self.nanosecond = _nanoseconds(self.take(rb"[.,][0-9]{%d}" % (len(element) - 1))[0])
        elif extra := re.match(rb"[.,][0-9]+", self.text):
            self.nanosecond = _nanoseconds(extra[0])
            self.text = self.text[extra.end() :]

    def named_zone(self) -> None:
        if self.text.startswith(b"UTC"):
            self.text = self.text[3:]
            self.zone = UTC_ZONE
            return
        name = self.take(_ABBREVIATION.pattern)[0]
        if name.isalpha() and name.isupper() and name != b"GMT":
            proper = len(name) == 3 or (len(name) in {4, 5} and name.endswith(b"T")) or name == b"WITA"
            if not proper:
                raise Refused("no such time")
        elif len(name) < 3 and name[:1] in _SIGN and len(name) + len(self.text) < 3:
            raise Refused("no such time")
        self.abbreviation = name.decode()

    def numeric_zone(self, element: bytes) -> None:
        if element[:1] == b"Z" and self.text[:1] == b"Z":
            self.text = self.text[1:]
            self.zone = UTC_ZONE
            return
        sign, hours, *rest = self.take(_FORMS[len(element)]).groups()
        minutes, seconds = [*map(int, rest), 0, 0][:2]
        if int(hours) > 24 or minutes > 60 or seconds > 60:
            raise Refused("out of range")
        self.offset = _SIGN[sign] * ((int(hours) * 60 + minutes) * 60 + seconds)

    def result(self) -> Time:
        found = self.found
        hour = found.get("hour", 0)
        if self.afternoon and hour < 12:
            hour += 12
        elif self.afternoon is False and hour == 12:
            hour = 0
        seconds = hour * 3600 + found.get("minute", 0) * 60 + found.get("second", 0)
        moment = made(self.days(), seconds, self.nanosecond, UTC_ZONE)
        if self.zone is not None or (self.offset in {None, -1} and not self.abbreviation):
            return moment
        if self.offset not in {None, -1}:
            offset = self.offset or 0
            shifted = Time(moment.seconds - offset, moment.nanosecond)
            return (
                shifted
                if offset == 0 and self.abbreviation in {"", "UTC"}
                else shifted.shown_in(Zone(self.abbreviation, None, offset))
            )
        # An abbreviation alone tells no offset, but for GMT+3; the time is taken as if it were UTC.
        offset = int(self.abbreviation[3:] or 0) * 3600 if self.abbreviation[:3] == "GMT" else 0
        return moment.shown_in(Zone(self.abbreviation, None, offset))

    def days(self) -> int:
        """The date, from the day of the year where that was read. Raises: Refused for days that do not exist."""
        month, day = self.found.get("month"), self.found.get("day")
        first = days_of(self.year, 1, 1)
        if self.year_day is not None:
            days = first + self.year_day - 1
            if not 1 <= self.year_day <= days_of(self.year + 1, 1, 1) - first:
                raise Refused("out of range")
            for given, start in ((month, days_of(self.year, month or 1, 1)),):
                if given is not None and not start <= days < days_of(self.year, given + 1, 1):
                    raise Refused("out of range")
            if day is not None and day != days - days_of(self.year, _month_of(self.year, days), 1) + 1:
                raise Refused("out of range")
            return days
        month, day = month or 1, 1 if day is None else day
        length = days_of(self.year, month + 1, 1) - days_of(self.year, month, 1)
        if not 1 <= day <= length:
            raise Refused("out of range")
        return days_of(self.year, month, day)


def read(layout: bytes, text: bytes) -> Time:
    """time.ParseInLocation in UTC. Raises: Refused."""
    if len(layout) + len(text) > _LONGEST:
        raise Refused("a date that is too long")
    reading = _Reading(text)
    pieces = list(elements(layout))
    for number, (literal, element) in enumerate(pieces):
        reading.skip(literal)
        if element:
            reading.element(element, pieces[number + 1][1])
    if reading.text:
        raise Refused("no such time")
    return reading.result()


def _month_of(year: int, days: int) -> int:
    return next(month for month in range(12, 0, -1) if days_of(year, month, 1) <= days)


def _nanoseconds(text: bytes) -> int:
    return int(text[1:10].ljust(9, b"0"))
