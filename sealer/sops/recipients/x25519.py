"""X25519 keys without what the public classes import to make one: 5 of the 38 ms of `kseal sops decrypt`.

`X25519PrivateKey.from_private_bytes` loads the package's whole OpenSSL backend (RSA, EC, padding) to ask one question,
whether the library is in FIPS mode. It is asked here directly, and the same functions are called that are called there.
They are an interface that nobody promises: where it is another one, the public classes are used.
"""

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey


class _Functions(Protocol):
    def from_private_bytes(self, data: bytes) -> "X25519PrivateKey": ...

    def from_public_bytes(self, data: bytes) -> "X25519PublicKey": ...


def private_key(raw: bytes) -> "X25519PrivateKey":
    """The key of 32 bytes. Raises: ValueError for another length."""
    if functions := _direct():
        return functions.from_private_bytes(raw)
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    return X25519PrivateKey.from_private_bytes(raw)


def public_key(raw: bytes) -> "X25519PublicKey":
    """The key of 32 bytes. Raises: ValueError for another length."""
    if functions := _direct():
        return functions.from_public_bytes(raw)
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

    return X25519PublicKey.from_public_bytes(raw)


def _direct() -> _Functions | None:
    """What the public classes call, None where that is not known to be right."""
    try:
        from cryptography.hazmat.bindings._rust import openssl

        return None if openssl.is_fips_enabled() else openssl.x25519
    except (ImportError, AttributeError):
        return None
