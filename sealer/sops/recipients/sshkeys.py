"""SSH private keys as far as age needs to know them: their public half, and whether a passphrase guards them.

Source: openssh-portable PROTOCOL.key (`openssh-key-v1`); C2SP age.md, ssh-rsa and ssh-ed25519 recipient stanzas.
"""

import binascii
from typing import Final

from engine.sensitive import Sensitive

LIMIT_BYTES: Final = 64 * 1024
_OPENSSH: Final = b"-----BEGIN OPENSSH PRIVATE KEY-----"
_OPENSSH_END: Final = b"-----END OPENSSH PRIVATE KEY-----"
_MAGIC: Final = b"openssh-key-v1\0"
_GUARDED: Final = (b"BEGIN ENCRYPTED PRIVATE KEY", b"Proc-Type: 4,ENCRYPTED")


class SshKey:
    """The text of one private key, taken apart as far as it is open to read."""

    __slots__ = ("is_guarded", "public", "text")

    def __init__(self, text: bytes) -> None:
        """Raises: ValueError, whose text never has the input."""
        if len(text) > LIMIT_BYTES or b"PRIVATE KEY-----" not in text:
            raise ValueError("it is no SSH private key")
        self.text = text
        self.public: bytes | None = None
        """The public key as SSH sends it; None for the older formats, which have it nowhere."""
        self.is_guarded = any(mark in text for mark in _GUARDED)
        if text.lstrip().startswith(_OPENSSH):
            cipher, self.public = _openssh_head(text)
            self.is_guarded = cipher != b"none"

    def freed(self, passphrase: Sensitive) -> bytes:
        """The text of the same key without a passphrase. Raises: ValueError when it is another passphrase."""
        from cryptography.hazmat.primitives import serialization

        is_openssh = self.text.lstrip().startswith(_OPENSSH)
        load = serialization.load_ssh_private_key if is_openssh else serialization.load_pem_private_key
        try:
            key = load(self.text, passphrase.reveal())
        except (ValueError, TypeError) as error:
            raise ValueError("the passphrase is another one, or the key is damaged") from error
        return key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
        )


def public_of_line(line: str) -> bytes | None:
    """The public key of a line `KIND BASE64 COMMENT`, as a `.pub` file has it."""
    words = line.split(maxsplit=2)
    try:
        return binascii.a2b_base64(words[1].encode("ascii"), strict_mode=True) if len(words) > 1 else None
    except (binascii.Error, UnicodeEncodeError):
        return None


def _openssh_head(text: bytes) -> tuple[bytes, bytes]:
    """The cipher that guards the private half, and the public half, which is always open."""
    armour = text.strip().removeprefix(_OPENSSH).partition(_OPENSSH_END)[0]
    try:
        data = binascii.a2b_base64(b"".join(armour.split()), strict_mode=True)
    except binascii.Error as error:
        raise ValueError("it is no SSH private key: base64 is wrong") from error
    if not data.startswith(_MAGIC):
        raise ValueError("it is no SSH private key")
    cipher, at = _field(data, len(_MAGIC))
    _, at = _field(data, at)
    _, at = _field(data, at)
    public, _ = _field(data, at + 4)
    return cipher, public


def _field(data: bytes, at: int) -> tuple[bytes, int]:
    """A length of four bytes and as many bytes, and where they end."""
    end = at + 4 + int.from_bytes(data[at : at + 4])
    if end > len(data):
        raise ValueError("it is no SSH private key: it is cut off")
    return data[at + 4 : end], end
