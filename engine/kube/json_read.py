"""JSON objects, one after the other, as strictly as YAML is read: what Go's readers leave to chance is refused."""

from json.decoder import JSONDecodeError, JSONDecoder
from math import isinf
from typing import Any

from engine.kube.documents import Document, DocumentError, Limits
from engine.kube.go_numbers import INT_MIN, UINT_END, json_value

_SPACE = " \t\n\r"
_SHORT = 18  # digits that surely fit 64 bits


class JsonError(DocumentError):
    """An input is no sequence of JSON objects, or more of it than the limits allow."""


class JsonSyntaxError(JsonError):
    """An input is no JSON; it may still be YAML that begins with a brace."""


def read(data: bytes, *, source: str, limits: Limits) -> list[Document]:
    """The objects of a UTF-8 text, with space between them or none. Raises: JsonError."""
    if len(data) > limits.bytes:
        raise JsonError(f"{source}: {len(data)} bytes are more than the {limits.bytes} that are read")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        # Not chained: that error carries the input.
        raise JsonSyntaxError(f"{source}: line {line}: not UTF-8 text") from None
    return _Reader(text, source, limits).objects()


class _Refusal(Exception):
    """What is wrong inside an object; where is known to the caller."""


class _Reader:
    __slots__ = ("limits", "nodes", "source", "text")

    def __init__(self, text: str, source: str, limits: Limits) -> None:
        self.text = text
        self.source = source
        self.limits = limits
        self.nodes = limits.nodes

    def objects(self) -> list[Document]:
        decoder = JSONDecoder(
            object_pairs_hook=_mapping, parse_int=_integer, parse_float=_float, parse_constant=_no_number
        )
        documents: list[Document] = []
        end, line = 0, 1
        while (start := self.skip(end)) < len(self.text):
            line += self.text.count("\n", end, start)
            if self.text[start] != "{":
                raise JsonSyntaxError(f"{self.source}: line {line}: neither an object nor the end")
            if len(documents) == self.limits.documents:
                raise JsonError(f"{self.source}: line {line}: more than {self.limits.documents} documents")
            try:
                value, end = decoder.raw_decode(self.text, start)
                self.check(value, "\\ud" in self.text[start:end].lower())
            except JSONDecodeError as error:
                # Not chained: that error carries the input. What follows a colon in its text may be a piece of it.
                what = error.msg.partition(":")[0].lower()
                raise JsonSyntaxError(f"{self.source}: line {error.lineno}: {what}") from None
            except _Refusal as refusal:
                raise JsonError(f"{self.source}: line {line}: in the object that begins here, {refusal}") from None
            except RecursionError:
                raise JsonError(f"{self.source}: line {line}: {self.too_deep()}") from None
            documents.append(Document(value, len(documents) + 1, line))
            line += self.text.count("\n", start, end)
        return documents

    def skip(self, position: int) -> int:
        """Where the next character is that is no space."""
        while position < len(self.text) and self.text[position] in _SPACE:
            position += 1
        return position

    def too_deep(self) -> str:
        return f"more than {self.limits.depth} lists and mappings inside each other"

    def check(self, value: Any, may_be_broken: bool) -> None:
        """Count down the limits, level by level. Raises: _Refusal."""
        level = [value]
        for _ in range(self.limits.depth):
            items: list[Any] = []
            for parent in level:
                items.extend(parent.values() if isinstance(parent, dict) else parent)
            self.nodes -= len(items) + len(level)
            if self.nodes < 0:
                raise _Refusal(f"more than {self.limits.nodes} values")
            if may_be_broken:
                _check_text(level, items)
            level = [item for item in items if isinstance(item, dict | list)]
            if not level:
                return
        raise _Refusal(self.too_deep())


def _check_text(level: list[Any], items: list[Any]) -> None:
    """Escapes can stand for half a surrogate pair, which nothing can write again; Go replaces it without a word."""
    try:
        for text in [item for item in items if isinstance(item, str)]:
            text.encode()
        for mapping in [item for item in level if isinstance(item, dict)]:
            "".join(mapping).encode()
    except UnicodeEncodeError:
        raise _Refusal("an escape stands for half a surrogate pair") from None


def _mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        raise _Refusal("a key is there twice in the same mapping")
    return mapping


def _integer(text: str) -> int | float:
    """An integer of 64 bits, or the float that Go makes of a larger one."""
    if len(text) <= _SHORT:
        return int(text)
    value = int(text) if len(text) <= _SHORT + 2 else UINT_END
    return value if INT_MIN <= value < UINT_END else _float(text)


def _float(text: str) -> int | float:
    value = float(text)
    if isinf(value):
        _no_number(text)
    return json_value(value)


def _no_number(_: str) -> None:
    raise _Refusal("a number is larger than any, or NaN")
