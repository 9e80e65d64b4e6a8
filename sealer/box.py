"""Seal and open one value: bytes in, bytes out. All of the cryptography of a sealed value is on this page.

A sealed value is `size || wrapped || body`:

    size      2 bytes, big-endian: the length of `wrapped`, which is the length of the RSA modulus
    wrapped   a fresh 32-byte key under RSA-OAEP, SHA-256 for the label and for MGF1, with the scope's label
    body      the value under AES-256-GCM with that key, its 16-byte tag last

Source: sealed-secrets pkg/crypto, HybridEncrypt and HybridDecrypt.
"""

import os
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

from sealer.errors import SealError, UnsealError

RandomBytes = Callable[[int], bytes]

KEY_BYTES = 32
TAG_BYTES = 16
# Safe here and only here: each key seals one value, so no pair of key and nonce is ever used twice.
NONCE = bytes(12)
SMALLEST_MODULUS_BITS = 1024
"""Go refuses to use smaller RSA keys since 1.24, so nothing sealed for one could be opened by the original."""


def seal(value: bytes, public_key: RSAPublicKey, label: bytes, *, random: RandomBytes = os.urandom) -> bytes:
    """Seal one value so that only the holder of the private key can open it, under the same label.

    `random` makes the key of the value; the randomness of OAEP itself comes from OpenSSL.

    Raises: SealError when the public key is too small.
    """
    if public_key.key_size < SMALLEST_MODULUS_BITS:
        raise SealError(f"the sealing key has {public_key.key_size} bits, fewer than {SMALLEST_MODULUS_BITS}")
    key = random(KEY_BYTES)
    wrapped = public_key.encrypt(key, _oaep(label))
    return len(wrapped).to_bytes(2, "big") + wrapped + AESGCM(key).encrypt(NONCE, value, None)


def text_length(value_bytes: int, key_bits: int) -> int:
    """How long the base64 text of a sealed value is, before it is sealed."""
    sealed_bytes = 2 + (key_bits + 7) // 8 + value_bytes + TAG_BYTES
    return (sealed_bytes + 2) // 3 * 4


def open(sealed: bytes, private_key: RSAPrivateKey, label: bytes) -> bytes:  # noqa: A001  # the word of the format
    """Open one value.

    A wrong key costs a whole RSA operation (1.6 ms for 4096 bits) unless its size alone gives it away.

    Raises: UnsealError when the text is too short, or this key and label do not open it. Which of the two steps
    failed is not told: the answer would help whoever tries out altered values.
    """
    wrapped, body = split(sealed)
    if len(wrapped) * 8 != (private_key.key_size + 7) // 8 * 8:
        raise UnsealError("the key does not fit")
    try:
        key = private_key.decrypt(wrapped, _oaep(label))
        return AESGCM(key).decrypt(NONCE, body, None)
    except (ValueError, InvalidTag) as error:
        raise UnsealError("the key does not fit") from error


def split(sealed: bytes) -> tuple[bytes, bytes]:
    """The wrapped key and the body.

    Raises: UnsealError when there are fewer bytes than the size field promises.
    """
    end = 2 + int.from_bytes(sealed[:2], "big")
    if len(sealed) < max(2, end):
        raise UnsealError("SealedSecret data is too short")
    return sealed[2:end], sealed[end:]


def _oaep(label: bytes) -> OAEP:
    return OAEP(mgf=MGF1(algorithm=SHA256()), algorithm=SHA256(), label=label)
