"""From libyaml's events to branches, for documents without comments; `yaml_commented` adds those.

As in the original aliases are written out, a merge is an item with the key `<<`, and tags are gone once they have
said what a scalar is. Source: getsops/sops stores/yaml/store.go.
"""

from typing import Any

from engine.kube.documents import Limits
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
from engine.kube.yaml_budget import Budget, Refusal
from engine.kube.yaml_scalars import BadScalar
from sealer.sops.formats.yaml_scalars import WORDS_V3, meaning
from sealer.sops.tree import Branch, Branches, Scalar, Value

_REMEMBERED = 32  # length of the longest number whose meaning is kept for the next time


class Reader:
    """Builds the branches of one stream. The loops are written for speed: most scalars are decided in place."""

    __slots__ = ("anchors", "budget", "ends", "keys", "next_event", "numbers")

    def __init__(self, data: bytes, limits: Limits) -> None:
        # Any: the grammar guarantees which events follow which, the types do not.
        self.next_event: Any = CParser(data).get_event
        self.budget = Budget(limits, len(data))
        # A scalar's anchor stands for its event, since a key reads it otherwise than a value does; a collection's for
        # what was built of it, but until its end for the event that opened it. As in yaml.v3 it outlives its document.
        self.anchors: dict[str, Any] = {}
        self.keys: dict[str, str] = {}
        self.numbers: dict[str, Scalar] = {}
        self.ends: list[int] = []
        """Where each document ends."""

    def branches(self) -> Branches:
        """One branch for each document. Raises: Refusal."""
        result: Branches = []
        self.next_event()  # the start of the stream
        while (start := self.next_event()).__class__ is not StreamEndEvent:
            self.budget.document(start)
            if start.version not in (None, (1, 1)):
                raise Refusal(start, "the document asks for another version of YAML than 1.1")
            if start.tags:
                # One could make each tag of a document as long as the document.
                raise Refusal(start, "%TAG directives are not supported")
            result.append(self.document(self.next_event()))
            self.ends.append(self.next_event().start_mark.index)
        return result

    def document(self, event: Any) -> Branch:
        """The branch of the document that begins with an event; of nothing, an empty one."""
        return self.root(event, self.node(event, 0))

    def root(self, event: Any, value: Value) -> Branch:
        if isinstance(value, Branch):
            return value
        if value is None:
            return Branch()
        what = "a list" if isinstance(value, list) else "a single value"
        raise Refusal(event, f"the document is {what}, not a mapping", "SOPS encrypts mappings only")

    def node(self, event: Any, depth: int) -> Value:
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

    def sequence(self, start: Any, depth: int) -> list[Value]:
        next_event, words, numbers, budget = self.next_event, WORDS_V3, self.numbers, self.budget
        result: list[Value] = []
        while (kind := type(event := next_event())) is not SequenceEndEvent:
            if kind is ScalarEvent and event.tag is None and event.anchor is None:
                text = event.value
                if event.style:
                    value: Value = text
                elif text < ":":
                    value = numbers.get(text)
                    if value is None:
                        value = self.value(event)
                else:
                    value = words.get(text, text)
            else:
                value = self.node(event, depth)
            result.append(value)
            if budget.is_watched and len(result) > budget.nodes:
                break
        budget.collection(start, len(result))
        return result

    def mapping(self, start: Any, depth: int) -> Branch:
        next_event, words, numbers, keys = self.next_event, WORDS_V3, self.numbers, self.keys
        budget, is_watched = self.budget, self.budget.is_watched
        result = Branch()
        append = result.append
        seen: set[str] = set()
        while (kind := type(event := next_event())) is not MappingEndEvent:
            key: str | None = None
            if kind is ScalarEvent and not event.style and event.tag is None and event.anchor is None:
                key = keys.get(event.value)
            if key is None or key in seen:
                key = self.key(event, seen)
            event = next_event()
            if type(event) is ScalarEvent and event.tag is None and event.anchor is None:
                text = event.value
                if event.style:
                    append((key, text))
                elif text < ":":
                    value = numbers.get(text)
                    append((key, self.value(event) if value is None else value))
                else:
                    append((key, words.get(text, text)))
            else:
                append((key, self.node(event, depth)))
            seen.add(key)
            if is_watched and len(result) > budget.nodes:
                break
        budget.collection(start, len(result))
        return result

    def key(self, event: Any, seen: set[str]) -> str:
        """The key of an item. `seen` are those before it in the same mapping."""
        scalar = event
        if event.__class__ is AliasEvent:
            scalar = self.target(event)
        elif event.__class__ is ScalarEvent and event.anchor is not None:
            self.anchors[event.anchor] = event
        if scalar.__class__ is not ScalarEvent:
            raise Refusal(event, "a list or a mapping cannot be a key")
        key = self.value(scalar)
        if not isinstance(key, str):
            raise Refusal(event, "a key is no string", "only string keys are supported; quote the key")
        if key in seen:
            raise Refusal(event, "a key is there twice in the same mapping")
        if scalar is event and not event.style and event.tag is None:
            self.keys[event.value] = key
        return key

    def value(self, event: Any) -> Scalar:
        """What a scalar is."""
        try:
            value = meaning(event.value, event.tag, is_quoted=bool(event.style))
        except BadScalar as problem:
            raise Refusal(event, str(problem)) from None
        if not event.style and event.tag is None and value is not None and len(event.value) <= _REMEMBERED:
            self.numbers[event.value] = value
        return value

    def alias(self, event: Any, depth: int) -> Value:
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

    def copy(self, alias: Any, value: Any, depth: int) -> Any:
        """What an alias of a collection stands for, written out within the limits."""
        if not isinstance(value, list):
            self.budget.repeat(alias, len(value) if isinstance(value, str) else 0)
            return value
        self.budget.deeper(alias, depth)
        if isinstance(value, Branch):
            self.budget.repeat(alias, sum(len(key) for key, _ in value if isinstance(key, str)))
            return Branch((key, self.copy(alias, item, depth + 1)) for key, item in value)
        self.budget.repeat(alias, 0)
        return [self.copy(alias, item, depth + 1) for item in value]
