"""Reading a sealing certificate: any real one, and hostile bytes."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from sealer import certificates, der, pem
from sealer.certificates import Certificate
from sealer.encoding import encode
from sealer.errors import CertificateError
from sealer.keys import SealingKey

DAY = timedelta(days=1)
NOW = datetime(2026, 8, 1, 12, tzinfo=UTC)


def certificate(
    private_key: Any, *, begins: datetime = NOW - DAY, ends: datetime = NOW + DAY, names: int = 1
) -> x509.Certificate:
    """A certificate as other tools make them: long names, ordinary extensions."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"unit {number}") for number in range(names)])
    builder = (
        x509.CertificateBuilder(name, name, private_key.public_key(), serial_number=1)
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=True, path_length=3), critical=True)
    )
    return builder.sign(private_key, None if isinstance(private_key, ed25519.Ed25519PrivateKey) else hashes.SHA256())


def text_of(made: x509.Certificate) -> bytes:
    return made.public_bytes(Encoding.PEM)


def parse(text: bytes) -> Certificate:
    return Certificate.parse(text, source="cert.pem")


@pytest.mark.parametrize(
    ("begins", "ends"),
    [
        (datetime(1951, 2, 3, 4, 5, 6, tzinfo=UTC), datetime(1999, 12, 31, 23, 59, 59, tzinfo=UTC)),
        (datetime(2000, 1, 1, tzinfo=UTC), datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC)),
        (datetime(2050, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
@pytest.mark.parametrize("names", [0, 1, 40])
def test_the_walk_reads_what_the_x509_library_reads(
    vector_key: rsa.RSAPrivateKey, begins: datetime, ends: datetime, names: int
) -> None:
    made = certificate(vector_key, begins=begins, ends=ends, names=names)
    read = parse(text_of(made))
    assert (read.not_before, read.not_after) == (made.not_valid_before_utc, made.not_valid_after_utc) == (begins, ends)
    assert read.public_key.public_numbers() == vector_key.public_key().public_numbers()


def test_the_first_certificate_of_a_text_is_taken(vector_key: rsa.RSAPrivateKey, key: SealingKey) -> None:
    assert key.certificate is not None
    text = b"Subject: CN=x\n-----BEGIN DH PARAMETERS-----\nAAAA\n-----END DH PARAMETERS-----\n" + key.certificate.pem
    read = parse(text + text_of(certificate(vector_key)))
    assert read.modulus == key.certificate.modulus
    assert read.pem.startswith(b"Subject")


def test_windows_line_ends_and_indentation_do_not_matter(key: SealingKey) -> None:
    assert key.certificate is not None
    text = b"".join(b"  " + line + b"\r\n" for line in key.certificate.pem.splitlines())
    assert parse(text).modulus == key.certificate.modulus


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"hello",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n",
        b"-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END X509 CRL-----\n",
        b"-----BEGIN CERTIFICATE-----\nKey: value\n\nMAA=\n-----END CERTIFICATE-----\n",
    ],
)
def test_no_certificate_is_said_in_the_words_of_the_original(text: bytes) -> None:
    with pytest.raises(
        CertificateError, match=r"^cert\.pem: data does not contain any valid RSA or ECDSA certificates$"
    ):
        parse(text)


@pytest.mark.parametrize(
    ("private_key", "word"),
    [(ec.generate_private_key(ec.SECP256R1()), "ECDSA"), (ed25519.Ed25519PrivateKey.generate(), "Ed25519")],
)
def test_another_kind_of_key_is_named(private_key: Any, word: str) -> None:
    with pytest.raises(CertificateError, match=f"expected RSA public key but found {word}"):
        parse(text_of(certificate(private_key)))


def test_expiry_is_the_first_second_after_the_end(vector_key: rsa.RSAPrivateKey) -> None:
    read = parse(text_of(certificate(vector_key, ends=datetime(2026, 8, 3, 9, 10, 11, tzinfo=UTC))))
    read.refuse_expired(datetime(2026, 8, 3, 9, 10, 11, 999_000, tzinfo=UTC).timestamp())
    with pytest.raises(CertificateError, match=r"failed to encrypt using an expired certificate on August 3, 2026$"):
        read.refuse_expired(datetime(2026, 8, 3, 9, 10, 12, tzinfo=UTC).timestamp())


def test_a_certificate_of_the_future_seals(vector_key: rsa.RSAPrivateKey) -> None:
    parse(text_of(certificate(vector_key, begins=NOW + DAY, ends=NOW + 2 * DAY))).refuse_expired(NOW.timestamp())


@given(st.datetimes(datetime(1950, 1, 1), datetime(2049, 12, 31)))  # noqa: DTZ001  # hypothesis adds the zone itself
def test_every_second_of_the_calendar_is_read(vector_key: rsa.RSAPrivateKey, moment: datetime) -> None:
    ends = moment.replace(tzinfo=UTC, microsecond=0)
    assert parse(text_of(certificate(vector_key, begins=datetime(1950, 1, 1, tzinfo=UTC), ends=ends))).not_after == ends


@pytest.mark.parametrize(
    "text",
    [
        "260230000000",
        "260001000000",
        "261301000000",
        "260431000000",
        "250229000000",
        "260101240000",
        "260101006000",
        "260101000060",
    ],
)
def test_times_that_never_were_are_refused(vector_key: rsa.RSAPrivateKey, text: str) -> None:
    ends = datetime(2026, 8, 3, 9, 10, 11, tzinfo=UTC)
    raw = certificate(vector_key, ends=ends).public_bytes(Encoding.DER).replace(b"260803091011Z", text.encode() + b"Z")
    with pytest.raises(der.DerError, match="calendar or clock"):
        der.walk_certificate(raw)


@given(st.binary(max_size=400))
def test_hostile_bytes_are_a_certificate_or_a_der_error(hostile: bytes) -> None:
    with pytest.raises(der.DerError):
        der.walk_certificate(hostile)


def refusal(text: bytes) -> str | None:
    """Why a text gives no key, None when it gives one."""
    try:
        _ = parse(text).public_key
    except CertificateError as error:
        return error.message
    return None


@given(edits=st.lists(st.tuples(st.integers(0, 449), st.integers(0, 255)), min_size=1, max_size=3))
@settings(max_examples=100)
def test_an_altered_certificate_parses_or_is_refused(
    vector_key: rsa.RSAPrivateKey, edits: list[tuple[int, int]]
) -> None:
    raw = bytearray(certificate(vector_key).public_bytes(Encoding.DER))
    for place, byte in edits:
        raw[place % len(raw)] = byte
    text = b"-----BEGIN CERTIFICATE-----\n" + encode(bytes(raw)).encode() + b"\n-----END CERTIFICATE-----\n"
    error = refusal(text)
    assert error is None or error.startswith("cert.pem: ")


@given(st.binary(max_size=300).map(lambda tail: b"-----BEGIN CERTIFICATE-----\n" + tail))
def test_pem_blocks_never_fail_on_any_text(text: bytes) -> None:
    assert all(isinstance(block, pem.Block) for block in pem.blocks(text))


def test_huge_texts_are_not_searched() -> None:
    with pytest.raises(CertificateError, match="1048577 bytes, more than 1048576"):
        parse(b" " * (1 << 20) + b" ")


def test_a_missing_file_is_said_as_go_says_it(tmp_path: Path) -> None:
    missing = tmp_path / "none.pem"
    with pytest.raises(CertificateError) as caught:
        certificates.load(str(missing))
    assert caught.value.message == f"open {missing}: no such file or directory"


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("cert.pem", False),
        ("C://cert.pem", False),
        ("dir/a://b", False),
        ("http://host/cert.pem", True),
        ("HTTPS://host/cert.pem", True),
        ("file:///tmp/cert.pem", True),
    ],
)
def test_what_is_a_url(location: str, expected: bool) -> None:  # a table
    assert certificates.is_url(location) is expected


def test_an_unknown_scheme_is_no_file_name() -> None:
    with pytest.raises(CertificateError, match='unsupported scheme "ftp"'):
        certificates.is_url("ftp://host/cert.pem")


def test_a_public_exponent_that_openssl_refuses_is_one_error(key: SealingKey) -> None:
    walked = der.Walked("RSA", 1 << 2047, 2, (2026, 1, 1, 0, 0, 0), (2027, 1, 1, 0, 0, 0))
    with pytest.raises(CertificateError, match="the RSA key is unusable"):
        _ = Certificate(b"", walked, "cert.pem").public_key


def test_from_file_to_key(tmp_path: Path, make_key: Callable[..., SealingKey]) -> None:
    made = make_key()
    assert made.certificate is not None
    (tmp_path / "cert.pem").write_bytes(made.certificate.pem)
    loaded = certificates.load(str(tmp_path / "cert.pem"))
    assert loaded.public_key.public_numbers() == made.private_key.public_key().public_numbers()
