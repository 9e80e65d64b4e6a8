"""Key pairs: made, loaded, told apart."""

import pickle
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from sealer import keys
from sealer.encoding import encode
from sealer.errors import CertificateError, PrivateKeyError
from sealer.keys import SealingKey

NOW = datetime(2026, 8, 1, 12, 30, 15, 999, tzinfo=UTC)


def pem_of(private_key: Any, form: PrivateFormat, encryption: KeySerializationEncryption | None = None) -> bytes:
    return bytes(private_key.private_bytes(Encoding.PEM, form, encryption or NoEncryption()))


def pair(key: SealingKey) -> tuple[bytes, bytes]:
    assert key.certificate is not None
    return key.private_pem().reveal(), key.certificate.pem


def test_the_fingerprint_is_the_one_of_the_original(
    vectors: Callable[[str], Any], vector_key: rsa.RSAPrivateKey
) -> None:
    assert keys.fingerprint(vector_key.public_key()) == vectors("boxes.json")["fingerprint"]


def test_a_new_certificate_is_what_the_contract_says() -> None:
    key = keys.generate(2048, ttl=timedelta(days=3650), common_name="sealing", now=NOW)
    assert key.certificate is not None
    made = x509.load_pem_x509_certificate(key.certificate.pem)
    assert made.version is x509.Version.v3
    assert made.subject == made.issuer == x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sealing")])
    assert made.not_valid_before_utc == NOW.replace(microsecond=0) == key.certificate.not_before == key.ordered_at
    assert made.not_valid_after_utc == NOW.replace(microsecond=0) + timedelta(days=3650) == key.certificate.not_after
    assert made.signature_hash_algorithm is not None
    assert made.signature_hash_algorithm.name == "sha256"
    made.verify_directly_issued_by(made)
    assert 0 < made.serial_number < 2**128


def test_its_extensions_are_a_lone_encipher_only_a_ca_and_a_key_identifier(key: SealingKey) -> None:
    assert key.certificate is not None
    made = x509.load_pem_x509_certificate(key.certificate.pem)
    with pytest.raises(ValueError, match="encipher_only"):  # the trap: nobody may read .extensions of these
        _ = made.extensions
    der = made.tbs_certificate_bytes
    critical, octets = "0101ff", "04"
    assert bytes.fromhex("0603551d0f" + critical + octets + "04" + "03020001") in der
    assert bytes.fromhex("0603551d13" + critical + octets + "05" + "30030101ff") in der
    assert bytes.fromhex("0603551d0e" + octets) in der
    assert bytes.fromhex("0603551d23") not in der


def test_the_name_may_be_empty() -> None:
    key = keys.generate(2048, ttl=timedelta(days=1), common_name="", now=NOW)
    assert key.certificate is not None
    assert x509.load_pem_x509_certificate(key.certificate.pem).subject == x509.Name([])


def test_the_private_key_is_kept_as_pkcs1(key: SealingKey) -> None:
    assert key.private_pem().reveal().startswith(b"-----BEGIN RSA PRIVATE KEY-----\n")


@pytest.mark.parametrize(("size", "ttl"), [(1024, timedelta(days=1)), (2048, timedelta(0)), (2048, timedelta(-1))])
def test_useless_keys_are_not_made(size: int, ttl: timedelta) -> None:
    with pytest.raises(PrivateKeyError):
        keys.generate(size, ttl=ttl, common_name="", now=NOW)


def test_a_pair_loads_back(key: SealingKey) -> None:
    loaded = keys.load(*pair(key))
    assert loaded.fingerprint == key.fingerprint
    assert loaded.ordered_at == key.ordered_at
    assert keys.load(*pair(key), ordered_at=NOW).ordered_at == NOW


def test_a_key_does_not_load_with_another_ones_certificate(
    key: SealingKey, make_key: Callable[..., SealingKey]
) -> None:
    with pytest.raises(PrivateKeyError, match="does not belong"):
        keys.load(pair(key)[0], pair(make_key())[1])


def test_a_foreign_certificate_does_not_keep_a_good_key_from_opening(
    key: SealingKey, make_key: Callable[..., SealingKey]
) -> None:
    for certificate in (pair(make_key())[1], b"nonsense", None):
        assert keys.load_pair(pair(key)[0], certificate).fingerprint == key.fingerprint
    assert keys.load_pair(*pair(key)).certificate is not None


@pytest.mark.parametrize("form", [PrivateFormat.TraditionalOpenSSL, PrivateFormat.PKCS8])
def test_bare_keys_load_from_pkcs1_and_pkcs8(key: SealingKey, form: PrivateFormat) -> None:
    text = b"# from the safe\n" + pair(key)[1] + pem_of(key.private_key, form)
    loaded = keys.load_private(text)
    assert loaded.fingerprint == key.fingerprint
    assert loaded.certificate is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "no private key in the text"),
        (b"-----BEGIN RSA PRIVATE KEY-----\nAAAA\n", "no private key in the text"),
        (b"-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n", "damaged or of an unknown type"),
        (b"x" * (1 << 20) + b"y", "more than 1048576"),
        (
            pem_of(ec.generate_private_key(ec.SECP256R1()), PrivateFormat.PKCS8),
            "unexpected private key type EC, an RSA key is needed",
        ),
        (pem_of(ed25519.Ed25519PrivateKey.generate(), PrivateFormat.PKCS8), "unexpected private key type Ed25519"),
    ],
)
def test_what_is_no_rsa_key_is_one_clear_error(text: bytes, message: str) -> None:
    with pytest.raises(PrivateKeyError, match=message):
        keys.load_private(text)


@pytest.mark.parametrize("form", [PrivateFormat.TraditionalOpenSSL, PrivateFormat.PKCS8])
def test_encrypted_keys_are_refused_with_the_cure(key: SealingKey, form: PrivateFormat) -> None:
    with pytest.raises(PrivateKeyError, match="is encrypted") as caught:
        keys.load_private(pem_of(key.private_key, form, BestAvailableEncryption(b"pass")))
    assert caught.value.hint is not None
    assert "openssl" in caught.value.hint


def test_public_keys_and_certificates_are_no_private_keys(key: SealingKey) -> None:
    public = key.private_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(PrivateKeyError, match="no private key"):
        keys.load_private(public + pair(key)[1])


@given(spot=st.integers(0, 1189), flip=st.integers(0, 7))
def test_a_damaged_key_is_one_clear_error_however_it_is_loaded(key: SealingKey, spot: int, flip: int) -> None:
    der = bytearray(key.private_key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption()))
    der[spot % len(der)] ^= 1 << flip
    text = b"-----BEGIN RSA PRIVATE KEY-----\n" + encode(bytes(der)).encode() + b"\n-----END RSA PRIVATE KEY-----\n"
    for load in (keys.load_private, lambda damaged: keys.load(damaged, pair(key)[1])):
        with pytest.raises(PrivateKeyError):
            load(text)


def test_a_certificate_that_is_none_is_a_certificate_error(key: SealingKey) -> None:
    with pytest.raises(CertificateError, match=r"tls\.crt"):
        keys.load(pair(key)[0], b"")


def test_a_key_shows_its_fingerprint_only_and_never_pickles(key: SealingKey) -> None:
    assert repr(key) == f"<SealingKey {key.fingerprint}>"
    with pytest.raises(TypeError, match="never pickled"):
        pickle.dumps(key)
