"""Lines as git's protocol frames them: four hex digits of length, themselves counted. Source: gitprotocol-common(5)."""

from collections.abc import Iterator
from typing import Final

from engine.errors import KsealError

FLUSH: Final = b"0000"
DELIMITER: Final = b"0001"
_LONGEST: Final = 65_520


class FramingError(KsealError):
    """Bytes that are no lines of git's."""


def line(text: str) -> bytes:
    """One line, with its end."""
    content = f"{text}\n".encode("utf-8", "surrogateescape")
    return b"%04x%s" % (len(content) + 4, content)


def lines(data: bytes) -> Iterator[bytes | None]:
    """Each line without its end; None for a flush, delimiter or end of response. Raises: FramingError."""
    at = 0
    while at < len(data):
        head = data[at : at + 4]
        try:
            length = int(head, 16) if len(head) == 4 and head.isalnum() else -1
        except ValueError:
            length = -1
        if length in (0, 1, 2):
            yield None
            at += 4
            continue
        if not 4 <= length <= _LONGEST or at + length > len(data):
            raise FramingError("what it answers is not git's protocol")
        yield data[at + 4 : at + length].removesuffix(b"\n")
        at += length
