"""From libyaml's events to values, by the rules of a dialect and within limits.

Go's libraries are followed where they agree with themselves. Where they take the last of two equal keys, leave the
order to chance or replace bytes, the input is refused. Anchors end with their document.
"""

from math import isfinite
from typing import Any

from engine.kube.documents import Document, Limits
from engine.kube.go_numbers import INT_MIN, json_value, key_text
from engine.kube.libyaml import AliasEvent, MappingEndEvent, ScalarEvent
from engine.kube.yaml_budget import Refusal
from engine.kube.yaml_nodes import Nodes
from engine.kube.yaml_scalars import WORDS, BadScalar, Dialect, Scalar, plain, tagged

_MERGE_TAG = "tag:yaml.org,2002:merge"


class Builder(Nodes):
    """Builds the values of one stream."""

    __slots__ = ("dialect",)

    def __init__(self, data: bytes, dialect: Dialect, limits: Limits) -> None:
        super().__init__(data, WORDS[dialect], limits)
        self.dialect = dialect

    def stream(self) -> list[Document]:
        documents = []
        number = 0
        self.next_event()  # the start of the stream
        while (event := self.next_document()) is not None:
            number += 1
            self.anchors.clear()
            value = self.node(event, 0)
            if value is not None:
                documents.append(Document(value, number, event.start_mark.line + 1))
            self.next_event()  # the end of the document
        return documents

    def mapping(self, start: Any, depth: int) -> dict[str, Any]:
        next_event, words, numbers, keys = self.next_event, self.words, self.numbers, self.keys
        budget, is_watched = self.budget, self.budget.is_watched
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
            if is_watched and len(result) > budget.nodes:
                break
        budget.collection(start, len(result))
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
        return self.keep(event, meaning)

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
        is_plain: bool = event.implicit[0] and (not event.style or self.dialect is Dialect.V2)
        return is_plain or event.tag == _MERGE_TAG

    def copy(self, alias: Any, value: Any, depth: int) -> Any:
        return self.budget.copy(alias, value, depth)
