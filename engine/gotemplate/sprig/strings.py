"""Cutting, joining, padding and quoting strings; lengths and places count bytes, as in Go.

Source: sprig strings.go, Masterminds/goutils stringutils.go and wordutils.go.
"""

from collections.abc import Sequence

from engine.gotemplate.errors import Refused
from engine.gotemplate.limits import Meter
from engine.gotemplate.printing import show
from engine.gotemplate.quoting import quote
from engine.gotemplate.table import Function, Run, function
from engine.gotemplate.values import StringMap, Strings, Value, runes, unrunes

SPACES = "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
"""What unicode.IsSpace takes for a space."""
_ELLIPSIS = b"..."


def texts(value: Value, meter: Meter) -> Strings:
    """Anything as a list of strings: the items of a list without nil, else the value itself."""
    if isinstance(value, Strings):
        return value
    if isinstance(value, list):
        return Strings(show(item, meter) for item in value if item is not None)
    return Strings() if value is None else Strings([show(value, meter)])


def explode(text: bytes) -> list[bytes]:
    """A string's characters."""
    return [unrunes(rune) for rune in runes(text)]


def split(text: bytes, separator: bytes, most: int, meter: Meter) -> Strings:
    """strings.SplitN; `most` below zero means no limit."""
    if most == 0:
        return Strings()
    meter.items(1 + (text.count(separator) if separator else len(text)))
    if separator:
        return Strings(text.split(separator, most - 1 if most > 0 else -1))
    parts = explode(text)
    if 0 < most < len(parts):
        parts[most - 1 :] = [b"".join(parts[most - 1 :])]
    return Strings(parts)


def _numbered(parts: Sequence[bytes]) -> StringMap:
    return StringMap((b"_%d" % number, part) for number, part in enumerate(parts))


def _substring(start: int, end: int, text: bytes) -> bytes:
    if start < 0:
        start = 0
        if end < 0 or end > len(text):
            raise Refused("out of range")
    elif end < 0 or end > len(text):
        end = len(text)
    if start > end:
        raise Refused("out of range")
    return text[start:end]


def _truncate(length: int, text: bytes) -> bytes:
    if length < 0:
        return text[length:] if len(text) + length > 0 else text
    return text[:length]


def _abbreviate(offset: int, width: int, text: bytes) -> bytes:
    if width < 4 or (offset > 0 and width < 7):
        return text
    if len(text) <= width:
        return text
    offset = min(offset, len(text))
    if len(text) - offset < width - 3:
        offset = len(text) - (width - 3)
    if offset <= 4:
        return text[: width - 3] + _ELLIPSIS
    if offset + width - 3 < len(text):
        return _ELLIPSIS + _abbreviate(0, width - 3, text[offset:])
    return _ELLIPSIS + text[len(text) - (width - 3) :]


def _repeat(run: Run, count: int, text: bytes) -> bytes:
    if count < 0:
        raise Refused("a negative count")
    run.meter.size(count * len(text))
    return text * count


def replace(run: Run, old: bytes, new: bytes, text: bytes) -> bytes:
    if not old:  # before each character and at the end
        parts = [b"", *explode(text), b""]
        return run.meter.join(new, parts) if text else new
    run.meter.size(len(text) + text.count(old) * max(len(new) - len(old), 0))
    return text.replace(old, new)


def _indent(run: Run, spaces: int, text: bytes) -> bytes:
    if spaces < 0:
        raise Refused("a negative count")
    run.meter.size(len(text) + spaces * (1 + text.count(b"\n")))
    pad = b" " * spaces
    return pad + text.replace(b"\n", b"\n" + pad)


def _quoted(run: Run, *values: Value) -> bytes:
    return run.meter.join(b" ", [quote(show(value, run.meter)) for value in values if value is not None])


def _single_quoted(run: Run, *values: Value) -> bytes:
    return run.meter.join(b" ", [b"'%s'" % show(value, run.meter) for value in values if value is not None])


def _concatenate(run: Run, *values: Value) -> bytes:
    return run.meter.join(b" ", [show(value, run.meter) for value in values if value is not None])


def trim_space(text: bytes) -> bytes:
    return unrunes(runes(text).strip(SPACES))


def _trim_all(cut: bytes, text: bytes) -> bytes:
    return unrunes(runes(text).strip(runes(cut))) if cut else text


def _split_list(run: Run, separator: bytes, text: bytes) -> Strings:
    return split(text, separator, -1, run.meter)


FUNCTIONS: dict[str, Function] = {
    "abbrev": function("int, string", lambda width, text: _abbreviate(0, width, text)),
    "abbrevboth": function("int, int, string", _abbreviate),
    "cat": function("...any", _concatenate, run=True),
    "contains": function("string, string", lambda part, text: part in text),
    "hasPrefix": function("string, string", lambda part, text: text.startswith(part)),
    "hasSuffix": function("string, string", lambda part, text: text.endswith(part)),
    "indent": function("int, string", _indent, run=True),
    "join": function("string, any", lambda run, by, value: run.meter.join(by, texts(value, run.meter)), run=True),
    "nindent": function("int, string", lambda run, spaces, text: b"\n" + _indent(run, spaces, text), run=True),
    "plural": function("string, string, int", lambda one, many, count: one if count == 1 else many),
    "quote": function("...any", _quoted, run=True, weight=100),
    "repeat": function("int, string", _repeat, run=True),
    "replace": function("string, string, string", replace, run=True),
    "split": function("string, string", lambda run, by, text: _numbered(_split_list(run, by, text)), run=True),
    "splitList": function("string, string", _split_list, run=True),
    "splitn": function(
        "string, int, string", lambda run, by, most, text: _numbered(split(text, by, most, run.meter)), run=True
    ),
    "squote": function("...any", _single_quoted, run=True),
    "substr": function("int, int, string", _substring),
    "toString": function("any", lambda run, value: show(value, run.meter), run=True),
    "toStrings": function("any", lambda run, value: texts(value, run.meter), run=True),
    "trim": function("string", trim_space),
    "trimAll": function("string, string", _trim_all),
    "trimPrefix": function("string, string", lambda part, text: text.removeprefix(part)),
    "trimSuffix": function("string, string", lambda part, text: text.removesuffix(part)),
    "trimall": function("string, string", _trim_all),
    "trunc": function("int, string", _truncate),
}
