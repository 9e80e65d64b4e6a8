"""Timestamps as the Go YAML libraries recognise them.

yaml.v3 makes dates of plain scalars that look like one; yaml.v2 keeps their text, but quotes such strings on writing.
"""

_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_MINUTE = 60
_DAY_MINUTES = 24 * 60


def looks_dated(text: str) -> bool:
    """Whether a scalar begins as all timestamps do, with four digits and a hyphen; cheap, for the hot loops."""
    return text[4:5] == "-" and text[:4].isascii() and text[:4].isdigit()


def is_one(text: str) -> bool:
    """Whether Go takes a scalar for a timestamp, be it one that JSON cannot carry."""
    try:
        return parse(text) is not None
    except ValueError:
        return True


def parse(text: str) -> str | None:
    """The timestamp in RFC 3339, as Go puts it into JSON, or None when Go would not take the text for one.

    Forms: `2006-1-2`, `2006-1-2 15:4:5.9` (any number of spaces) and `2006-1-2T15:4:5.9Z` or with an offset `+07:00`
    and `t` for `T`; `,` for `.` is accepted, digits beyond nanoseconds are dropped.

    Raises: ValueError when Go recognises the text but cannot put it into JSON (an offset of 24 hours).
    Source: yaml.v3 resolve.go, parseTimestamp, over Go time/format.go, Parse and MarshalJSON.
    """
    if not looks_dated(text):
        return None
    month, rest = _one_or_two(text[5:])
    if not 1 <= month <= 12 or not rest.startswith("-"):
        return None
    day, rest = _one_or_two(rest[1:])
    year = int(text[:4])
    if not 1 <= day <= _days(year, month):
        return None
    date = f"{year:04d}-{month:02d}-{day:02d}"
    if not rest:
        return f"{date}T00:00:00Z"
    clock, zone = _clock(rest[1:].lstrip(" ") if rest[0] == " " else rest[1:])
    if clock is None:
        return None
    if rest[0] == " ":
        return f"{date}T{clock}Z" if not zone else None
    if rest[0] not in "Tt":
        return None
    offset = _offset(zone)
    return None if offset is None else f"{date}T{clock}{offset}"


def _days(year: int, month: int) -> int:
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return _DAYS[month - 1] + (1 if leap and month == 2 else 0)


def _one_or_two(text: str) -> tuple[int, str]:
    """A number of one or two digits and what follows it; -1 where there is none."""
    width = 2 if _digits(text[:2], 2) else 1
    return (int(text[:width]), text[width:]) if _digits(text[:width], width) else (-1, text)


def _digits(text: str, count: int) -> bool:
    return len(text) == count and text.isascii() and text.isdigit()


def _clock(text: str) -> tuple[str | None, str]:
    """`15:4:5.9` and what follows it, the clock with two digits each and no zeros at the end; None when it is none."""
    hour, rest = _one_or_two(text)
    minute, rest = _one_or_two(rest[1:]) if rest[:1] == ":" else (-1, rest)
    second, rest = _one_or_two(rest[1:]) if rest[:1] == ":" else (-1, rest)
    if not (0 <= hour < 24 and 0 <= minute < 60 and 0 <= second < 60):
        return None, rest
    clock = f"{hour:02d}:{minute:02d}:{second:02d}"
    if rest[:1] in (".", ",") and _digits(rest[1:2], 1):
        after = rest[1:].lstrip("0123456789")
        fraction = rest[1 : len(rest) - len(after)][:9].rstrip("0")
        return (f"{clock}.{fraction}" if fraction else clock), after
    return clock, rest


def _offset(zone: str) -> str | None:
    """`Z` or `+07:00`, brought to Go's form; None when it is no offset."""
    if zone == "Z":
        return "Z"
    if len(zone) != 6 or zone[0] not in "+-" or zone[3] != ":" or not _digits(zone[1:3] + zone[4:], 4):
        return None
    hours, minutes = int(zone[1:3]), int(zone[4:])
    if hours > 24 or minutes > _MINUTE:
        return None
    total = hours * _MINUTE + minutes
    if total >= _DAY_MINUTES:
        raise ValueError("the offset is a day or more")
    return f"{zone[0]}{total // _MINUTE:02d}:{total % _MINUTE:02d}" if total else "Z"
