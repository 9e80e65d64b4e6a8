"""Private keys in PEM: made anew, and read. Source: sprig crypto.go.

DSA keys, which the original also makes, are refused: no current system takes them.
"""

import warnings
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from engine.gotemplate.errors import Refused

SigningKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
"""What a certificate can be made for and signed with."""

_EXPONENT = 65537


def make_rsa(bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(_EXPONENT, bits)


def pem(key: SigningKey) -> bytes:
    """PKCS#1 for RSA, SEC 1 for elliptic curves, PKCS#8 for the rest."""
    is_modern = isinstance(key, ed25519.Ed25519PrivateKey)
    form = PrivateFormat.PKCS8 if is_modern else PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(Encoding.PEM, form, NoEncryption())


def read(text: bytes) -> SigningKey:
    """The key of a PEM block. Raises: Refused."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # of keys that are weak or going out of use
            key: Any = load_pem_private_key(text, None)
    except (ValueError, TypeError, Warning) as error:
        raise Refused("no usable private key") from error
    if not isinstance(key, SigningKey):
        raise Refused("a private key of a kind that is not supported")
    return key


def generate(kind: bytes) -> bytes:
    """A new key in PEM. Raises: Refused."""
    if kind in {b"", b"rsa"}:
        return pem(make_rsa(4096))
    if kind == b"ecdsa":
        return pem(ec.generate_private_key(ec.SECP256R1()))
    if kind == b"ed25519":
        return pem(ed25519.Ed25519PrivateKey.generate())
    if kind == b"dsa":
        raise Refused("DSA keys are not supported")
    return b"Unknown type " + kind
