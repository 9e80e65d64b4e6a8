"""Moments: seconds and nanoseconds since 1970, and the zone that they are shown in.

Source: Go time time.go and zoneinfo.go. The calendar is counted by hand because Python's ends at the year 9999 and
begins with 1, while a time that was read without a year lies in the year 0.
"""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from engine.gotemplate import arguments
from engine.gotemplate.durations import SECOND
from engine.gotemplate.values import Struct, register

_DAY = 86_400
_CYCLE = 146_097 * _DAY
"""Seconds of 400 years, after which the calendar repeats."""
_ERA = 719_468
"""Days from 0000-03-01 to 1970-01-01."""
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")


class Month(int):
    """Go's time.Month, from 1."""

    __slots__ = ()
    counts_as_int = True

    def text(self) -> bytes:
        return MONTHS[self - 1].encode()


class Weekday(int):
    """Go's time.Weekday; Sunday is 0."""

    __slots__ = ()
    counts_as_int = True

    def text(self) -> bytes:
        return DAYS[self].encode()


class Zone(NamedTuple):
    """Where a time is shown: a named place, or a fixed offset with or without a name."""

    name: str
    place: ZoneInfo | None = None
    offset: int = 0

    def at(self, seconds: int) -> tuple[str, int]:
        """Abbreviation and offset in seconds at a moment."""
        if self.place is None:
            return self.name, self.offset
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=_near(seconds))
        local = moment.astimezone(self.place)
        offset = local.utcoffset() or timedelta()
        return local.tzname() or "", offset.days * _DAY + offset.seconds


UTC_ZONE = Zone("UTC")


def _near(seconds: int) -> int:
    """A moment that Python's calendar reaches and at which clocks show the same."""
    earliest, latest = -62_000_000_000, 250_000_000_000
    if seconds > latest:
        return latest - _CYCLE + (seconds - latest) % _CYCLE
    return max(seconds, earliest)


def load_zone(name: bytes) -> Zone:
    """time.LoadLocation, but UTC for what is unknown, as sprig does; `Local` is UTC, as in a container."""
    try:
        text = name.decode()
        if text in {"", "UTC", "Local"}:
            return UTC_ZONE
        return Zone(text, ZoneInfo(text))
    except (OSError, ValueError, LookupError):  # LookupError: ZoneInfoNotFoundError is a KeyError
        return UTC_ZONE


def days_of(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01; months and days may lie outside of their ranges and carry over."""
    year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
    years = year - (month <= 2)
    era, of_era = divmod(years, 400)
    of_year = (153 * ((month + 9) % 12) + 2) // 5
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year + day - 1 - _ERA


def date_of(days: int) -> tuple[int, int, int]:
    """Year, month and day."""
    era, of_era = divmod(days + _ERA, 146_097)
    years = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * years + years // 4 - years // 100)
    shifted = (5 * of_year + 2) // 153
    month = (shifted + 2) % 12 + 1
    return years + era * 400 + (month <= 2), month, of_year - (153 * shifted + 2) // 5 + 1


class Clock(NamedTuple):
    """What a clock and a calendar in the zone show."""

    year: int
    month: int
    day: int
    hour: int
    minute: int
    second: int
    weekday: int
    year_day: int
    abbreviation: str
    offset: int


class Time(Struct):
    """Go's time.Time."""

    __slots__ = ("nanosecond", "seconds", "zone")

    def __init__(self, seconds: int, nanosecond: int = 0, zone: Zone = UTC_ZONE) -> None:
        self.seconds = seconds
        self.nanosecond = nanosecond
        self.zone = zone

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Time) and (self.moment(), self.zone) == (other.moment(), other.zone)

    def __hash__(self) -> int:
        return hash((self.moment(), self.zone))

    def moment(self) -> int:
        """Nanoseconds since 1970."""
        return self.seconds * SECOND + self.nanosecond

    def shown_in(self, zone: Zone) -> "Time":
        return Time(self.seconds, self.nanosecond, zone)

    def plus(self, nanoseconds: int) -> "Time":
        seconds, nanosecond = divmod(self.moment() + nanoseconds, SECOND)
        return Time(seconds, nanosecond, self.zone)

    def clock(self) -> Clock:
        abbreviation, offset = self.zone.at(self.seconds)
        days, rest = divmod(self.seconds + offset, _DAY)
        year, month, day = date_of(days)
        return Clock(
            year, month, day, rest // 3600, rest // 60 % 60, rest % 60,
            (days + 4) % 7, days - days_of(year, 1, 1) + 1, abbreviation, offset,
        )  # fmt: skip

    def text(self) -> bytes:
        from engine.gotemplate.layouts import show

        return show(self, b"2006-01-02 15:04:05.999999999 -0700 MST")

    def json(self) -> bytes:
        from engine.gotemplate.layouts import show

        return show(self, b"2006-01-02T15:04:05.999999999Z07:00")

    def go_text(self) -> bytes:
        clock = self.clock()
        numbers = f"{clock.day}, {clock.hour}, {clock.minute}, {clock.second}, {self.nanosecond}"
        zone = "UTC" if self.zone is UTC_ZONE else f'Location("{self.zone.name}")'
        return f"time.Date({clock.year}, time.{MONTHS[clock.month - 1]}, {numbers}, time.{zone})".encode()


ZERO = Time(days_of(1, 1, 1) * _DAY)
"""Go's zero Time, the start of the year 1."""


def made(days: int, seconds: int, nanosecond: int, zone: Zone) -> Time:
    """The moment at which a clock in the zone shows so many days since 1970 and seconds of the day.

    Source: Go time.Date: the offset is guessed from the time as if it were UTC, then once more from the result.
    """
    shown = days * _DAY + seconds
    offset = zone.at(shown - zone.at(shown)[1])[1]
    return Time(shown - offset, nanosecond, zone)


def of_datetime(moment: datetime) -> Time:
    """What an injected clock says, in UTC."""
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return Time(since.days * _DAY + since.seconds, since.microseconds * 1_000)


register(Time, "time.Time", "struct")
register(Month, "time.Month", "int")
register(Weekday, "time.Weekday", "int")
arguments.register("time", Time)
