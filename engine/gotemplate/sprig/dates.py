"""Dates and durations. Source: sprig date.go.

`Local` is UTC, as it is in a container; what is no date means the present, so these functions count as volatile.
"""

from engine.gotemplate import durations, layouts, methods
from engine.gotemplate.constants import clipped
from engine.gotemplate.durations import SECOND, Duration
from engine.gotemplate.errors import Refused
from engine.gotemplate.layout_reading import read
from engine.gotemplate.table import Function, Run, function
from engine.gotemplate.times import UTC_ZONE, ZERO, Month, Time, Weekday, days_of, load_zone, made, of_datetime
from engine.gotemplate.values import Int64, Value, wrap

_LOCAL = b"Local"
_DATE = b"2006-01-02"
_SPANS = (
    ("y", 365 * 86_400 * SECOND), ("mo", 30 * 86_400 * SECOND), ("d", 86_400 * SECOND), ("h", 3_600 * SECOND),
    ("m", 60 * SECOND), ("s", SECOND),
)  # fmt: skip
_END = 1 << 63


def _now(run: Run) -> Time:
    return of_datetime(run.clock())


def _moment(run: Run, value: Value) -> Time:
    if isinstance(value, Time):
        return value
    return Time(int(value)) if type(value) in {int, Int64} else _now(run)


def _in_zone(run: Run, layout: bytes, value: Value, zone: bytes) -> bytes:
    return layouts.show(_moment(run, value).shown_in(load_zone(zone)), layout)


def _modified(change: bytes, time: Time) -> Time:
    try:
        return time.plus(durations.parse(change))
    except Refused:
        return time


def _between(later: Time, earlier: Time) -> Duration:
    """Time.Sub, which stops at the longest duration."""
    return Duration(max(-_END, min(_END - 1, later.moment() - earlier.moment())))


def _ago(run: Run, value: Value) -> bytes:
    since = _between(_now(run), _moment(run, value))
    return Duration(durations.rounded(since, SECOND)).text()


def _duration(value: Value) -> bytes:
    seconds = 0
    if isinstance(value, bytes):
        seconds = clipped(value.decode("latin-1"))
    elif type(value) is Int64:
        seconds = value
    return Duration(wrap(seconds * SECOND)).text()


def _rounded(run: Run, value: Value) -> bytes:
    """The largest unit that fits more than once, and how often."""
    span = 0
    if isinstance(value, bytes):
        try:
            span = durations.parse(value)
        except Refused:
            span = 0
    elif type(value) is Int64:
        span = value
    elif isinstance(value, Time):
        span = _between(_now(run), value)
    size = abs(span)
    return next((b"%d%s" % (size // unit, name.encode()) for name, unit in _SPANS if size > unit), b"0s")


def _to_date(layout: bytes, text: bytes) -> Time:
    try:
        return read(layout, text)
    except Refused:
        return ZERO


def _html_date(run: Run, value: Value) -> bytes:
    return _in_zone(run, _DATE, value, _LOCAL)


def _html_date_in_zone(run: Run, value: Value, zone: bytes) -> bytes:
    return _in_zone(run, _DATE, value, zone)


_ZONED = function("string, any, string", _in_zone, run=True, volatile=True)
_MODIFY = function("string, time", _modified)
_MUST_MODIFY = function("string, time", lambda change, time: time.plus(durations.parse(change)))

FUNCTIONS: dict[str, Function] = {
    "ago": function("any", _ago, run=True, volatile=True),
    "date": function(
        "string, any", lambda run, layout, value: _in_zone(run, layout, value, _LOCAL), run=True, volatile=True
    ),
    "dateInZone": _ZONED,
    "dateModify": _MODIFY,
    "date_in_zone": _ZONED,
    "date_modify": _MODIFY,
    "duration": function("any", _duration),
    "durationRound": function("any", _rounded, run=True, volatile=True),
    "htmlDate": function("any", _html_date, run=True, volatile=True),
    "htmlDateInZone": function("any, string", _html_date_in_zone, run=True, volatile=True),
    "mustDateModify": _MUST_MODIFY,
    "mustToDate": function("string, string", read),
    "must_date_modify": _MUST_MODIFY,
    "now": function("", _now, run=True, volatile=True),
    "toDate": function("string, string", _to_date),
    "unixEpoch": function("time", lambda time: b"%d" % time.seconds),
}


def _with_date_added(time: Time, years: int, months: int, days: int) -> Time:
    clock = time.clock()
    seconds = clock.hour * 3600 + clock.minute * 60 + clock.second
    return made(
        days_of(clock.year + years, clock.month + months, 1) + clock.day + days - 1, seconds, time.nanosecond, time.zone
    )


def _truncated(time: Time, step: int) -> Time:
    """To a multiple of the step since the year 1."""
    return time.plus(-((time.moment() - ZERO.moment()) % step)) if step > 0 else time


methods.register(
    Time,
    {
        "Add": function("duration", Time.plus),
        "AddDate": function("int, int, int", _with_date_added),
        "After": function("time", lambda time, other: time.moment() > other.moment()),
        "Before": function("time", lambda time, other: time.moment() < other.moment()),
        "Day": function("", lambda time: time.clock().day),
        "Equal": function("time", lambda time, other: time.moment() == other.moment()),
        "Format": function("string", layouts.show),
        "Hour": function("", lambda time: time.clock().hour),
        "IsZero": function("", lambda time: time.moment() == ZERO.moment()),
        "Local": function("", lambda time: time.shown_in(UTC_ZONE)),
        "Minute": function("", lambda time: time.clock().minute),
        "Month": function("", lambda time: Month(time.clock().month)),
        "Nanosecond": function("", lambda time: time.nanosecond),
        "Second": function("", lambda time: time.clock().second),
        "String": function("", Time.text),
        "Sub": function("time", _between),
        "Truncate": function("duration", _truncated),
        "UTC": function("", lambda time: time.shown_in(UTC_ZONE)),
        "Unix": function("", lambda time: Int64(time.seconds)),
        "UnixMicro": function("", lambda time: Int64(wrap(time.moment() // 1_000))),
        "UnixMilli": function("", lambda time: Int64(wrap(time.moment() // 1_000_000))),
        "UnixNano": function("", lambda time: Int64(wrap(time.moment()))),
        "Weekday": function("", lambda time: Weekday(time.clock().weekday)),
        "Year": function("", lambda time: time.clock().year),
        "YearDay": function("", lambda time: time.clock().year_day),
    },
)
methods.register(Month, {"String": function("", Month.text)})
methods.register(Weekday, {"String": function("", Weekday.text)})
