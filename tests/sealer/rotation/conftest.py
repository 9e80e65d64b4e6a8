"""Keys of two ages, and SealedSecrets under the older one."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sealer.keys import SealingKey
from sealer.ring import KeyRing
from sealer.scope import Scope
from sealer.sealedsecret import seal_secret
from tests.kit.gitserver import GitServer
from tests.kit.rotating import Ground


@pytest.fixture(scope="session")
def old_key(make_key: Callable[..., SealingKey]) -> SealingKey:
    return make_key(60)


@pytest.fixture(scope="session")
def new_key(make_key: Callable[..., SealingKey]) -> SealingKey:
    return make_key(1)


@pytest.fixture(scope="session")
def ring(old_key: SealingKey, new_key: SealingKey) -> KeyRing:
    return KeyRing([old_key, new_key])


@pytest.fixture
def sealed(old_key: SealingKey) -> Callable[..., dict[str, Any]]:
    """Makes a raw SealedSecret under the old key; keyword arguments are its items."""

    def make(name: str = "db", key: SealingKey = old_key, scope: Scope | None = None, **items: str) -> dict[str, Any]:
        raw = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": "shop"},
            "stringData": items or {"password": "hunter2", "user": "root"},
        }
        return seal_secret(raw, key.private_key.public_key(), scope=scope)

    return make


@pytest.fixture
def ground(tmp_path: Path, ring: KeyRing) -> Iterator[Ground]:
    """A repository that needs a password, and a clone of it."""
    (tmp_path / "served").mkdir()
    with GitServer(tmp_path / "served", password="let me in") as server:
        yield Ground(tmp_path, ring, server)
