"""The age file format, as far as a wrapped data key needs it: a header of stanzas, its MAC, one chunk of payload.

    age-encryption.org/v1
    -> KIND ARGUMENT...          one stanza for each recipient
    BASE64, 64 to a line         the file key under this recipient
    --- MAC
    NONCE || PAYLOAD             16 bytes; ChaCha20-Poly1305 in chunks of 64 KiB

Only armoured files, as SOPS has them, and only of one chunk: a data key has 32 bytes. Strict where the specification
is: one way to write each file. Source: C2SP age.md; its test vectors are in tests/interop/test_sops_keys_age.py.
"""

import binascii
import os
from collections.abc import Callable, Sequence
from typing import Final

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

LIMIT_BYTES: Final = 64 * 1024
"""More than any wrapped data key: a hybrid one has 2.3 KiB. It also keeps the payload within one chunk."""
FILE_KEY_BYTES: Final = 16
_BEGIN: Final = "-----BEGIN AGE ENCRYPTED FILE-----"
_END: Final = "-----END AGE ENCRYPTED FILE-----"
_VERSION: Final = b"age-encryption.org/v1"
_COLUMNS: Final = 64
_LIMIT_STANZAS: Final = 64
_NONCE_BYTES: Final = 16
_TAG_BYTES: Final = 16
# Counter 0 in 11 bytes, then 1 for the last chunk: there is one chunk, under a key that its own nonce makes.
_ONLY_CHUNK: Final = bytes(11) + b"\x01"


class Damaged(ValueError):
    """The text is no age file, or another than was written. Its message has no part of the file."""


class Stanza:
    """The file key for one recipient: a kind, its arguments, a body."""

    __slots__ = ("arguments", "body", "kind")

    def __init__(self, kind: str, arguments: Sequence[str], body: bytes) -> None:
        self.kind = kind
        self.arguments = arguments
        self.body = body

    def to_bytes(self) -> bytes:
        """As it stands in the header. The last line of the body is shorter than 64 characters, and may be empty."""
        text = to_base64(self.body)
        lines = [text[at : at + _COLUMNS] for at in range(0, len(text) + 1, _COLUMNS)]
        return "\n".join([" ".join(["->", self.kind, *self.arguments]), *lines, ""]).encode()


class AgeFile:
    """A file taken apart; nothing of it is proven before `open`."""

    __slots__ = ("_head", "_mac", "_payload", "armored", "stanzas")

    def __init__(self, armored: str) -> None:
        """Raises: Damaged."""
        self.armored = armored
        self._head, self._mac, self._payload = _parts(_unarmor(armored))
        self.stanzas = _stanzas(self._head.split(b"\n")[1:-1])

    def open(self, file_key: bytes) -> bytes:
        """The payload. Raises: Damaged when the header or the payload was changed, or is not under this key."""
        mac = HMAC(hkdf(file_key, b"", b"header"), SHA256())
        mac.update(self._head)
        try:
            mac.verify(self._mac)
        except InvalidSignature as error:
            raise Damaged("the header was changed") from error
        nonce, body = self._payload[:_NONCE_BYTES], self._payload[_NONCE_BYTES:]
        if len(nonce) < _NONCE_BYTES:
            raise Damaged("the payload is cut off")
        try:
            return ChaCha20Poly1305(hkdf(file_key, nonce, b"payload")).decrypt(_ONLY_CHUNK, body, None)
        except (InvalidTag, ValueError) as error:
            raise Damaged("the payload was changed or cut off") from error


def encrypt(data: bytes, wrap: Callable[[bytes], Stanza], *, random: Callable[[int], bytes] = os.urandom) -> str:
    """`data`, at most one chunk, in an armoured file of one stanza; `wrap` makes it from the file key."""
    file_key, nonce = random(FILE_KEY_BYTES), random(_NONCE_BYTES)
    head = _VERSION + b"\n" + wrap(file_key).to_bytes() + b"---"
    mac = HMAC(hkdf(file_key, b"", b"header"), SHA256())
    mac.update(head)
    payload = ChaCha20Poly1305(hkdf(file_key, nonce, b"payload")).encrypt(_ONLY_CHUNK, data, None)
    whole = head + b" " + to_base64(mac.finalize()).encode() + b"\n" + nonce + payload
    text = binascii.b2a_base64(whole, newline=False).decode()
    lines = [text[at : at + _COLUMNS] for at in range(0, len(text), _COLUMNS)]
    return "\n".join([_BEGIN, *lines, _END, ""])


def hkdf(key: bytes, salt: bytes, info: bytes) -> bytes:
    """32 bytes by HKDF-SHA256."""
    return HKDF(SHA256(), 32, salt, info).derive(key)


def seal_key(key: bytes, file_key: bytes) -> bytes:
    """The file key under a key made for it alone, which is why a nonce of zeros is safe."""
    return ChaCha20Poly1305(key).encrypt(bytes(12), file_key, None)


def open_key(key: bytes, body: bytes) -> bytes | None:
    """What `seal_key` made, or None under another key. A body of another length is nothing that age writes.

    Raises: Damaged. The length is fixed so that no body opens under many keys.
    """
    if len(body) != FILE_KEY_BYTES + _TAG_BYTES:
        raise Damaged("a stanza has a body of the wrong length")
    try:
        return ChaCha20Poly1305(key).decrypt(bytes(12), body, None)
    except InvalidTag:
        return None


def to_base64(data: bytes) -> str:
    """Without padding, as age has it everywhere but in the armour."""
    return binascii.b2a_base64(data, newline=False).rstrip(b"=").decode()


def from_base64(text: bytes) -> bytes:
    """The one way to spell these bytes, without padding. Raises: Damaged."""
    try:
        data = binascii.a2b_base64(text + b"=" * (-len(text) % 4), strict_mode=True)
    except binascii.Error as error:
        raise Damaged("base64 is wrong") from error
    if to_base64(data).encode() != text:
        raise Damaged("base64 is spelled in an unusual way")
    return data


def _unarmor(text: str) -> bytes:
    if len(text) > LIMIT_BYTES:
        raise Damaged(f"it is longer than {LIMIT_BYTES} bytes")
    lines = text.strip().replace("\r\n", "\n").split("\n")
    if len(lines) < 3 or lines[0] != _BEGIN or lines[-1] != _END:
        raise Damaged("it does not begin and end as an armoured age file does")
    *full, last = lines[1:-1]
    if any(len(line) != _COLUMNS for line in full) or not 0 < len(last) <= _COLUMNS:
        raise Damaged("a line of the armour is too long, too short or empty")
    joined = "".join([*full, last])
    try:
        data = binascii.a2b_base64(joined.encode("ascii"), strict_mode=True)
    except (binascii.Error, UnicodeEncodeError):
        raise Damaged("base64 is wrong") from None
    if binascii.b2a_base64(data, newline=False).decode() != joined:
        raise Damaged("base64 is spelled in an unusual way")
    return data


def _parts(data: bytes) -> tuple[bytes, bytes, bytes]:
    """The header up to `---`, its MAC, the payload."""
    if not data.startswith(_VERSION + b"\n"):
        raise Damaged("it is of a version that is not known")
    head, separator, rest = data.partition(b"\n---")
    line, newline, payload = rest.partition(b"\n")
    if not (separator and newline and line.startswith(b" ")):
        raise Damaged("the header has no end")
    mac = from_base64(line[1:])
    if len(mac) != SHA256.digest_size:
        raise Damaged("the header's MAC has the wrong length")
    return head + b"\n---", mac, payload


def _stanzas(lines: list[bytes]) -> list[Stanza]:
    """The stanzas between the version and the MAC. Raises: Damaged."""
    found: list[Stanza] = []
    body: list[bytes] | None = None
    for line in lines:
        if body is None:
            words = line.split(b" ")
            if words[0] != b"->" or len(words) < 2 or not all(_is_visible(word) for word in words[1:]):
                raise Damaged("a stanza does not begin as one")
            kind, *arguments = (word.decode("ascii") for word in words[1:])
            body = []
        else:
            body.append(from_base64(line))
            if len(line) > _COLUMNS:
                raise Damaged("a line of a stanza is too long")
            if len(line) < _COLUMNS:
                found.append(Stanza(kind, arguments, b"".join(body)))
                body = None
    if body is not None or not 0 < len(found) <= _LIMIT_STANZAS:
        raise Damaged("a stanza has no end, or there are none, or too many")
    return found


def _is_visible(word: bytes) -> bool:
    return bool(word) and all(0x21 <= letter <= 0x7E for letter in word)
