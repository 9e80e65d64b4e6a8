"""Base64, base32 and checksums. Source: sprig strings.go and crypto.go, Go encoding/base64 and base32."""

import base64
import hashlib
import zlib

from engine.gotemplate.table import Function, function

_STANDARD = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_STANDARD_32 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_BREAKS = b"\r\n"


class Corrupt(ValueError):
    """The input is wrong at a byte, counted from 0."""

    def __init__(self, kind: str, place: int) -> None:
        super().__init__("corrupt input")
        self.message = f"illegal {kind} data at input byte {place}".encode()


def decode64(text: bytes) -> bytes:
    """Standard base64 with padding, line breaks anywhere. Raises: Corrupt."""
    return _decode(text, "base64", _STANDARD, (0, 2, 3), 4)


def _decode64(text: bytes) -> bytes:
    """sprig gives the error as the result; it names a place and no value."""
    try:
        return decode64(text)
    except Corrupt as error:
        return error.message


def _decode32(text: bytes) -> bytes:
    try:
        return _decode(text, "base32", _STANDARD_32, (0, 2, 4, 5, 7), 8)
    except Corrupt as error:
        return error.message


def _decode(text: bytes, kind: str, alphabet: bytes, lengths: tuple[int, ...], group: int) -> bytes:
    """Go says at which byte the input goes wrong, so a refusal of Python's decoder is looked at again by hand."""
    bare = text.translate(None, _BREAKS)
    decode = base64.b64decode if kind == "base64" else base64.b32decode
    body = bare.rstrip(b"=")
    padding = len(bare) - len(body)
    proper = not body.translate(None, alphabet) and len(bare) % group == 0 and len(body) % group in lengths
    if not proper or padding >= group:
        raise Corrupt(kind, _wrong_place(text, kind, alphabet, lengths, group))
    return decode(bare)


def _wrong_place(text: bytes, kind: str, alphabet: bytes, lengths: tuple[int, ...], group: int) -> int:
    places = [place for place, byte in enumerate(text) if byte not in _BREAKS]
    for start in range(0, len(places), group):
        chunk = places[start : start + group]
        for number, place in enumerate(chunk):
            byte = text[place]
            if byte in alphabet:
                continue
            if byte != ord("=") or number not in lengths or not number:
                return place
            return _wrong_padding(text, kind, places, start, number, group)
        if len(chunk) < group:
            return _short_end(text, kind, chunk, len(places) - len(chunk), group)
    return len(text)


def _short_end(text: bytes, kind: str, chunk: list[int], before: int, group: int) -> int:
    """The input ends inside of a group."""
    if kind == "base32":
        return before
    return len(text) - len(chunk)


def _wrong_padding(text: bytes, kind: str, places: list[int], start: int, number: int, group: int) -> int:
    for place in places[start + number : start + group]:
        if text[place] != ord("="):
            return place
    if len(places) < start + group:
        return len(text)
    return places[start + group] if len(places) > start + group else places[start]


def _hexadecimal(algorithm: str, text: bytes) -> bytes:
    return hashlib.new(algorithm, text, usedforsecurity=False).hexdigest().encode()


FUNCTIONS: dict[str, Function] = {
    "adler32sum": function("string", lambda text: b"%d" % zlib.adler32(text)),
    "b32dec": function("string", _decode32, weight=20),
    "b32enc": function("string", base64.b32encode, weight=20),
    "b64dec": function("string", _decode64, weight=20),
    "b64enc": function("string", base64.b64encode),
    "sha1sum": function("string", lambda text: _hexadecimal("sha1", text)),
    "sha256sum": function("string", lambda text: _hexadecimal("sha256", text)),
    "sha512sum": function("string", lambda text: _hexadecimal("sha512", text)),
}
