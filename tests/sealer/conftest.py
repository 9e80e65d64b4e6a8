"""Keys and Secrets that the tests of sealing share."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from sealer.keys import SealingKey, generate

VECTORS = Path(__file__).parent.parent / "vectors" / "sealed-secrets"


@pytest.fixture(scope="session")
def vectors() -> Callable[[str], Any]:
    """Reads one file of vectors made by the original."""
    return lambda name: json.loads((VECTORS / name).read_text())


@pytest.fixture(scope="session")
def vector_key(vectors: Callable[[str], Any]) -> rsa.RSAPrivateKey:
    """The throwaway 1024-bit key of the contract, rebuilt from its primes."""
    given = vectors("boxes.json")
    p, q, e = int(given["p"], 16), int(given["q"], 16), 65537
    d = pow(e, -1, (p - 1) * (q - 1))
    numbers = rsa.RSAPrivateNumbers(
        p, q, d, rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q), rsa.RSAPublicNumbers(e, p * q)
    )
    return numbers.private_key()


@pytest.fixture(scope="session")
def make_key() -> Callable[..., SealingKey]:
    """Makes a sealing key; `age_days` says how long ago its certificate began."""

    def make(age_days: float = 0, ttl_days: float = 3650, common_name: str = "") -> SealingKey:
        begun = datetime.now(UTC).replace(microsecond=0) - timedelta(days=age_days)
        return generate(2048, ttl=timedelta(days=ttl_days), common_name=common_name, now=begun)

    return make


@pytest.fixture(scope="session")
def key(make_key: Callable[..., SealingKey]) -> SealingKey:
    """A sealing key of today."""
    return make_key()


@pytest.fixture
def make_secret() -> Callable[..., dict[str, Any]]:
    """Makes a raw Secret; keyword arguments replace or, when None, remove top-level fields."""

    def make(**fields: Any) -> dict[str, Any]:
        whole = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "db", "namespace": "shop"},
            "data": {"password": "aHVudGVyMg=="},
            **fields,
        }
        return {name: value for name, value in whole.items() if value is not None}

    return make
