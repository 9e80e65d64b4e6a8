"""What is sealed and opened in the bench: one RSA-4096 key for both sides, and Secrets of two short values."""

import base64
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from sealer.keys import SealingKey, generate
from sealer.sealedsecret import seal_secret

NAMESPACE = "shop"
VALUES = {"username": b"shop-backend", "password": b"correct horse battery staple"}


@cache
def key() -> SealingKey:
    """The sealing key of this run, as large as both controllers make theirs."""
    return generate(4096, ttl=timedelta(days=30), common_name="", now=datetime.now(UTC) - timedelta(hours=1))


def certificate_pem() -> bytes:
    """What both command lines are given."""
    certificate = key().certificate
    assert certificate is not None
    return certificate.pem


def secret(name: str) -> dict[str, Any]:
    """A Secret of two values."""
    data = {item: base64.b64encode(value).decode() for item, value in VALUES.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": NAMESPACE}, "data": data}


def sealed(name: str) -> dict[str, Any]:
    """The same, sealed."""
    return seal_secret(secret(name), key().private_key.public_key())


def key_secret() -> dict[str, Any]:
    """The key as both controllers find it in their namespace, so that neither has to make one."""
    data = {"tls.crt": certificate_pem(), "tls.key": key().private_pem().reveal()}
    return {
        "metadata": {
            "name": "sealed-secrets-key-bench",
            "labels": {"sealedsecrets.bitnami.com/sealed-secrets-key": "active"},
        },
        "type": "kubernetes.io/tls",
        "data": {item: base64.b64encode(value).decode() for item, value in data.items()},
    }
