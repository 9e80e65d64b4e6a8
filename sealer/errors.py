"""Errors of sealing and unsealing. None of them ever carries a value, sealed or plain.

KsealError
├── SealError             a value cannot be sealed: the key, the scope or the input is wrong
├── UnsealError           a value cannot be opened: no key fits, or its text is no ciphertext
├── FormatError           a document is not what it says it is; the message has the path (`spec.encryptedData`)
├── PrivateKeyError       a private key cannot be used
└── CertificateError      a sealing certificate cannot be had or cannot be used
"""

from collections.abc import Mapping

from engine.errors import KsealError


class SealError(KsealError):
    """A value or a Secret cannot be sealed."""


class UnsealError(KsealError):
    """One or more values cannot be opened. `failures` says what is wrong with which item, where items are known."""

    def __init__(self, message: str, hint: str | None = None, *, failures: Mapping[str, str] | None = None) -> None:
        super().__init__(message, hint)
        self.failures = dict(failures or {})

    @classmethod
    def grouped(cls, failures: Mapping[str, str]) -> "UnsealError":
        """One error for many items, as the original words it: `WHAT (KEY, KEY)`, a line for each kind of failure."""
        keys_by_message: dict[str, list[str]] = {}
        for key, message in sorted(failures.items()):
            keys_by_message.setdefault(message, []).append(key)
        lines = [f"{message} ({', '.join(keys)})" for message, keys in sorted(keys_by_message.items())]
        return cls("\n".join(lines), failures=failures)


class FormatError(KsealError):
    """A document does not have the shape of its kind."""


class PrivateKeyError(KsealError):
    """A private key cannot be read or is not an RSA key."""


class CertificateError(KsealError):
    """A sealing certificate cannot be fetched, read or trusted."""
