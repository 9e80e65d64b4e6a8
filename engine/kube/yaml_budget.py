"""How much of a YAML stream is built: the limits, counted down, with aliases written out."""

from typing import Any

from engine.kube.documents import Limits


class Refusal(Exception):
    """What is wrong with the node that begins with an event."""

    def __init__(self, event: Any, what: str, hint: str | None = None) -> None:
        super().__init__(what)
        self.line: int = event.start_mark.line + 1
        self.hint = hint


class Budget:
    """What is left of the limits. Methods take the event that is to blame when nothing is. Raises: Refusal."""

    __slots__ = ("aliased", "characters", "documents", "is_watched", "limits", "nodes")

    def __init__(self, limits: Limits, size: int) -> None:
        """`size` is that of the input in bytes."""
        self.limits = limits
        self.documents = limits.documents
        self.nodes = limits.nodes
        self.aliased = limits.aliased
        self.characters = limits.bytes
        # A node takes two bytes or more, so most inputs are too short to break the limit inside of one collection;
        # only in others does the loop over its items look at the count.
        self.is_watched = size > 2 * limits.nodes

    def document(self, start: Any) -> None:
        self.documents -= 1
        if self.documents < 0:
            raise Refusal(start, f"more than {self.limits.documents} documents")

    def collection(self, start: Any, items: int) -> None:
        """A list or a mapping with its items."""
        self.nodes -= items + 1
        if self.nodes < 0:
            raise Refusal(start, f"more than {self.limits.nodes} values")

    def deeper(self, start: Any, depth: int) -> None:
        """A collection inside of `depth` others."""
        if depth >= self.limits.depth:
            raise Refusal(start, f"more than {self.limits.depth} lists and mappings inside each other")

    def repeat(self, alias: Any, characters: int) -> None:
        """A node that an alias writes out; reading its text again takes as long as the first time."""
        self.aliased -= 1
        self.nodes -= 1
        self.characters -= characters
        if self.aliased < 0 or self.nodes < 0 or self.characters < 0:
            raise Refusal(alias, "the aliases repeat too much")

    def copy(self, alias: Any, value: Any, depth: int) -> Any:
        """What an alias of a collection stands for, written out."""
        if isinstance(value, dict):
            self.deeper(alias, depth)
            self.repeat(alias, sum(map(len, value)))
            return {key: self.copy(alias, item, depth + 1) for key, item in value.items()}
        if isinstance(value, list):
            self.deeper(alias, depth)
            self.repeat(alias, 0)
            return [self.copy(alias, item, depth + 1) for item in value]
        self.repeat(alias, len(value) if isinstance(value, str) else 0)
        return value
