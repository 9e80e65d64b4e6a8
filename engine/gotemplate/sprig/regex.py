"""Regular expressions in Go's syntax, by RE2: a hostile one costs no more time than a plain one.

Source: sprig regex.go, Go regexp regexp.go.
"""

import re
from collections.abc import Iterator
from typing import Any

from engine.gotemplate.errors import Refused
from engine.gotemplate.limits import Meter
from engine.gotemplate.table import Function, Run, function
from engine.gotemplate.values import NilStrings, Strings, runes, unrunes
from engine.patterns import PatternError, compiled

Span = tuple[int, int]

_MATCH = 3_000
"""Units of cost of one match: the call takes that long."""
_SPECIAL = re.compile(rb"[\\.+*?()|\[\]{}^$]")
_REFERENCE = re.compile(rb"\$(?:\$|\{([^{}$]+)\}|([^{}$\x00-\x2f\x3a-\x40\x5b-\x5e\x60\x7b-\x7f]+))")


class _Pattern:
    """A compiled pattern. Raises: Refused when it is none."""

    def __init__(self, pattern: bytes) -> None:
        try:
            self.compiled: Any = compiled(runes(pattern))
        except PatternError:
            raise Refused("no pattern") from None
        self.names: dict[bytes, int] = dict(self.compiled.groupindex)

    def spans(self, text: "_Text", start: int) -> list[Span] | None:
        """Of the next match and its groups, (-1, -1) for groups without part in it."""
        match = self.compiled.search(text.shown, start)
        return None if match is None else [match.span(group) for group in range(self.compiled.groups + 1)]

    def all(self, text: "_Text", meter: Meter) -> Iterator[list[Span]]:
        """All matches; an empty one right after another does not count."""
        place, before = 0, -1
        while place <= len(text.shown) and (spans := self.spans(text, place)) is not None:
            start, end = spans[0]
            meter.spend(_MATCH)
            if start != end or start != before:
                yield spans
            before = end
            place = end if end > place else text.after(place)


class _Text:
    """A text as RE2 is to see it: with U+FFFD for each byte that is no UTF-8, which is how Go's engine sees them."""

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.shown = text
        self.places: list[int] | None = None
        """Where each byte of what is shown comes from, if that is not the same place."""
        try:
            text.decode()
        except UnicodeDecodeError:
            self.show()

    def show(self) -> None:
        pieces: list[bytes] = []
        places: list[int] = []
        for rune in runes(self.text):
            start = places[-1] + 1 if places else 0
            size = len(unrunes(rune))
            pieces.append(rune.encode() if size > 1 or rune.isascii() else "\ufffd".encode())
            places += range(start, start + size) if size > 1 or rune.isascii() else [start] * 3
        self.shown = b"".join(pieces)
        self.places = [*places, len(self.text)]

    def part(self, start: int, end: int) -> bytes:
        """What stands between two places of what is shown."""
        if self.places is not None:
            start, end = self.places[start], self.places[end]
        return self.text[start:end]

    def after(self, place: int) -> int:
        """Where the character at a place ends."""
        place += 1
        while place < len(self.shown) and self.shown[place] & 0xC0 == 0x80:
            place += 1
        return place


def _match(pattern: bytes, text: bytes) -> bool:
    try:
        return _must_match(pattern, text)
    except Refused:
        return False


def _must_match(pattern: bytes, text: bytes) -> bool:
    return _Pattern(pattern).spans(_Text(text), 0) is not None


def _find(pattern: bytes, text: bytes) -> bytes:
    seen = _Text(text)
    spans = _Pattern(pattern).spans(seen, 0)
    return b"" if spans is None else seen.part(*spans[0])


def _find_all(run: Run, pattern: bytes, text: bytes, most: int) -> Strings:
    compiled, seen = _Pattern(pattern), _Text(text)
    if most == 0:
        return NilStrings()
    found = Strings()
    for spans in compiled.all(seen, run.meter):
        found.append(seen.part(*spans[0]))
        if len(found) == most:
            break
    return found or NilStrings()


def _split(run: Run, pattern: bytes, text: bytes, most: int) -> Strings:
    compiled, seen = _Pattern(pattern), _Text(text)
    if most == 0:
        return NilStrings()
    if pattern and not text:
        return Strings([b""])
    parts, start, end = Strings(), 0, 0
    for number, spans in enumerate(compiled.all(seen, run.meter)):
        if most > 0 and (len(parts) == most - 1 or number == most):
            break
        end = spans[0][0]
        if spans[0][1] != 0:
            parts.append(seen.part(start, end))
        start = spans[0][1]
    if end != len(seen.shown):
        parts.append(seen.part(start, len(seen.shown)))
    return parts


def _replace(run: Run, pattern: bytes, text: bytes, new: bytes, *, is_literal: bool = False) -> bytes:
    compiled, seen = _Pattern(pattern), _Text(text)
    parts: list[bytes] = []
    length = last = place = 0
    while place <= len(seen.shown) and (spans := compiled.spans(seen, place)) is not None:
        start, end = spans[0]
        parts.append(seen.part(last, start))
        if end > last or start == 0:  # not an empty match right after another
            parts.append(new if is_literal else _expanded(new, seen, spans, compiled.names))
            length += len(parts[-1])
            run.meter.size(length)
            run.meter.spend(_MATCH)
        last = end
        place = end if end > place else seen.after(place)
    return run.meter.join(b"", [*parts, seen.part(last, len(seen.shown))])


def _replace_literal(run: Run, pattern: bytes, text: bytes, new: bytes) -> bytes:
    return _replace(run, pattern, text, new, is_literal=True)


def _expanded(template: bytes, text: _Text, spans: list[Span], names: dict[bytes, int]) -> bytes:
    """`$1`, `${1}` and `$name` become what a group matched; the longest possible name counts, `$$` is a `$`."""

    def group(match: re.Match[bytes]) -> bytes:
        name = match[1] or match[2]
        if name is None:
            return b"$"
        if not all(rune == "_" or rune.isalnum() for rune in runes(name)):
            return match[0]
        number = (
            int(name) if name.isdigit() and len(name) < 9 and (name == b"0" or name[:1] != b"0") else names.get(name)
        )
        if number is None or number >= len(spans):
            return b""
        return text.part(*spans[number]) if spans[number][0] >= 0 else b""

    return _REFERENCE.sub(group, template)


def _both(name: str, made: Function) -> dict[str, Function]:
    return {name: made, "must" + name[0].upper() + name[1:]: made}


_PRICE, _WEIGHT = 50_000, 100

FUNCTIONS: dict[str, Function] = {
    "mustRegexMatch": function("string, string", _must_match, price=_PRICE, weight=_WEIGHT),
    "regexMatch": function("string, string", _match, price=_PRICE, weight=_WEIGHT),
    "regexQuoteMeta": function("string", lambda text: _SPECIAL.sub(rb"\\\g<0>", text), weight=20),
    **_both("regexFind", function("string, string", _find, price=_PRICE, weight=_WEIGHT)),
    **_both("regexFindAll", function("string, string, int", _find_all, run=True, price=_PRICE, weight=_WEIGHT)),
    **_both("regexReplaceAll", function("string, string, string", _replace, run=True, price=_PRICE, weight=_WEIGHT)),
    **_both(
        "regexReplaceAllLiteral",
        function("string, string, string", _replace_literal, run=True, price=_PRICE, weight=_WEIGHT),
    ),
    **_both("regexSplit", function("string, string, int", _split, run=True, price=_PRICE, weight=_WEIGHT)),
}
