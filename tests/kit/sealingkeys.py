"""Sealing keys made by hand, as key Secrets that a person applies."""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

from sealer.keys import SealingKey, generate
from tests.kit.ground import Ground

LABEL: Final = "sealedsecrets.bitnami.com/sealed-secrets-key"


def a_key(age: timedelta = timedelta()) -> SealingKey:
    """A small key whose certificate began so long ago; a negative age begins in the future."""
    return generate(2048, ttl=timedelta(days=1) + abs(age), common_name="", now=datetime.now(UTC) - age)


def certificate(key: SealingKey) -> str:
    """The PEM text of its certificate."""
    assert key.certificate is not None
    return key.certificate.pem.decode()


def key_secret(name: str, key: SealingKey, label: str | None = "active") -> dict[str, Any]:
    """Its Secret; with another label it is retired, with None it has none."""
    parts = {"tls.key": key.private_pem().reveal(), "tls.crt": certificate(key).encode()}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": {"name": name, "labels": {LABEL: label} if label else {}},
        "data": {item: base64.b64encode(text).decode() for item, text in parts.items()},
    }


def broken(secret: Mapping[str, Any]) -> dict[str, Any]:
    """The same Secret with contents that are no key."""
    data = {item: base64.b64encode(b"none").decode() for item in secret["data"]}
    return {**secret, "data": data}


def key_names(ground: Ground) -> list[str]:
    """The names of the active key Secrets."""
    path = f"/api/v1/namespaces/{ground.namespace}/secrets?labelSelector={quote(f'{LABEL}=active')}"
    return sorted(item["metadata"]["name"] for item in ground.plane.api.json("GET", path)["items"])


def relabel(ground: Ground, name: str, label: str) -> None:
    """Retire a key, or bring it back."""
    ground.plane.kubectl("label", "secret", name, f"{LABEL}={label}", "--overwrite", namespace=ground.namespace)
