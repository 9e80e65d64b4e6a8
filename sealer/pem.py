"""Find the blocks of a PEM text. Text between blocks is skipped, as Go's and OpenSSL's readers do."""

from binascii import a2b_base64
from collections.abc import Iterator
from typing import NamedTuple

MOST_BYTES = 1 << 20
"""A certificate chain or a backup of many keys stays far below this."""

_BEGIN, _END, _DASHES = b"-----BEGIN ", b"-----END ", b"-----"


class Block(NamedTuple):
    """One block: what its armour calls it, whether headers stand in it (as in encrypted keys), its DER bytes."""

    type: str
    has_headers: bool
    der: bytes


def blocks(data: bytes) -> Iterator[Block]:
    """The well-formed blocks of a text, in order; a block whose base64 or end line is broken is skipped.

    Raises: ValueError when the text is larger than any real one.
    """
    if len(data) > MOST_BYTES:
        raise ValueError(f"the PEM text has {len(data)} bytes, more than {MOST_BYTES}")
    kind: bytes | None = None
    body: list[bytes] = []
    has_headers = False
    for raw_line in data.splitlines():
        line = raw_line.strip()
        if line.startswith(_BEGIN) and line.endswith(_DASHES):
            kind, body, has_headers = line[len(_BEGIN) : -len(_DASHES)], [], False
        elif kind is not None and line == _END + kind + _DASHES:
            der = _decoded(b"".join(body))
            if der is not None:
                yield Block(kind.decode("ascii", "replace"), has_headers, der)
            kind = None
        elif kind is not None and b":" in line:
            has_headers = True
        elif kind is not None:
            body.append(line)


def _decoded(body: bytes) -> bytes | None:
    try:
        return a2b_base64(body, strict_mode=True)
    except ValueError:
        return None
