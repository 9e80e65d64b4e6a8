"""What a document is made of, whatever text it came from: ordered branches, lists, scalars and comments.

A branch is a list of `(key, value)` pairs, because documents keep their order and may hold a key twice. A comment is
an item of its own: in a branch it stands where the key stands, with None for its value; in a list it is an element.

Text is `str`. Bytes that are no UTF-8 (binary files have them) live in it as lone surrogates, as Python's
`surrogateescape` puts them there; `to_bytes` and `to_text` are the way in and out.
"""

from typing import TypeAlias

from engine.kube import timestamps


class Comment:
    """A comment: its text after the `#`, with the space that follows, and whether it stood behind a value."""

    __slots__ = ("inline", "text")

    def __init__(self, text: str, inline: bool = False) -> None:
        self.text = text
        self.inline = inline

    def __eq__(self, other: object) -> bool:
        """Equal by text: where a comment stood is no part of it, as for the original."""
        return isinstance(other, Comment) and other.text == self.text

    def __hash__(self) -> int:
        return hash((Comment, self.text))

    def __repr__(self) -> str:
        """Comments are encrypted like values, so they do not print."""
        return "Comment()"


class Timestamp:
    """A point in time with its offset, as Go's `time.RFC3339Nano` writes it: `2006-01-02T15:04:05.5+07:00`."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        """`text` is canonical already; `parse` takes others."""
        self.text = text

    @classmethod
    def parse(cls, text: str) -> "Timestamp":
        """Read RFC 3339. Raises: ValueError, without the text."""
        canonical = timestamps.parse(text) if text[10:11] in ("T", "t") else None
        if canonical is None:
            raise ValueError("not a time of RFC 3339")
        return cls(canonical)

    def seconds(self) -> str:
        """The same without the fraction, as `time.RFC3339` writes it."""
        head, _, rest = self.text.partition(".")
        return head + rest.lstrip("0123456789") if rest else head

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Timestamp) and other.text == self.text

    def __hash__(self) -> int:
        return hash((Timestamp, self.text))

    def __repr__(self) -> str:
        return "Timestamp()"


Scalar: TypeAlias = str | int | float | bool | Timestamp | None
Value: TypeAlias = "Branch | list[Value] | Comment | Scalar"


class Branch(list[tuple["str | Comment", "Value"]]):
    """A mapping: its items in order, duplicates and comments included."""

    __slots__ = ()

    def get(self, key: str) -> Value:
        """The value of the first item with the key, None when there is none."""
        for name, value in self:
            if name == key:
                return value
        return None

    def has(self, key: str) -> bool:
        """Whether an item has the key, be its value null."""
        return any(name == key for name, _ in self)


Branches: TypeAlias = list[Branch]
"""One branch for each YAML document; exactly one for every other format."""


def to_bytes(text: str) -> bytes:
    """The bytes that a text stands for."""
    return text.encode("utf-8", "surrogateescape")


def to_text(data: bytes) -> str:
    """Bytes as text, whatever they are."""
    return data.decode("utf-8", "surrogateescape")
