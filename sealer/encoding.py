"""Base64 exactly as Go's encoding/base64 reads it, because that decides which manifests the original accepts.

Standard alphabet with padding. CR and LF are skipped wherever they stand; any other stray byte is an error, and
the error counts bytes as Go does, skipped ones included.
"""

from binascii import a2b_base64, b2a_base64
from contextlib import suppress

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


class Base64Error(ValueError):
    """The text is not base64. `offset` is the byte at which Go gives up."""

    def __init__(self, offset: int) -> None:
        super().__init__(f"illegal base64 data at input byte {offset}")
        self.offset = offset


def encode(value: bytes) -> str:
    """Standard base64 with padding, on one line."""
    return b2a_base64(value, newline=False).decode("ascii")


def decode(text: str) -> bytes:
    """The bytes of a base64 text.

    Raises: Base64Error, whose message is the one that Go prints.
    """
    compact = text.replace("\r", "").replace("\n", "")
    # The strict mode of CPython lets padding follow a complete group, hence the two counts.
    if len(compact) % 4 == 0 and compact.count("=") <= 2:
        with suppress(ValueError):  # binascii.Error, or characters beyond ASCII: told apart below
            return a2b_base64(compact, strict_mode=True)
    raise Base64Error(_first_illegal_byte(text.encode("utf-8", "surrogatepass")))


def _first_illegal_byte(text: bytes) -> int:
    """Where Go's decoder stops in a text that is known to be wrong.

    Go reads groups of four. It complains at a byte outside the alphabet; at a `=` that comes too early; at what
    follows the padding; and, when the text ends inside a group, at the start of what is missing.
    Source: the behaviour of Go's base64.StdEncoding.DecodeString, by its tests' CorruptInputError table.
    """
    alphabet = _ALPHABET.encode()
    kept = [index for index, byte in enumerate(text) if byte not in b"\r\n"]
    for place, index in enumerate(kept):
        byte = text[index]
        if byte in alphabet:
            continue
        in_group = place % 4
        if byte != ord("=") or in_group < 2:
            return index
        padding = kept[place : place + 4 - in_group]
        if len(padding) < 4 - in_group:
            return len(text)
        if in_group == 2 and text[padding[1]] != ord("="):
            return padding[1] - 1
        return kept[place + 4 - in_group] if place + 4 - in_group < len(kept) else len(text)
    return len(text) - len(kept) % 4
