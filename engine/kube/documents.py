"""What readers of YAML and JSON share: how large an input may be, and the error that says where it is wrong."""

from typing import NamedTuple

from engine.errors import KsealError

MEBIBYTE = 1024 * 1024


class DocumentError(KsealError):
    """An input cannot be read. The message is `SOURCE: line N: what`.

    It never quotes the input: whatever a broken line holds may be part of a Secret.
    """


class Limits(NamedTuple):
    """How much of an input is read before it is refused as hostile. Nothing that an API server accepts comes near."""

    bytes: int = 64 * MEBIBYTE
    """Size of the whole input; also of the text that aliases repeat, in characters."""
    depth: int = 256
    """Lists and mappings inside each other. Readers and writers recurse: stay well below Python's limit of 1000."""
    nodes: int = 4_000_000
    """Lists, mappings and their items, over all documents and with aliases written out."""
    aliased: int = 400_000
    """The part of `nodes` that aliases may make: where go-yaml begins to refuse "excessive aliasing" (decode.go)."""
    documents: int = 100_000


DEFAULT = Limits()


class Document(NamedTuple):
    """One document of a stream: its value, its number counted from 1, and the line on which it begins."""

    value: object
    number: int
    line: int
