"""JSON. Source: sprig defaults.go, Go encoding/json."""

import json
from math import isfinite, isinf
from typing import Any, NoReturn

from engine.gotemplate.errors import Refused
from engine.gotemplate.limits import STEP, Meter
from engine.gotemplate.table import Function, Run, function
from engine.gotemplate.values import Struct, Value, clean_runes, is_nil, of_json
from engine.kube.go_numbers import json_text

_DEPTH = 60
_ESCAPES = {code: f"\\u{code:04x}" for code in (*range(0x20), 0x2028, 0x2029)} | {
    ord(character): f"\\{escape}" for character, escape in zip('\b\t\n\f\r"\\', 'btnfr"\\', strict=True)
}
_HTML_ESCAPES = _ESCAPES | {ord(character): f"\\u{ord(character):04x}" for character in "<>&"}


class _NoJson(Exception):
    """A value that JSON does not carry: an infinite number."""


class _Reader:
    """Numbers are float64; one that is too large becomes nil, and an error where errors are wanted."""

    def __init__(self) -> None:
        self.overflowed = False

    def number(self, text: str) -> float | None:
        value = float(text)
        self.overflowed = self.overflowed or isinf(value)
        return None if isinf(value) else value

    def read(self, text: str) -> Any:
        return json.loads(text, parse_int=self.number, parse_float=self.number, parse_constant=_refuse)


def _refuse(_: str) -> NoReturn:
    raise ValueError("no JSON")


def _read(text: bytes) -> tuple[Value, bool]:
    """The value, nil when it is no JSON at all, and whether everything is in order."""
    reader = _Reader()
    try:
        value = reader.read(clean_runes(text))
    except RecursionError:
        raise Refused("JSON that is too deep") from None
    except ValueError:
        return None, False
    return of_json(value), not reader.overflowed


def _from_json(text: bytes) -> Value:
    return _read(text)[0]


def _must_from_json(text: bytes) -> Value:
    value, proper = _read(text)
    if not proper:
        raise Refused("the text is no JSON")
    return value


class _Writer:
    def __init__(self, meter: Meter, *, indent: bool, html: bool) -> None:
        self.meter = meter
        self.indent = indent
        self.escapes = _HTML_ESCAPES if html else _ESCAPES
        self.parts: list[bytes] = []
        self.length = 0

    def put(self, piece: bytes) -> None:
        self.length += len(piece)
        if self.length > self.meter.limits.output:
            self.meter.size(self.length)
        self.parts.append(piece)

    def text(self, value: bytes) -> None:
        """Bytes that are no UTF-8 become an escaped U+FFFD, where that character itself stays."""
        self.meter.spend(20 * len(value))
        if value.isascii():
            written = value.decode("ascii").translate(self.escapes)
        else:
            decoded = value.decode("utf-8", "surrogateescape").translate(self.escapes)
            written = "".join("\\ufffd" if "\ud800" <= rune <= "\udfff" else rune for rune in decoded)
        self.put(b'"' + written.encode() + b'"')

    def value(self, value: Value, depth: int = 0) -> None:
        self.meter.spend(STEP)
        if depth > _DEPTH:
            raise Refused("a value that is too deep for JSON")
        if is_nil(value):
            self.put(b"null")
        elif isinstance(value, bytes):
            self.text(value)
        elif isinstance(value, bool):
            self.put(b"true" if value else b"false")
        elif isinstance(value, int):
            self.put(b"%d" % value)
        elif isinstance(value, float):
            if not isfinite(value):
                raise _NoJson
            self.put(b"-0" if str(value) == "-0.0" else json_text(value).encode())
        elif isinstance(value, Struct):
            self.struct(value, depth)
        else:
            self.collection(value, depth)

    def struct(self, value: Struct, depth: int) -> None:
        said = value.json()
        if said is not None:
            self.text(said)
        else:
            fields = [(name.encode(), getattr(value, name.lower())) for name in value.fields]
            self.entries(fields, depth)

    def collection(self, value: list[Value] | dict[bytes, Value], depth: int) -> None:
        if isinstance(value, dict):
            self.entries(sorted(value.items(), key=lambda entry: entry[0]), depth)
            return
        self.put(b"[")
        for place, item in enumerate(value):
            self.put(b"," if place else b"")
            self.line(depth + 1)
            self.value(item, depth + 1)
        if value:
            self.line(depth)
        self.put(b"]")

    def entries(self, entries: list[tuple[bytes, Value]], depth: int) -> None:
        self.put(b"{")
        for place, (key, item) in enumerate(entries):
            self.put(b"," if place else b"")
            self.line(depth + 1)
            self.text(key)
            self.put(b": " if self.indent else b":")
            self.value(item, depth + 1)
        if entries:
            self.line(depth)
        self.put(b"}")

    def line(self, depth: int) -> None:
        if self.indent:
            self.put(b"\n" + b"  " * depth)


def _written(run: Run, value: Value, *, indent: bool = False, html: bool = True) -> bytes:
    writer = _Writer(run.meter, indent=indent, html=html)
    writer.value(value)
    return b"".join(writer.parts)


def _to_json(run: Run, value: Value, *, indent: bool = False) -> bytes:
    """What JSON does not carry gives an empty string."""
    try:
        return _written(run, value, indent=indent)
    except _NoJson:
        return b""


def _must(run: Run, value: Value, *, indent: bool = False, html: bool = True) -> bytes:
    try:
        return _written(run, value, indent=indent, html=html)
    except _NoJson:
        raise Refused("a number that JSON does not carry") from None


_RAW = function("any", lambda run, value: _must(run, value, html=False), run=True)

FUNCTIONS: dict[str, Function] = {
    "fromJson": function("string", _from_json, weight=100),
    "mustFromJson": function("string", _must_from_json, weight=100),
    "mustToJson": function("any", _must, run=True),
    "mustToPrettyJson": function("any", lambda run, value: _must(run, value, indent=True), run=True),
    "mustToRawJson": _RAW,
    "toJson": function("any", _to_json, run=True),
    "toPrettyJson": function("any", lambda run, value: _to_json(run, value, indent=True), run=True),
    "toRawJson": _RAW,
}
