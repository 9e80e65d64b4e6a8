"""A sealing key as a Secret: what makes a Secret a key, and the Secret and name of a new one. Pure.

Source: sealed-secrets.md section 5, Keys.
"""

import base64
import binascii
from datetime import datetime
from typing import Any, Final, NamedTuple

from controller.settings import Keys
from engine.errors import KsealError
from sealer.errors import PrivateKeyError
from sealer.keys import SealingKey, load
from sealer.keysecret import ACTIVE, LABEL, TYPE, WRAPPED, certificate_pem, name_after, raw_secret
from sealer.sealedsecret import KIND
from sealer.wrappedkey import WrappedKey, is_wrapped
from sealer.wrappedkey import read as read_wrapped
from sealer.wrapping import Wrapping

__all__ = [
    "ACTIVE",
    "IN_USE",
    "LABEL",
    "SELECTOR",
    "TYPE",
    "KeySecret",
    "certificate_pem",
    "comes_from_sealed_secret",
    "make",
    "name_after",
    "opened",
    "read",
]

IN_USE: Final = (ACTIVE, WRAPPED)
SELECTOR: Final = f"{LABEL} in ({','.join(IN_USE)})"


class KeySecret(NamedTuple):
    """What a Secret that should be a key turned out to be."""

    created: str
    """creationTimestamp, which sorts as text."""
    key: SealingKey | None
    error: KsealError | None = None
    """Why it is none."""
    wrapped: WrappedKey | None = None
    """A key that has to be opened first; `key` is the same one from before it was wrapped, where that is at hand."""


def read(secret: dict[str, Any], settings: Keys) -> KeySecret:
    """Read a Secret as a key; one that cannot be used says why, and a wrapped one still has to be opened."""
    created = str(secret["metadata"].get("creationTimestamp", ""))
    try:
        if comes_from_sealed_secret(secret):
            raise PrivateKeyError("it was made from a SealedSecret", "whoever may make those must not choose the key")
        if is_wrapped(secret):
            return KeySecret(created, None, wrapped=read_wrapped(secret))
        return KeySecret(created, _parse(secret, settings))
    except KsealError as error:
        return KeySecret(created, None, error)


def opened(secret: KeySecret, found: SealingKey | KsealError, settings: Keys) -> KeySecret:
    """A wrapped key once it was opened, or turned out to be none."""
    if isinstance(found, KsealError):
        return KeySecret(secret.created, None, found)
    ordered_at = datetime.fromisoformat(secret.created) if settings.order_by_creation else None
    return KeySecret(secret.created, SealingKey(found.private_key, found.certificate, ordered_at))


def _parse(secret: dict[str, Any], settings: Keys) -> SealingKey:
    metadata, data = secret["metadata"], secret.get("data") or {}
    try:
        key_pem, certificate_pem = (base64.b64decode(data[item], validate=True) for item in ("tls.key", "tls.crt"))
    except KeyError as error:
        raise PrivateKeyError(f"there is no item {error} in it") from None
    except (binascii.Error, TypeError, ValueError):
        raise PrivateKeyError("its items are not base64") from None
    created = datetime.fromisoformat(metadata["creationTimestamp"])
    return load(key_pem, certificate_pem, ordered_at=created if settings.order_by_creation else None)


def comes_from_sealed_secret(secret: dict[str, Any]) -> bool:
    """Whether a Secret carries the mark of its origin, for which it is never taken for a key."""
    return any(owner.get("kind") == KIND for owner in secret["metadata"].get("ownerReferences") or [])


def make(key: SealingKey, name: str, namespace: str, settings: Keys, wrapping: Wrapping) -> dict[str, Any]:
    """The Secret for a new key. Labels and annotations of the settings are added; the key's own label stays.

    Raises: KsealError when it is to be wrapped and that cannot be done.
    """
    raw = raw_secret(
        key, name, namespace, prefix=settings.prefix, labels=settings.labels, annotations=settings.annotations
    )
    return wrapping.wrapped(raw, key) if wrapping.keys else raw
