"""A sealing key as a Secret: what makes a Secret a key, and the Secret and name of a new one. Pure.

Source: sealed-secrets.md section 5, Keys.
"""

import base64
import binascii
import hashlib
from datetime import datetime
from typing import Any, Final, NamedTuple

from controller.settings import Keys
from engine.errors import KsealError
from sealer.errors import CertificateError, PrivateKeyError
from sealer.keys import Fingerprint, SealingKey, load
from sealer.sealedsecret import KIND

LABEL: Final = "sealedsecrets.bitnami.com/sealed-secrets-key"
ACTIVE: Final = "active"
SELECTOR: Final = f"{LABEL}={ACTIVE}"


class KeySecret(NamedTuple):
    """What a Secret that should be a key turned out to be."""

    created: str
    """creationTimestamp, which sorts as text."""
    key: SealingKey | None
    error: KsealError | None = None
    """Why it is none."""


def read(secret: dict[str, Any], settings: Keys) -> KeySecret:
    """Read a Secret as a key; one that cannot be used says why."""
    created = str(secret["metadata"].get("creationTimestamp", ""))
    try:
        return KeySecret(created, _parse(secret, settings))
    except (PrivateKeyError, CertificateError) as error:
        return KeySecret(created, None, error)


def _parse(secret: dict[str, Any], settings: Keys) -> SealingKey:
    metadata, data = secret["metadata"], secret.get("data") or {}
    if any(owner.get("kind") == KIND for owner in metadata.get("ownerReferences") or []):
        raise PrivateKeyError("it was made from a SealedSecret", "whoever may make those must not choose the key")
    try:
        key_pem, certificate_pem = (base64.b64decode(data[item], validate=True) for item in ("tls.key", "tls.crt"))
    except KeyError as error:
        raise PrivateKeyError(f"there is no item {error} in it") from None
    except (binascii.Error, TypeError, ValueError):
        raise PrivateKeyError("its items are not base64") from None
    created = datetime.fromisoformat(metadata["creationTimestamp"])
    return load(key_pem, certificate_pem, ordered_at=created if settings.order_by_creation else None)


def make(key: SealingKey, name: str, namespace: str, settings: Keys) -> dict[str, Any]:
    """The Secret for a new key. Labels and annotations of the settings are added; the key's own label stays."""
    metadata: dict[str, Any] = {
        "name": name,
        "generateName": settings.prefix,
        "namespace": namespace,
        "labels": {**settings.labels, LABEL: ACTIVE},
    }
    if settings.annotations:
        metadata["annotations"] = dict(settings.annotations)
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata,
        "type": "kubernetes.io/tls",
        "data": {
            "tls.crt": base64.b64encode(certificate_pem(key)).decode(),
            "tls.key": base64.b64encode(key.private_pem().reveal()).decode(),
        },
    }


def certificate_pem(key: SealingKey) -> bytes:
    """The certificate that goes with a key of the registry."""
    if key.certificate is None:
        raise PrivateKeyError("a sealing key of the registry has a certificate")
    return key.certificate.pem


def name_after(predecessor: Fingerprint | None, namespace: str, prefix: str, attempt: int) -> str:
    """The name of the key that follows another one, or of the first one: everybody chooses the same.

    So when two replicas, or one that lost the answer to its request, make a successor of the same key, the second
    creation is a conflict and not a second key. `attempt` counts from 0; the next one is for where the name is taken by
    something that is no active key. The suffix looks like the API server's own.
    """
    digest = hashlib.sha256(f"{predecessor or namespace}/{attempt}".encode()).digest()
    return prefix + base64.b32encode(digest)[:5].decode().lower()
