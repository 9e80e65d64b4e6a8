"""Base64, base32 and checksums. Source: sprig strings.go and crypto.go, Go encoding/base64 and base32."""

import base64
import hashlib
import zlib
from collections.abc import Callable

from engine.gotemplate.table import Function, function

_STANDARD_64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_STANDARD_32 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_BREAKS = b"\r\n"
_PAD = ord("=")


class Corrupt(ValueError):
    """The input is wrong at a byte, counted from 0."""

    def __init__(self, kind: str, place: int) -> None:
        super().__init__("corrupt input")
        self.message = f"illegal {kind} data at input byte {place}".encode()


def decode64(text: bytes) -> bytes:
    """Standard base64 with padding, line breaks anywhere. Raises: Corrupt."""
    bare = text.translate(None, _BREAKS)
    body = bare.rstrip(b"=")
    if body.translate(None, _STANDARD_64) or len(bare) % 4 or len(bare) - len(body) > 2:
        raise Corrupt("base64", _fault64(text))
    return base64.b64decode(bare)


def _fault64(text: bytes) -> int:
    """Where Go's decoder gives up."""
    count = 0
    for place, byte in enumerate(text):
        if byte in _BREAKS:
            continue
        if byte in _STANDARD_64:
            count = (count + 1) % 4
        elif byte == _PAD and count >= 2:
            return _padding_fault64(text, _after_breaks(text, place + 1), count)
        else:
            return place
    return len(text) - count


def _padding_fault64(text: bytes, place: int, count: int) -> int:
    """`place` is behind the first padding character, which stands after `count` characters of its group."""
    if count == 2:
        if place == len(text):
            return place
        if text[place] != _PAD:
            return place - 1
        place = _after_breaks(text, place + 1)
    return place


def _after_breaks(text: bytes, place: int) -> int:
    while place < len(text) and text[place] in _BREAKS:
        place += 1
    return place


def decode32(text: bytes) -> bytes:
    """Standard base32; as in Go, places in errors do not count line breaks, and what follows the padding is ignored.

    Raises: Corrupt.
    """
    bare = text.translate(None, _BREAKS)
    for start in range(0, len(bare), 8):
        for count, byte in enumerate(bare[start : start + 8].ljust(8, b"\0")):
            place = start + count
            if place == len(bare):
                raise Corrupt("base32", start)
            if byte == _PAD and count >= 2 and len(bare) - place <= 8:
                _check_padding32(bare, place, count)
                return base64.b32decode(bare[:place] + b"=" * (8 - count))
            if byte not in _STANDARD_32:
                raise Corrupt("base32", place)
    return base64.b32decode(bare)


def _check_padding32(bare: bytes, place: int, count: int) -> None:
    wanted = 8 - count
    padding = bare[place : place + wanted]
    if len(padding) < wanted:
        raise Corrupt("base32", len(bare))
    for number, byte in enumerate(padding[1:]):
        if byte != _PAD:
            raise Corrupt("base32", place + number)
    if count in {3, 6}:
        raise Corrupt("base32", place)


def _or_message(decode: Callable[[bytes], bytes], text: bytes) -> bytes:
    """sprig gives an error as the result; it names a place and no value."""
    try:
        return decode(text)
    except Corrupt as error:
        return error.message


def _hexadecimal(algorithm: str, text: bytes) -> bytes:
    return hashlib.new(algorithm, text, usedforsecurity=False).hexdigest().encode()


FUNCTIONS: dict[str, Function] = {
    "adler32sum": function("string", lambda text: b"%d" % zlib.adler32(text)),
    "b32dec": function("string", lambda text: _or_message(decode32, text), weight=200),
    "b32enc": function("string", base64.b32encode, weight=20),
    "b64dec": function("string", lambda text: _or_message(decode64, text), weight=20),
    "b64enc": function("string", base64.b64encode),
    "sha1sum": function("string", lambda text: _hexadecimal("sha1", text)),
    "sha256sum": function("string", lambda text: _hexadecimal("sha256", text)),
    "sha512sum": function("string", lambda text: _hexadecimal("sha512", text)),
}
