"""Bech32, in which age writes its keys: a name, `1`, and bytes in 32 letters with a checksum.

As age has it: no limit of 90 characters, so that hybrid keys fit, and one case throughout.
Source: BIP 173, C2SP age.md.
"""

from typing import Final

LIMIT_CHARACTERS: Final = 8192
_LETTERS: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_VALUES: Final = {letter: value for value, letter in enumerate(_LETTERS)}
_GENERATOR: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)


def decode(text: str) -> tuple[str, bytes]:
    """The name, in the case of the text, and the bytes. Raises: ValueError, whose text never has the input."""
    if len(text) > LIMIT_CHARACTERS:
        raise ValueError("too long")
    lower = text.lower()
    if text not in (lower, text.upper()):
        raise ValueError("upper and lower case mixed")
    at = lower.rfind("1")
    if at < 1 or len(text) - at < 7 or not text.isascii():
        raise ValueError("no name, or too short")
    try:
        words = [_VALUES[letter] for letter in lower[at + 1 :]]
    except KeyError:
        raise ValueError("a letter that Bech32 does not have") from None
    if _checksum(lower[:at], words) != 1:
        raise ValueError("wrong checksum")
    return text[:at], _bytes(words[:-6])


def encode(name: str, data: bytes) -> str:
    """The text of bytes under a name in lower case."""
    bits = int.from_bytes(data) << (-len(data) * 8 % 5)
    words = [bits >> shift & 31 for shift in range((len(data) * 8 + 4) // 5 * 5 - 5, -1, -5)]
    check = _checksum(name, [*words, 0, 0, 0, 0, 0, 0]) ^ 1
    words += [check >> shift & 31 for shift in range(25, -1, -5)]
    return f"{name}1{''.join(_LETTERS[word] for word in words)}"


def _bytes(words: list[int]) -> bytes:
    """Groups of five bits as bytes. Less than five bits are left over, all zero, or the text has a second spelling."""
    bits = 0
    for word in words:
        bits = bits << 5 | word
    left = len(words) * 5 % 8
    if left >= 5 or bits & ((1 << left) - 1):
        raise ValueError("bits left over")
    return (bits >> left).to_bytes(len(words) * 5 // 8)


def _checksum(name: str, words: list[int]) -> int:
    value = 1
    for word in [*(ord(letter) >> 5 for letter in name), 0, *(ord(letter) & 31 for letter in name), *words]:
        top = value >> 25
        value = (value & 0x1FFFFFF) << 5 ^ word
        for bit, term in enumerate(_GENERATOR):
            if top >> bit & 1:
                value ^= term
    return value
