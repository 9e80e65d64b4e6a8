"""From libyaml's events to nodes, whatever becomes of them: documents, lists, anchors and aliases, within limits.

What a scalar means, what a mapping is and how a shared value is copied is said by `yaml_build` for JSON's values, and
by other readers for theirs.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, TypeVar

from engine.kube.documents import Limits
from engine.kube.libyaml import (
    AliasEvent,
    CParser,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)
from engine.kube.yaml_budget import Budget, Refusal

T = TypeVar("T")

REMEMBERED = 32
"""Length of the longest number whose meaning is kept for the next time."""


class Nodes(ABC):
    """Builds the nodes of one stream.

    The loops over items and entries are written for speed: what most scalars are is decided in place. Of plain ones,
    all numbers and timestamps come before ":" in ASCII; the rest are words or strings.
    """

    __slots__ = ("anchors", "budget", "keys", "next_event", "numbers", "words")

    def __init__(self, data: bytes, words: Mapping[str, Any], limits: Limits) -> None:
        """`words` has what plain scalars mean that are no strings, but for numbers and timestamps."""
        # Any: the grammar guarantees which events follow which, the types do not.
        self.next_event: Any = CParser(data).get_event
        self.budget = Budget(limits, len(data))
        self.words = words
        # A scalar's anchor stands for its event, since a key reads it otherwise than a value does; a collection's for
        # what was built of it, but until its end for the event that opened it, by which an alias inside is known.
        self.anchors: dict[str, Any] = {}
        self.keys: dict[str, str] = {}
        self.numbers: dict[str, Any] = {}

    @abstractmethod
    def value(self, event: Any) -> Any:
        """What a scalar is. Raises: Refusal."""

    @abstractmethod
    def mapping(self, start: Any, depth: int) -> Any:
        """What the mapping is that begins with an event. Raises: Refusal."""

    @abstractmethod
    def copy(self, alias: Any, value: Any, depth: int) -> Any:
        """What an alias of a collection stands for, written out within the limits. Raises: Refusal."""

    def next_document(self) -> Any:
        """The first event of the next document's content, None at the end of the stream. Raises: Refusal."""
        start = self.next_event()
        if start.__class__ is StreamEndEvent:
            return None
        self.budget.document(start)
        if start.version not in (None, (1, 1)):
            raise Refusal(start, "the document asks for another version of YAML than 1.1")
        if start.tags:
            # One could make each tag of a document as long as the document.
            raise Refusal(start, "%TAG directives are not supported")
        return self.next_event()

    def node(self, event: Any, depth: int) -> Any:
        """The value that begins with an event, whatever it is."""
        kind = event.__class__
        if kind is AliasEvent:
            return self.alias(event, depth)
        if kind is ScalarEvent:
            if event.anchor is not None:
                self.anchors[event.anchor] = event
            return self.value(event)
        self.budget.deeper(event, depth)
        build = self.mapping if kind is MappingStartEvent else self.sequence
        if event.anchor is None:
            return build(event, depth + 1)
        self.anchors[event.anchor] = event
        value = build(event, depth + 1)
        if self.anchors[event.anchor] is event:  # else a node inside has taken the name
            self.anchors[event.anchor] = value
        return value

    def sequence(self, start: Any, depth: int) -> list[Any]:
        """The list that begins with an event."""
        next_event, words, numbers, budget = self.next_event, self.words, self.numbers, self.budget
        is_watched = budget.is_watched
        result: list[Any] = []
        while (kind := type(event := next_event())) is not SequenceEndEvent:
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
            if is_watched and len(result) > budget.nodes:
                break
        budget.collection(start, len(result))
        return result

    def alias(self, event: Any, depth: int) -> Any:
        """A copy of what an alias stands for, so that no two places of a document share a value."""
        target = self.target(event)
        return self.value(target) if target.__class__ is ScalarEvent else self.copy(event, target, depth)

    def target(self, alias: Any) -> Any:
        """What an anchor stands for: the event of a scalar, or what was built of a collection."""
        target = self.anchors.get(alias.anchor)
        if target is None:
            raise Refusal(alias, "an alias has no anchor before it", "quote values that begin with *")
        if target.__class__ in (MappingStartEvent, SequenceStartEvent):
            raise Refusal(alias, "an alias stands inside of what it stands for")
        if target.__class__ is ScalarEvent:
            self.budget.repeat(alias, len(target.value))
        return target

    def keep(self, event: Any, value: T) -> T:
        """Remember what a plain number or timestamp means, for the next one of the same text. Returns the value."""
        if not event.style and event.tag is None and value is not None and len(event.value) <= REMEMBERED:
            self.numbers[event.value] = value
        return value
