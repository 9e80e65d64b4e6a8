"""JSON: one object, with its keys in order and as often as they stand there.

Text is escaped and numbers are printed as Go's encoding/json does it. Source: getsops/sops stores/json/store.go.
"""

from json.decoder import JSONDecodeError, JSONDecoder
from json.encoder import encode_basestring
from math import isfinite, isinf
from re import compile as compiled

from engine.kube.go_numbers import json_text
from sealer.sops.envelope import Envelope, nested, unnested
from sealer.sops.errors import NOTHING_HINT, DocumentRefused, EnvelopeRefused, NotWritable
from sealer.sops.formats.base import LIMITS, check_size
from sealer.sops.tree import Branch, Branches, Comment, Timestamp, Value, to_text

_SPACE = " \t\r\n"
_INT_END = 2**63
_INT_DIGITS = 20
"""With a sign: longer numbers are floats without being computed first."""
_NO_CHARACTER = compiled("[\ud800-\udfff]")
_TOO_DEEP = f"more than {LIMITS.depth} lists and objects inside each other"
_TOO_MANY = f"more than {LIMITS.nodes} values"


class Json:
    """`indent` is a number of spaces, None for one tab."""

    name = "json"
    is_single_value = False

    def __init__(self, *, indent: int | None = None) -> None:
        self._indent = "\t" if indent is None else " " * indent

    def read_plain(self, data: bytes) -> Branches:
        return [read(data)]

    def read_encrypted(self, data: bytes) -> Envelope:
        try:
            branches = [read(data)]
        except DocumentRefused as refusal:
            raise EnvelopeRefused(refusal.message) from None
        return nested(branches)

    def write_plain(self, branches: Branches) -> bytes:
        return (text(branches[0], "\n", self._indent) + "\n").encode()

    def write_encrypted(self, envelope: Envelope) -> bytes:
        return self.write_plain(unnested(envelope))

    def write_value(self, value: Value) -> bytes:
        return text(value, "\n", self._indent).encode()

    def is_encrypted(self, branches: Branches) -> bool:
        return branches[0].has("sops")


class _Refusal(Exception):
    """What is wrong inside of the object."""


def read(data: bytes) -> Branch:
    """The object at the start of a text; what follows it is ignored. Raises: DocumentRefused."""
    check_size(data)
    if data.count(b",") > LIMITS.nodes:
        raise DocumentRefused(_TOO_MANY)
    source = to_text(data)
    # Go reads every byte that is no UTF-8 as U+FFFD.
    source = source if source.isascii() else _NO_CHARACTER.sub("\ufffd", source)
    start = len(source) - len(source.lstrip(_SPACE))
    if source[start : start + 1] != "{":
        hint = NOTHING_HINT if start == len(source) else None
        raise DocumentRefused("no JSON object: the text has to begin with a brace", hint)
    try:
        value, end = _DECODER.raw_decode(source, start)
        _check(value)
    except JSONDecodeError as error:
        # Not chained: that error carries the input. What follows a colon in its text may be a piece of it.
        raise DocumentRefused(f"line {error.lineno}: {error.msg.partition(':')[0].lower()}") from None
    except _Refusal as refusal:
        raise DocumentRefused(str(refusal)) from None
    except RecursionError:
        raise DocumentRefused(_TOO_DEEP) from None
    if not isinstance(value, Branch):
        raise DocumentRefused("not an object")
    # An escape may stand for half a surrogate pair; Go reads that as U+FFFD, too.
    return _whole_branch(value) if "\\ud" in source[start:end].lower() else value


def _integer(text: str) -> int | float:
    if len(text) <= _INT_DIGITS:
        value = int(text)
        if -_INT_END <= value < _INT_END:
            return value
    return _float(text)


def _float(text: str) -> float:
    value = float(text)
    if isinf(value):
        _no_number(text)
    return value


def _no_number(_: str) -> None:
    raise _Refusal("a number is larger than any, or NaN")


_DECODER = JSONDecoder(object_pairs_hook=Branch, parse_int=_integer, parse_float=_float, parse_constant=_no_number)


def _check(value: Value) -> None:
    """Hold the limits, level by level. Raises: _Refusal."""
    level: list[list[Value] | Branch] = [value] if isinstance(value, list) else []
    nodes = 0
    for _ in range(LIMITS.depth):
        items: list[Value] = []
        for parent in level:
            items.extend([item for _, item in parent] if isinstance(parent, Branch) else parent)
        nodes += len(items)
        if nodes > LIMITS.nodes:
            raise _Refusal(_TOO_MANY)
        level = [item for item in items if isinstance(item, list)]
        if not level:
            return
    raise _Refusal(_TOO_DEEP)


def _whole(value: Value) -> Value:
    if isinstance(value, str):
        return _NO_CHARACTER.sub("\ufffd", value)
    if not isinstance(value, list):
        return value
    return _whole_branch(value) if isinstance(value, Branch) else [_whole(item) for item in value]


def _whole_branch(branch: Branch) -> Branch:
    """The same without lone surrogates, which would pass for bytes."""
    return Branch((_NO_CHARACTER.sub("\ufffd", str(key)), _whole(value)) for key, value in branch)


def text(value: Value, line: str, indent: str) -> str:
    """A value with `line` between its parts and `indent` for each level. Raises: NotWritable."""
    parts: list[str] = []
    _write(parts, value, line, indent)
    return "".join(parts)


def _write(parts: list[str], value: Value, line: str, indent: str) -> None:
    """`line` is a line break with the indentation of what `value` stands in."""
    if isinstance(value, str):
        parts.append(quoted(value))
    elif not isinstance(value, list):
        parts.append(_scalar(value))
    elif isinstance(value, Branch):
        inner, lead = line + indent, "{"
        for key, item in value:
            if not isinstance(key, Comment):
                parts.append(f"{lead}{inner}{quoted(key)}: ")
                _write(parts, item, inner, indent)
                lead = ","
        parts.append("{}" if lead == "{" else line + "}")
    else:
        inner, lead = line + indent, "["
        for item in value:
            if not isinstance(item, Comment):
                parts.append(lead + inner)
                _write(parts, item, inner, indent)
                lead = ","
        parts.append("[]" if lead == "[" else line + "]")


def quoted(text: str) -> str:
    """A string of JSON. Bytes that are no UTF-8 come out as U+FFFD, escaped: JSON cannot carry them."""
    result = encode_basestring(text)
    if "<" in result or ">" in result or "&" in result:
        result = result.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    if not result.isascii():
        result = result.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
        result = _NO_CHARACTER.sub("\\\\ufffd", result)
    return result


def _scalar(value: Value) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float() if isfinite(value):
            return json_text(value)
        case Timestamp():
            return f'"{value.text}"'
        case _:
            raise NotWritable("JSON carries no infinity, no NaN, and no comment for a value")
