"""Wrapped keys as text: base64, of a bounded length, spelled in one way."""

import binascii
from typing import Final

from providers.errors import Misconfigured

_LIMIT_CHARACTERS: Final = 64 * 1024


def encode(data: bytes) -> str:
    """The text of bytes."""
    return binascii.b2a_base64(data, newline=False).decode()


def decode(text: str, where: str) -> bytes:
    """The bytes of a wrapped key. Raises: Misconfigured, which names `where` and never the text."""
    if len(text) > _LIMIT_CHARACTERS:
        raise Misconfigured(f"{where}: the wrapped key is longer than {_LIMIT_CHARACTERS} characters")
    try:
        return binascii.a2b_base64(text.encode("ascii"), strict_mode=True)
    except (binascii.Error, UnicodeEncodeError):
        raise Misconfigured(f"{where}: the wrapped key is not base64") from None
