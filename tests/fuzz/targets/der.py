"""Certificates and private keys: PEM texts, and the DER in them."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta

from sealer import pem
from sealer.certificates import Certificate
from sealer.der import DerError, walk_certificate
from sealer.errors import CertificateError, PrivateKeyError
from sealer.keys import generate, load_private
from tests.fuzz.rules import attempt

_KEY = generate(2048, ttl=timedelta(days=1), common_name="x", now=datetime(2026, 1, 1, tzinfo=UTC))
assert _KEY.certificate is not None
_PEM = _KEY.certificate.pem
_DER = next(iter(pem.blocks(_PEM))).der

SEEDS = (_DER, _PEM, _KEY.private_pem().reveal(), b"-----BEGIN X-----\nA: b\n\nAAAA\n-----END X-----\n")
PIECES = (
    *(
        b"\x30\x82",
        b"\x30\x80",
        b"\x02\x01\x00",
        b"\x03\x02\x00\x00",
        b"\x06\x09",
        b"\x17\x0d",
        b"\x18\x0f",
        b"\xa0\x03",
    ),
    *(b"\x84\xff\xff\xff\xff", b"\x85", b"\x00", b"\xff", b"991231235959Z", b"20260229000000Z"),
    *(b"-----BEGIN ", b"-----END ", b"CERTIFICATE-----\n", b"RSA PRIVATE KEY-----\n", b"PRIVATE KEY-----\n", b"-----"),
    *(b"DEK-Info: x\n", b"\n", b"=", _DER[:60], _DER[-60:]),
)


def check(data: bytes) -> None:
    """A walk that ends, or a refusal, for bytes as they are and in the armour of a certificate or a key."""
    attempt(DerError, walk_certificate, data)
    attempt(ValueError, list, pem.blocks(data))
    for text in (data, _armoured("CERTIFICATE", data)):
        certificate = attempt(CertificateError, Certificate.parse, text, source="s")
        if certificate is not None:
            attempt(CertificateError, getattr, certificate, "public_key")
    for text in (data, _armoured("RSA PRIVATE KEY", data), _armoured("PRIVATE KEY", data)):
        attempt(PrivateKeyError, load_private, text)


def _armoured(kind: str, der: bytes) -> bytes:
    return f"-----BEGIN {kind}-----\n{b64encode(der).decode()}\n-----END {kind}-----\n".encode()
