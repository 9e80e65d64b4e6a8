"""Keys and certificates for one control plane, made new for each run: nothing here is worth stealing tomorrow."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_LIFETIME = timedelta(days=2)
_CLOCK_SKEW = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A certificate with its private key, both PEM (the key as PKCS #8, unencrypted)."""

    certificate: bytes
    key: bytes


class Authority:
    """A certificate authority (EC P-256) that signs server and client certificates."""

    def __init__(self, common_name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        builder = _builder(self._name, self._name, self._key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(_key_usage(signs_certificates=True), critical=True)
        # Python 3.13 and newer verify strictly by default: an authority without this identifier is refused.
        builder = builder.add_extension(
            x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False
        )
        self.certificate = builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM)

    def server(self, *names: str) -> Leaf:
        """A certificate for a server known by these DNS names and IP addresses."""
        alternatives = x509.SubjectAlternativeName([_general_name(name) for name in names])
        return self._issue(
            [x509.NameAttribute(NameOID.COMMON_NAME, names[0])], ExtendedKeyUsageOID.SERVER_AUTH, alternatives
        )

    def client(self, user: str, *groups: str) -> Leaf:
        """A certificate by which the API server knows `user` (common name) and its groups (organisations)."""
        name = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
        return self._issue(
            [*name, x509.NameAttribute(NameOID.COMMON_NAME, user)], ExtendedKeyUsageOID.CLIENT_AUTH, None
        )

    def _issue(
        self,
        subject: list[x509.NameAttribute[str]],
        usage: x509.ObjectIdentifier,
        alternatives: x509.SubjectAlternativeName | None,
    ) -> Leaf:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(x509.Name(subject), self._name, key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_key_usage(signs_certificates=False), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = builder.add_extension(issuer, critical=False)
        if alternatives:
            builder = builder.add_extension(alternatives, critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        return Leaf(certificate.public_bytes(Encoding.PEM), _pkcs8(key))


@dataclass(frozen=True, slots=True)
class ServerFiles:
    """The files that etcd, API server and controller manager are given, all below one folder with mode 0700."""

    authority: Path
    certificate: Path
    key: Path
    accounts_key: Path
    """RSA-2048 private key that signs ServiceAccount tokens."""
    accounts_public_key: Path


def write_server_files(folder: Path, authority: Authority) -> ServerFiles:
    """Make and write everything an API server on 127.0.0.1 needs to be believed and to issue tokens."""
    serving = authority.server("localhost", "127.0.0.1", "kubernetes.default.svc", "10.0.0.1")
    accounts = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = accounts.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return ServerFiles(
        authority=_write(folder / "ca.crt", authority.certificate),
        certificate=_write(folder / "apiserver.crt", serving.certificate),
        key=_write(folder / "apiserver.key", serving.key),
        accounts_key=_write(folder / "sa.key", _pkcs8(accounts)),
        accounts_public_key=_write(folder / "sa.pub", public),
    )


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    builder = builder.serial_number(x509.random_serial_number())
    return builder.not_valid_before(now - _CLOCK_SKEW).not_valid_after(now + _LIFETIME)


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pkcs8(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path
