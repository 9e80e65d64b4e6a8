"""X25519 keys are made by the functions behind the public classes where those are there, else by the classes."""

import pytest
from cryptography.hazmat.bindings._rust import openssl
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from sealer.sops.recipients import x25519

RAW = bytes(range(32))
SHARE = X25519PrivateKey.from_private_bytes(RAW).public_key().public_bytes_raw()


def agreed() -> bytes:
    private, public = x25519.private_key(RAW), x25519.public_key(SHARE)
    assert isinstance(private, X25519PrivateKey)
    assert isinstance(public, X25519PublicKey)
    return private.exchange(public)


@pytest.fixture(params=["as it is", "in FIPS mode", "moved"])
def release(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How the package behind it is."""
    if request.param == "in FIPS mode":
        monkeypatch.setattr(openssl, "is_fips_enabled", lambda: True)
    elif request.param == "moved":
        monkeypatch.delattr(openssl, "is_fips_enabled")
    return str(request.param)


def test_both_ways_agree(release: str) -> None:
    public = X25519PublicKey.from_public_bytes(SHARE)
    assert agreed() == X25519PrivateKey.from_private_bytes(RAW).exchange(public), release
    assert (x25519._direct() is not None) == (release == "as it is")


def test_another_length_is_refused(release: str) -> None:
    for make in (x25519.private_key, x25519.public_key):
        with pytest.raises(ValueError, match="32"):
            make(RAW[1:])
    assert release
