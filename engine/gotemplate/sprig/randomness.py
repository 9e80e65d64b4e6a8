"""Random strings, from the operating system's generator. Source: sprig strings.go, crypto.go; xstrings Shuffle."""

import string
from base64 import b64encode
from secrets import SystemRandom, choice, token_bytes
from uuid import UUID

from engine.gotemplate.errors import Refused
from engine.gotemplate.table import Function, Run, function
from engine.gotemplate.values import clean_runes

_PRINTABLE = "".join(map(chr, range(32, 127)))
_PRICE = 1_000
"""Units of cost for one random character."""


def _of(alphabet: str) -> Function:
    """A negative length gives an empty string, as in the original."""

    def make(run: Run, length: int) -> bytes:
        run.meter.size(length)
        run.meter.spend(max(length, 0) * _PRICE)
        return "".join(choice(alphabet) for _ in range(length)).encode()

    return function("int", make, run=True, volatile=True)


def _bytes(run: Run, length: int) -> bytes:
    if length < 0:
        raise Refused("a negative length")
    run.meter.size(length)
    return b64encode(token_bytes(length))


def _shuffled(text: bytes) -> bytes:
    runes = list(clean_runes(text))
    SystemRandom().shuffle(runes)
    return "".join(runes).encode()


def _uuid() -> bytes:
    return str(UUID(bytes=token_bytes(16), version=4)).encode()


FUNCTIONS: dict[str, Function] = {
    "randAlpha": _of(string.ascii_letters),
    "randAlphaNum": _of(string.ascii_letters + string.digits),
    "randAscii": _of(_PRINTABLE),
    "randBytes": function("int", _bytes, run=True, volatile=True),
    "randNumeric": _of(string.digits),
    "shuffle": function("string", _shuffled, volatile=True, weight=1_000),
    "uuidv4": function("", _uuid, volatile=True),
}
