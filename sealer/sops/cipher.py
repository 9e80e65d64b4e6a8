"""One value to text and back: AES-256-GCM under the data key, bound to the keys that lead to it.

    ENC[AES256_GCM,data:CIPHERTEXT,iv:NONCE,tag:TAG,type:TYPE]

The three parts are base64. The nonce has 32 random bytes, where GCM is at home with 12; readers take any length that
stands there. Empty strings and comments stay empty strings. Source: getsops/sops aes/cipher.go, and sops.go, ToBytes.
"""

from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable
from math import isfinite

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from engine.kube.go_numbers import positional_text
from sealer.sops.tree import Comment, Scalar, Timestamp, to_bytes, to_text

NONCE_SIZE = 32
_TAG_SIZE = 16
_START = "ENC[AES256_GCM,data:"
_INT_END = 2**63


class ValueRefused(Exception):
    """What is wrong with one value, never the value; where it stands is known to the caller."""


class Cipher:
    """Encrypts and decrypts the values of one file. `aad` holds the keys that lead to a value, each with a colon."""

    __slots__ = ("_aead",)

    def __init__(self, data_key: bytes) -> None:
        """Raises: ValueRefused for a key that is not of AES."""
        try:
            self._aead = AESGCM(data_key)
        except ValueError:
            raise ValueRefused("the data key has not the length of a key") from None

    def encrypt(self, value: Scalar | Comment, aad: bytes, iv: bytes) -> str:
        """`iv` is random, or that under which the same value stood here before. Raises: ValueRefused."""
        return self.encrypt_bytes(plain_bytes(value), type_name(value), aad, iv)

    def encrypt_bytes(self, plain: bytes, kind: str, aad: bytes, iv: bytes) -> str:
        """The same for bytes and the name of their type."""
        if not plain:
            return ""
        sealed = self._aead.encrypt(iv, plain, aad)
        data = b2a_base64(sealed[:-_TAG_SIZE], newline=False)
        tag = b2a_base64(sealed[-_TAG_SIZE:], newline=False)
        nonce = b2a_base64(iv, newline=False)
        return (b"ENC[AES256_GCM,data:%b,iv:%b,tag:%b,type:%b]" % (data, nonce, tag, kind.encode())).decode()

    def decrypt(self, text: str, aad: bytes) -> Scalar | Comment:
        """The value of a text. Raises: ValueRefused."""
        plain, kind, _ = self.decrypt_bytes(text, aad)
        return typed(plain, kind)

    def decrypt_bytes(self, text: str, aad: bytes) -> tuple[bytes, str, bytes]:
        """The bytes, the name of their type and the nonce. Raises: ValueRefused."""
        if not text:
            return b"", "str", b""
        # Base64 has no comma, so the parts lie between the first three; what follows the bracket is ignored.
        parts = text[len(_START) :].split(",", 3)
        if len(parts) != 4 or not text.startswith(_START):
            raise ValueRefused("not encrypted, or cut off")
        data, iv, tag, kind = parts
        end = kind.rfind("]")
        if not (data and iv[:3] == "iv:" and tag[:4] == "tag:" and kind[:5] == "type:" and end > 5):
            raise ValueRefused("not encrypted, or cut off")
        try:
            nonce = a2b_base64(iv[3:], strict_mode=True)
            sealed = a2b_base64(data, strict_mode=True) + a2b_base64(tag[4:], strict_mode=True)
            return self._aead.decrypt(nonce, sealed, aad), kind[5:end], nonce
        except (Base64Error, UnicodeEncodeError):
            raise ValueRefused("the base64 is broken") from None
        except InvalidTag:
            raise ValueRefused("changed or moved since it was encrypted, or of another file") from None
        except ValueError:  # a2b_base64 about letters beyond ASCII, the cipher about a nonce of no length for one
            raise ValueRefused("not encrypted, or cut off") from None


def plain_bytes(value: object) -> bytes:
    """A value as it is encrypted, and as the MAC hears it. Raises: ValueRefused."""
    match value:
        case str():
            return to_bytes(value)
        case bool():
            return b"True" if value else b"False"
        case int():
            if not -_INT_END <= value < _INT_END:
                raise ValueRefused("an integer of more than 64 bits")
            return b"%d" % value
        case float():
            return _float_bytes(value)
        case Timestamp():
            return value.text.encode()
        case Comment():
            return to_bytes(value.text)
        case _:
            raise ValueRefused(f"a {type(value).__name__} cannot be encrypted")


def _float_bytes(value: float) -> bytes:
    if isfinite(value):
        return positional_text(value).encode()
    return b"NaN" if value != value else b"+Inf" if value > 0 else b"-Inf"  # noqa: PLR0124  # only NaN differs


_NAMES: dict[type, str] = {
    str: "str",
    int: "int",
    float: "float",
    bool: "bool",
    Timestamp: "time",
    Comment: "comment",
}


def type_name(value: Scalar | Comment) -> str:
    """The name that stands behind a value of this type. Raises: ValueRefused."""
    try:
        return _NAMES[type(value)]
    except KeyError:
        raise ValueRefused(f"a {type(value).__name__} cannot be encrypted") from None


def typed(plain: bytes, kind: str) -> Scalar | Comment:
    """The value that bytes stand for. Raises: ValueRefused."""
    if kind == "str":
        return to_text(plain)
    try:
        reader = _READERS[kind]
    except KeyError:
        raise ValueRefused("of an unknown type") from None
    try:
        return reader(plain)
    except ValueError:  # it quotes the value
        raise ValueRefused(f"not a value of its type, {kind}") from None


def _integer(plain: bytes) -> int:
    digits = plain[1:] if plain[:1] in (b"-", b"+") else plain
    if not digits.isdigit() or len(digits) > 40:
        raise ValueError
    value = int(plain)
    if not -_INT_END <= value < _INT_END:
        raise ValueError
    return value


def _floating(plain: bytes) -> float:
    value = float(plain)
    if b"_" in plain or plain != plain.strip() or (value in (float("inf"), float("-inf")) and plain[-1:].isdigit()):
        raise ValueError
    return value


def _boolean(plain: bytes) -> bool:
    if plain in (b"True", b"true", b"1", b"t", b"T", b"TRUE"):
        return True
    if plain in (b"False", b"false", b"0", b"f", b"F", b"FALSE"):
        return False
    raise ValueError


_READERS: dict[str, Callable[[bytes], Scalar | Comment]] = {
    "int": _integer,
    "float": _floating,
    "bool": _boolean,
    "time": lambda plain: Timestamp.parse(to_text(plain)),
    "comment": lambda plain: Comment(to_text(plain)),
    "bytes": to_text,  # written by releases before 1.0 only
}
