"""Where each value stands in a text: the outline of YAML streams and JSON texts, with places instead of meanings.

The text has been read before by the strict readers of `engine.kube`, so the outlines may trust its syntax and depth.
Places count characters, not bytes.
"""

import json
import re
from typing import Any

from engine.kube.libyaml import (
    AliasEvent,
    CParser,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

_JSON_TOKEN = re.compile(r'[ \t\r\n]*("(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+)', re.DOTALL)


class Spot:
    """One value in the text, which stands at `start:end` and begins on `line`, counted from 1.

    `children` are a mapping's or a sequence's; `text` and `style` (YAML's quote, `|` or `>`, empty for plain) are a
    scalar's. `is_bare` is False where an anchor or a tag belongs to it: its place then holds more than the value.
    `key_start` is where the key of a mapping's entry begins. A block mapping or sequence has no end of its own: it
    ends with its last child.
    """

    __slots__ = ("children", "end", "is_bare", "key_start", "line", "start", "style", "text")

    def __init__(self, start: int, end: int, line: int, *, is_bare: bool = True) -> None:
        self.start, self.end, self.line, self.is_bare = start, end, line, is_bare
        self.children: dict[str, Spot] | list[Spot] | None = None
        self.text: str | None = None
        self.style = ""
        self.key_start: int | None = None

    def at(self, *path: str | int) -> "Spot | None":
        """The value under a path of keys and indices, None where the text has it by an alias, a merge or not at all."""
        spot: Spot | None = self
        for step in path:
            match spot.children if spot else None:
                case dict() as entries if isinstance(step, str):
                    spot = entries.get(step)
                case list() as items if isinstance(step, int) and step < len(items):
                    spot = items[step]
                case _:
                    return None
        return spot


def of_yaml(text: str) -> list[Spot]:
    """The root of each document of a stream, empty ones included. libyaml's marks count characters."""
    parser: Any = CParser(text.encode())
    roots = []
    parser.get_event()  # the start of the stream
    while not isinstance(parser.get_event(), StreamEndEvent):
        roots.append(_node(parser, parser.get_event()))
        parser.get_event()  # the end of the document
    return roots


def of_json(text: str) -> list[Spot]:
    """The root of each object of a sequence of JSON objects."""
    tokens = _Tokens(text)
    roots = []
    while tokens.peek():
        roots.append(tokens.value())
    return roots


def _node(parser: Any, event: Any) -> Spot:
    is_bare = getattr(event, "anchor", None) is None and getattr(event, "tag", None) is None
    spot = Spot(event.start_mark.index, event.end_mark.index, event.start_mark.line + 1, is_bare=is_bare)
    if isinstance(event, ScalarEvent):
        spot.text, spot.style = event.value, event.style or ""
    elif isinstance(event, AliasEvent):
        spot.is_bare = False
    elif isinstance(event, MappingStartEvent):
        spot.children = {}
        while not isinstance(event := parser.get_event(), MappingEndEvent):
            _entry(parser, event, spot.children)
        spot.end = _end(spot, event)
    elif isinstance(event, SequenceStartEvent):
        spot.children = []
        while not isinstance(event := parser.get_event(), SequenceEndEvent):
            spot.children.append(_node(parser, event))
        spot.end = _end(spot, event)
    return spot


def _entry(parser: Any, event: Any, entries: dict[str, Spot]) -> None:
    """Take in an entry whose key is written out; an alias or a `<<` as the key leads nowhere."""
    key = _node(parser, event)
    value = _node(parser, parser.get_event())
    value.key_start = key.start
    if key.text is not None and not (key.text == "<<" and not key.style):
        entries[key.text] = value


def _end(spot: Spot, event: Any) -> int:
    """Behind the bracket that closes a flow collection; where a block ends says no mark."""
    is_closed = event.end_mark.index > event.start_mark.index
    return int(event.end_mark.index) if is_closed else spot.end


class _Tokens:
    """The tokens of a JSON text, one after the other."""

    def __init__(self, text: str) -> None:
        self._found = _JSON_TOKEN.finditer(text)
        self._next = next(self._found, None)
        self._text = text
        self._counted, self._line = 0, 1

    def peek(self) -> str:
        """The next token, empty at the end."""
        return self._next[1] if self._next else ""

    def take(self) -> tuple[str, int, int]:
        """The next token and its place."""
        assert self._next is not None, "the text was read before"  # noqa: S101  # see the module's docstring
        found, self._next = self._next, next(self._found, None)
        return found[1], *found.span(1)

    def value(self) -> Spot:
        word, start, end = self.take()
        self._line += self._text.count("\n", self._counted, start)
        self._counted = start
        spot = Spot(start, end, self._line)
        if word == "{":
            spot.children = {}
            while self.peek() not in ("}", ""):
                name, key_start, _ = self.take()
                key = json.loads(name, strict=False)
                self.take()  # the colon
                spot.children[key] = self.value()
                spot.children[key].key_start = key_start
                self._skip_comma()
            spot.end = self.take()[2]
        elif word == "[":
            spot.children = []
            while self.peek() not in ("]", ""):
                spot.children.append(self.value())
                self._skip_comma()
            spot.end = self.take()[2]
        elif word.startswith('"'):
            spot.text, spot.style = json.loads(word, strict=False), '"'
        return spot

    def _skip_comma(self) -> None:
        if self.peek() == ",":
            self.take()
