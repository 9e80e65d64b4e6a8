"""The two kinds of key that are age's own: X25519, and the hybrid of ML-KEM-768 with X25519.

Both are written here over `cryptography`, so that a data key opens without another library; SSH keys, plug-ins and
passphrases are pyrage's (ageforeign.py). Source: C2SP age.md, X25519 and mlkem768x25519 recipient stanzas.
"""

import os
from collections.abc import Callable
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag

from engine.errors import KsealError
from sealer.sops.recipients import agefile, agetexts, x25519
from sealer.sops.recipients.agefile import AgeFile, Damaged, Stanza
from sealer.sops.recipients.base import shown

_X25519: Final = "X25519"
_X25519_INFO: Final = b"age-encryption.org/v1/X25519"
_HYBRID: Final = "mlkem768x25519"
_HYBRID_INFO: Final = b"age-encryption.org/mlkem768x25519"
_ENCAPSULATION_BYTES: Final = 1088 + 32
_MLKEM_PUBLIC_BYTES: Final = 1184
_MLKEM_SEED_BYTES: Final = 64


class Identity(Protocol):
    """What opens files."""

    def open(self, file: AgeFile) -> bytes | None:
        """The payload, or None when the file is for others. Raises: Damaged, KsealError."""


class X25519Identity:
    """`AGE-SECRET-KEY-1...`"""

    __slots__ = ("_private", "_public")

    def __init__(self, text: str) -> None:
        """Raises: ValueError, whose text never has the input."""
        self._private = x25519.private_key(agetexts.identity_bytes(text, "AGE-SECRET-KEY-"))
        self._public = self._private.public_key().public_bytes_raw()

    def open(self, file: AgeFile) -> bytes | None:
        """Raises: Damaged."""
        return _open(file, _X25519, self._unwrap)

    def _unwrap(self, stanza: Stanza) -> bytes | None:
        share = _only_argument(stanza, 32)
        try:
            shared = self._private.exchange(x25519.public_key(share))
        except ValueError as error:
            raise Damaged("a stanza has a share of low order") from error
        return agefile.open_key(agefile.hkdf(shared, share + self._public, _X25519_INFO), stanza.body)


class HybridIdentity:
    """`AGE-SECRET-KEY-PQ-1...`: a seed of 32 bytes, from which both private keys come."""

    __slots__ = ("_private",)

    def __init__(self, text: str) -> None:
        """Raises: ValueError, whose text never has the input."""
        from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
        from cryptography.hazmat.primitives.hashes import SHAKE256, Hash
        from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey

        expansion = Hash(SHAKE256(_MLKEM_SEED_BYTES + 32))
        expansion.update(agetexts.identity_bytes(text, "AGE-SECRET-KEY-PQ-"))
        both = expansion.finalize()
        self._private = MLKEM768X25519PrivateKey(
            MLKEM768PrivateKey.from_seed_bytes(both[:_MLKEM_SEED_BYTES]),
            x25519.private_key(both[_MLKEM_SEED_BYTES:]),
        )

    def open(self, file: AgeFile) -> bytes | None:
        """Raises: Damaged."""
        return _open(file, _HYBRID, self._unwrap)

    def _unwrap(self, stanza: Stanza) -> bytes | None:
        from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

        encapsulation = _only_argument(stanza, _ENCAPSULATION_BYTES)
        if len(stanza.body) != agefile.FILE_KEY_BYTES + 16:
            raise Damaged("a stanza has a body of the wrong length")
        suite = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
        try:
            return suite.decrypt(encapsulation + stanza.body, self._private, info=_HYBRID_INFO)
        except InvalidTag:
            return None
        except ValueError as error:
            raise Damaged("a stanza has a share of low order") from error


def wrap_x25519(recipient: str, file_key: bytes) -> Stanza:
    """The file key for `age1...`. Raises: KsealError."""
    public = agetexts.recipient_bytes(recipient)
    ephemeral = x25519.private_key(os.urandom(32))
    share = ephemeral.public_key().public_bytes_raw()
    try:
        shared = ephemeral.exchange(x25519.public_key(public))
    except ValueError as error:
        raise KsealError(
            f'"{shown(recipient)}" is a key under which nothing stays secret: a point of low order'
        ) from error
    key = agefile.hkdf(shared, share + public, _X25519_INFO)
    return Stanza(_X25519, [agefile.to_base64(share)], agefile.seal_key(key, file_key))


def wrap_hybrid(recipient: str, file_key: bytes) -> Stanza:
    """The file key for `age1pq1...`. Raises: KsealError."""
    from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey
    from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PublicKey, Suite

    data = agetexts.recipient_bytes(recipient)
    try:
        public = MLKEM768X25519PublicKey(
            MLKEM768PublicKey.from_public_bytes(data[:_MLKEM_PUBLIC_BYTES]),
            x25519.public_key(data[_MLKEM_PUBLIC_BYTES:]),
        )
        suite = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
        both = suite.encrypt(file_key, public, info=_HYBRID_INFO)
    except ValueError as error:
        raise KsealError(f'"{shown(recipient)}" is no age recipient: its ML-KEM key is not a valid one') from error
    encapsulation, body = both[:_ENCAPSULATION_BYTES], both[_ENCAPSULATION_BYTES:]
    return Stanza(_HYBRID, [agefile.to_base64(encapsulation)], body)


def _open(file: AgeFile, kind: str, unwrap: Callable[[Stanza], bytes | None]) -> bytes | None:
    for stanza in file.stanzas:
        if stanza.kind == kind and (file_key := unwrap(stanza)) is not None:
            return file.open(file_key)
    return None


def _only_argument(stanza: Stanza, length: int) -> bytes:
    if len(stanza.arguments) != 1:
        raise Damaged("a stanza has the wrong number of arguments")
    data = agefile.from_base64(stanza.arguments[0].encode())
    if len(data) != length:
        raise Damaged("a stanza has a share of the wrong length")
    return data
