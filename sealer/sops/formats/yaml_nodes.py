"""From libyaml's events to branches, for documents without comments; `yaml_commented` adds those.

As in the original aliases are written out, a merge is an item with the key `<<`, and tags are gone once they have
said what a scalar is. Source: getsops/sops stores/yaml/store.go.
"""

from typing import Any

from engine.kube.documents import Limits
from engine.kube.libyaml import AliasEvent, MappingEndEvent, ScalarEvent
from engine.kube.yaml_budget import Refusal
from engine.kube.yaml_nodes import Nodes
from engine.kube.yaml_scalars import BadScalar
from sealer.sops.formats.yaml_scalars import WORDS_V3, meaning
from sealer.sops.tree import Branch, Branches, Scalar, Value


class Reader(Nodes):
    """Builds the branches of one stream. An anchor outlives its document, as in yaml.v3."""

    __slots__ = ("ends",)

    def __init__(self, data: bytes, limits: Limits) -> None:
        super().__init__(data, WORDS_V3, limits)
        self.ends: list[int] = []
        """Where each document ends."""

    def branches(self) -> Branches:
        """One branch for each document. Raises: Refusal."""
        result: Branches = []
        self.next_event()  # the start of the stream
        while (event := self.next_document()) is not None:
            result.append(self.document(event))
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

    def mapping(self, start: Any, depth: int) -> Branch:
        next_event, words, numbers, keys = self.next_event, self.words, self.numbers, self.keys
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
            value: Scalar = meaning(event.value, event.tag, is_quoted=bool(event.style))
        except BadScalar as problem:
            raise Refusal(event, str(problem)) from None
        return self.keep(event, value)

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
