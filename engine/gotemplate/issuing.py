"""Making certificates and reading them. Source: sprig crypto.go.

Only `engine.gotemplate.sprig.certificates` imports this, when a template first asks for a certificate: the X.509 parts
of `cryptography` take time to load.
"""

import ipaddress
from base64 import b64decode
from binascii import Error
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from engine.gotemplate import private_keys
from engine.gotemplate.certificate import Certificate
from engine.gotemplate.errors import Refused
from engine.gotemplate.private_keys import SigningKey
from engine.gotemplate.table import Run
from engine.gotemplate.values import Value

_BITS = 2048


class _Request:
    """What a certificate is to say, before it is known who signs it."""

    def __init__(self, now: datetime, name: bytes, addresses: list[Value], names: list[Value], days: int) -> None:
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _text(name))] if name else [])
        self.others = [_address(item) for item in addresses] + [x509.DNSName(_text(item)) for item in names]
        self.start = now
        try:
            self.end = now + timedelta(days=days)
        except OverflowError:
            raise Refused("too many days") from None

    def signed(
        self, key: SigningKey, issuer: x509.Name, signer: SigningKey, *, is_authority: bool = False
    ) -> Certificate:
        builder = (
            x509.CertificateBuilder(issuer, self.name, key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.start)
            .not_valid_after(self.end)
            .add_extension(_usage(is_authority=is_authority), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
                critical=False,
            )
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        )
        if is_authority:
            builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        if signer is not key:
            authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
            builder = builder.add_extension(authority, critical=False)
        if self.others:
            builder = builder.add_extension(x509.SubjectAlternativeName(self.others), critical=not list(self.name))
        made = builder.sign(signer, None if isinstance(signer, Ed25519PrivateKey) else SHA256())
        return Certificate(made.public_bytes(Encoding.PEM), private_keys.pem(key))


def _usage(*, is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_encipherment=True,
        key_cert_sign=is_authority,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _text(value: Value) -> str:
    if not isinstance(value, bytes):
        raise Refused("a name that is no string")
    return value.decode()


def _address(value: Value) -> x509.IPAddress:
    try:
        return x509.IPAddress(ipaddress.ip_address(_text(value)))
    except ValueError:
        raise Refused("an address that is none") from None


def authority(run: Run, name: bytes, days: int, *key: bytes) -> Certificate:
    request = _Request(run.clock(), name, [], [], days)
    own = private_keys.read(key[0]) if key else private_keys.make_rsa(_BITS)
    return request.signed(own, request.name, own, is_authority=True)


def self_signed(
    run: Run, name: bytes, addresses: list[Value], names: list[Value], days: int, *key: bytes
) -> Certificate:
    request = _Request(run.clock(), name, addresses, names, days)
    own = private_keys.read(key[0]) if key else private_keys.make_rsa(_BITS)
    return request.signed(own, request.name, own)


def signed(run: Run, name: bytes, addresses: list[Value], names: list[Value], days: int, *pair: Value) -> Certificate:
    """`pair` is the authority and, for the functions that take one, the key of the new certificate."""
    authority: Certificate = pair[0]
    issuer, signer = _read(authority.cert), private_keys.read(authority.key)
    if issuer.public_key() != signer.public_key():
        raise Refused("the key of the authority does not belong to its certificate")
    own = private_keys.read(pair[1]) if len(pair) > 1 else private_keys.make_rsa(_BITS)
    return _Request(run.clock(), name, addresses, names, days).signed(own, issuer.subject, signer)


def custom(cert: bytes, key: bytes) -> Certificate:
    """A pair that exists already, each in base64 of PEM."""
    try:
        made = Certificate(b64decode(cert, validate=True), b64decode(key, validate=True))
    except Error:
        raise Refused("no base64") from None
    _read(made.cert)
    private_keys.read(made.key)
    return made


def _read(text: bytes) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(text)
    except ValueError:
        raise Refused("no certificate") from None
