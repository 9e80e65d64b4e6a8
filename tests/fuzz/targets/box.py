"""The reader of one sealed value: bytes and base64 of strangers, opened with a private key."""

from sealer import box
from sealer.encoding import Base64Error, decode
from sealer.errors import UnsealError
from tests.fuzz.key import LABEL, PRIVATE_KEY, PUBLIC_KEY
from tests.fuzz.rules import PLANTED, attempt, require

VALUES = (b"", b"x", PLANTED.encode(), bytes(300))
SEALED = tuple(box.seal(value, PUBLIC_KEY, LABEL) for value in VALUES)
SEEDS = (*SEALED, b"\x00\x80" + bytes(128), b"AAAA\r\nAA==")
PIECES = (b"\x00", b"\x00\x80", b"\x00\x81", b"\xff\xff", b"=", b"\n", b"A", SEALED[0][:130], SEALED[1][130:])


def check(data: bytes) -> None:
    """Only what was sealed opens, to the value that was sealed; all else is refused, as bytes and as base64."""
    opened = attempt(UnsealError, box.open, data, PRIVATE_KEY, LABEL)
    if opened is not None:
        require(data in SEALED and opened == VALUES[SEALED.index(data)], "altered bytes open")
    decoded = attempt(Base64Error, decode, data.decode("latin-1"))
    if decoded is not None:
        attempt(UnsealError, box.open, decoded, PRIVATE_KEY, LABEL)
