"""From libyaml's events to values, by the rules of a dialect and within limits.

Go's libraries are followed where they agree with themselves. Where they take the last of two equal keys, leave the
order to chance or replace bytes, the input is refused. Anchors end with their document.
"""

from math import isfinite
from typing import Any

from engine.kube.documents import Document, Limits
from engine.kube.go_numbers import INT_MIN, json_value, key_text
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
from engine.kube.yaml_scalars import WORDS, BadScalar, Dialect, Scalar, plain, tagged

_MERGE_TAG = "tag:yaml.org,2002:merge"
_REMEMBERED = 32  # length of the longest number whose meaning is kept for the next time


class Refusal(Exception):
    """What is wrong with the node that begins with an event."""

    def __init__(self, event: Any, what: str, hint: str | None = None) -> None:
        super().__init__(what)
        self.line: int = event.start_mark.line + 1
        self.hint = hint


class Builder:
    """Builds the values of one stream.

    The loops over items and entries are written for speed: what most scalars are is decided in place. Of plain ones,
    all numbers and timestamps come before ":" in ASCII; the rest are words or strings.
    """

    __slots__ = (
        "aliased",
        "anchors",
        "characters",
        "dialect",
        "is_watched",
        "keys",
        "limits",
        "next_event",
        "nodes",
        "numbers",
        "words",
    )

    def __init__(self, data: bytes, dialect: Dialect, limits: Limits) -> None:
        # Any: the grammar guarantees which events follow which, the types do not.
        self.next_event: Any = CParser(data).get_event
        self.dialect = dialect
        self.words = WORDS[dialect]
        self.limits = limits
        self.nodes = limits.nodes
        # A node takes two bytes or more, so most inputs are too short to break the limit inside of one collection.
        self.is_watched = len(data) > 2 * limits.nodes
        self.aliased = limits.aliased
        self.characters = limits.bytes
        # A scalar's anchor stands for its event, since a key reads it otherwise than a value does; a collection's for
        # its value, but until its end for the event that opened it, by which an alias inside itself is known.
        self.anchors: dict[str, Any] = {}
        self.keys: dict[str, str] = {}
        self.numbers: dict[str, Any] = {}

    def stream(self) -> list[Document]:
        documents = []
        number = 0
        self.next_event()  # the start of the stream
        while (start := self.next_event()).__class__ is not StreamEndEvent:
            number += 1
            if number > self.limits.documents:
                raise Refusal(start, f"more than {self.limits.documents} documents")
            if start.version not in (None, (1, 1)):
                raise Refusal(start, "the document asks for another version of YAML than 1.1")
            if start.tags:
                # One could make each tag of a document as long as the document.
                raise Refusal(start, "%TAG directives are not supported")
            self.anchors.clear()
            event = self.next_event()
            value = self.node(event, 0)
            if value is not None:
                documents.append(Document(value, number, event.start_mark.line + 1))
            self.next_event()  # the end of the document
        return documents

    def node(self, event: Any, depth: int) -> Any:
        """The value that begins with an event, whatever it is."""
        kind = event.__class__
        if kind is AliasEvent:
            return self.alias(event, depth)
        if kind is ScalarEvent:
            if event.anchor is not None:
                self.anchors[event.anchor] = event
            return self.value(event)
        self.deeper(event, depth)
        build = self.mapping if kind is MappingStartEvent else self.sequence
        if event.anchor is None:
            return build(event, depth + 1)
        self.anchors[event.anchor] = event
        value = build(event, depth + 1)
        if self.anchors[event.anchor] is event:  # else a node inside has taken the name
            self.anchors[event.anchor] = value
        return value

    def sequence(self, start: Any, depth: int) -> list[Any]:
        next_event, words, numbers, is_watched = self.next_event, self.words, self.numbers, self.is_watched
        result: list[Any] = []
        event = next_event()
        while (kind := type(event)) is not SequenceEndEvent:
            if kind is ScalarEvent and event.tag is None and event.anchor is None:
                text = event.value
                if event.style:
                    value = text
                elif text < ":":
                    value = numbers.get(text)
                    if value is None:
                        value = self.value(event)
                else:
                    value = words.get(text, text)
            else:
                value = self.node(event, depth)
            result.append(value)
            if is_watched and len(result) > self.nodes:
                break
            event = next_event()
        self.count(start, len(result) + 1)
        return result

    def mapping(self, start: Any, depth: int) -> dict[str, Any]:
        next_event, words, numbers, keys = self.next_event, self.words, self.numbers, self.keys
        is_watched = self.is_watched
        result: dict[str, Any] = {}
        own: set[str] | None = None  # keys that were not merged in; None while there was no merge
        while (kind := type(event := next_event())) is not MappingEndEvent:
            key: str | None = None
            if kind is ScalarEvent and not event.style and event.tag is None and event.anchor is None:
                key = keys.get(event.value)
            if key is None:
                key = self.key(event)
            if key is None:
                own = self.merge(event, depth, result, own)
                continue
            if key in (result if own is None else own):
                raise Refusal(event, "a key is there twice in the same mapping")
            if own is not None:
                own.add(key)
            event = next_event()
            if type(event) is ScalarEvent and event.tag is None and event.anchor is None:
                text = event.value
                if event.style:
                    result[key] = text
                elif text < ":":
                    value = numbers.get(text)
                    result[key] = self.value(event) if value is None else value
                else:
                    result[key] = words.get(text, text)
            else:
                result[key] = self.node(event, depth)
            if is_watched and len(result) > self.nodes:
                break
        self.count(start, len(result) + 1)
        return result

    def merge(self, key: Any, depth: int, result: dict[str, Any], own: set[str] | None) -> set[str]:
        """Take in the mapping, or the mappings of a list, under a `<<`; of these the first wins.

        yaml.v2 puts them over the entries before them and under those after; yaml.v3 puts them under all.
        Returns the keys that are not merged ones.
        """
        if own is not None and self.dialect is Dialect.V3:
            raise Refusal(key, "a key is there twice in the same mapping")
        event = self.next_event()
        value = self.node(event, depth)
        # Go wants the list here in person, not by an alias.
        mappings = value if isinstance(value, list) and event.__class__ is not AliasEvent else [value]
        if not all(isinstance(mapping, dict) for mapping in mappings):
            raise Refusal(key, "only mappings can be merged by <<")
        own = set(result) if own is None else own
        if self.dialect is Dialect.V2:
            for mapping in reversed(mappings):
                result.update(mapping)
        else:
            for mapping in mappings:
                result.update({key: value for key, value in mapping.items() if key not in result})
        return own

    def key(self, event: Any) -> str | None:
        """An entry's key as JSON has it, or None for the `<<` of a merge."""
        scalar = event
        if event.__class__ is AliasEvent:
            scalar = self.target(event)
        elif event.__class__ is ScalarEvent:
            if event.anchor is not None:
                self.anchors[event.anchor] = event
            if event.value == "<<" and self.is_merge(event):
                return None
        if scalar.__class__ is not ScalarEvent:
            raise Refusal(event, "a list or a mapping cannot be a key")
        meaning = self.meaning(scalar)
        if isinstance(meaning, str):
            key = meaning
        elif isinstance(meaning, bool):
            key = "true" if meaning else "false"
        elif isinstance(meaning, float):
            key = key_text(meaning)
        elif meaning is not None and meaning < -INT_MIN:
            key = str(meaning)
        else:
            raise Refusal(event, "null or so large a number cannot be a key", "quote the key")
        if event.__class__ is not AliasEvent and not event.style and event.tag is None:
            self.keys[event.value] = key
        return key

    def value(self, event: Any) -> Any:
        """What a scalar is in JSON."""
        meaning = self.meaning(event)
        if isinstance(meaning, float):
            if not isfinite(meaning):
                raise Refusal(event, "JSON carries no infinity and no NaN", "quote the value if it is a string")
            meaning = json_value(meaning)
        if not event.style and event.tag is None and meaning is not None and len(event.value) <= _REMEMBERED:
            self.numbers[event.value] = meaning
        return meaning

    def meaning(self, event: Any) -> Scalar:
        """What a scalar is in Go."""
        tag = event.tag
        if tag == "!" and self.dialect is Dialect.V3:
            tag = None  # which yaml.v3 ignores; to yaml.v2 it is like one that it does not know
        try:
            if tag is not None:
                return tagged(tag, event.value, self.dialect)
            return event.value if event.style else plain(event.value, self.dialect)
        except BadScalar as problem:
            raise Refusal(event, str(problem)) from None

    def is_merge(self, event: Any) -> bool:
        """Whether a key that reads `<<` is no string. Under the tag `!` quotes do not make it one to yaml.v2."""
        plain = event.implicit[0] and (not event.style or self.dialect is Dialect.V2)
        return plain or event.tag == _MERGE_TAG

    def alias(self, event: Any, depth: int) -> Any:
        """A copy of what an alias stands for, so that no two places of a document share a value."""
        target = self.target(event)
        return self.copy(event, self.value(target) if target.__class__ is ScalarEvent else target, depth)

    def target(self, alias: Any) -> Any:
        target = self.anchors.get(alias.anchor)
        if target is None:
            raise Refusal(alias, "an alias has no anchor before it", "quote values that begin with *")
        if target.__class__ in (MappingStartEvent, SequenceStartEvent):
            raise Refusal(alias, "an alias stands inside of what it stands for")
        return target

    def copy(self, alias: Any, value: Any, depth: int) -> Any:
        """Write out what an alias stands for, within the limits of repetition."""
        self.aliased -= 1
        self.nodes -= 1
        if isinstance(value, str):
            self.characters -= len(value)
        if self.aliased < 0 or self.nodes < 0 or self.characters < 0:
            raise Refusal(alias, "the aliases repeat too much")
        if isinstance(value, dict):
            self.deeper(alias, depth)
            self.characters -= sum(map(len, value))
            return {key: self.copy(alias, item, depth + 1) for key, item in value.items()}
        if isinstance(value, list):
            self.deeper(alias, depth)
            return [self.copy(alias, item, depth + 1) for item in value]
        return value

    def deeper(self, event: Any, depth: int) -> None:
        if depth >= self.limits.depth:
            raise Refusal(event, f"more than {self.limits.depth} lists and mappings inside each other")

    def count(self, start: Any, nodes: int) -> None:
        self.nodes -= nodes
        if self.nodes < 0:
            raise Refusal(start, f"more than {self.limits.nodes} values")
