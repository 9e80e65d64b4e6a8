"""A sealing key as a Secret: the label that makes it one, its shape, and the name of the key that follows another.

Source: sealed-secrets' key Secrets, of type kubernetes.io/tls; label values other than "active" retire a key.
"""

import hashlib
from base64 import b32encode
from collections.abc import Mapping
from typing import Any, Final

from sealer.encoding import encode
from sealer.errors import PrivateKeyError
from sealer.keys import Fingerprint, SealingKey

LABEL: Final = "sealedsecrets.bitnami.com/sealed-secrets-key"
ACTIVE: Final = "active"
WRAPPED: Final = "wrapped"
"""Ours, of an active key whose private half is encrypted; the original passes over it. See `sealer.wrappedkey`."""
TYPE: Final = "kubernetes.io/tls"
PREFIX: Final = "sealed-secrets-key"
"""How key Secrets are called unless the controller is told otherwise; exactly so named, one is a key without label."""


def raw_secret(
    key: SealingKey,
    name: str,
    namespace: str,
    *,
    prefix: str = PREFIX,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The Secret for a new key. Labels and annotations are added; the key's own label stays.

    Raises: PrivateKeyError for a key without certificate.
    """
    metadata: dict[str, Any] = {
        "name": name,
        "generateName": prefix,
        "namespace": namespace,
        "labels": {**(labels or {}), LABEL: ACTIVE},
    }
    if annotations:
        metadata["annotations"] = dict(annotations)
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata,
        "type": TYPE,
        "data": {"tls.crt": encode(certificate_pem(key)), "tls.key": encode(key.private_pem().reveal())},
    }


def certificate_pem(key: SealingKey) -> bytes:
    """The certificate that goes with a key. Raises: PrivateKeyError when it has none."""
    if key.certificate is None:
        raise PrivateKeyError("the sealing key has no certificate")
    return key.certificate.pem


def name_after(predecessor: Fingerprint | None, namespace: str, prefix: str, attempt: int) -> str:
    """The name of the key that follows another one, or of the first one: everybody chooses the same.

    So when two make a successor of the same key (replicas, a person beside the controller, or one that lost the answer
    to its request), the second creation is a conflict and not a second key. `attempt` counts from 0; the next one is
    for where the name is taken by something that is no active key. The suffix looks like the API server's own.
    """
    digest = hashlib.sha256(f"{predecessor or namespace}/{attempt}".encode()).digest()
    return prefix + b32encode(digest)[:5].decode().lower()
