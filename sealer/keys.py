"""The RSA pair behind sealing: make it, load it, tell it by its fingerprint.

Loading comes in two kinds, because OpenSSL's full check of a 4096-bit key takes 0.2 s and holds the interpreter's lock:
`load` is for keys that come with the certificate made from them, `load_private` for a bare key of unknown origin.
"""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NewType, NoReturn

from engine.sensitive import Sensitive
from sealer import pem
from sealer.certificates import Certificate
from sealer.encoding import encode
from sealer.errors import CertificateError, PrivateKeyError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

Fingerprint = NewType("Fingerprint", str)
"""`SHA256:` and 43 letters of unpadded base64, as `ssh-keygen -l` prints for the same key."""

PUBLIC_EXPONENT = 65537
SMALLEST_GENERATED_BITS = 2048
_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)


class SealingKey:
    """A private key, with its certificate when it has one. Prints as its fingerprint and never pickles.

    `ordered_at` decides which key is newest: notBefore of the certificate, or another time that the caller chose
    (the creation of the Secret that holds it); without either, before every other key.
    """

    __slots__ = ("certificate", "fingerprint", "ordered_at", "private_key")

    def __init__(
        self, private_key: "RSAPrivateKey", certificate: Certificate | None = None, ordered_at: datetime | None = None
    ) -> None:
        self.private_key = private_key
        self.certificate = certificate
        self.fingerprint = fingerprint(private_key.public_key())
        self.ordered_at = ordered_at or (certificate.not_before if certificate else _LONG_AGO)

    def private_pem(self) -> Sensitive:
        """The private key as PEM, PKCS#1, unencrypted: what `tls.key` of a key Secret holds."""
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

        return Sensitive(self.private_key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()))

    def __repr__(self) -> str:
        return f"<SealingKey {self.fingerprint}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a private key is never pickled or copied to another process")


def fingerprint(public_key: "RSAPublicKey") -> Fingerprint:
    """The OpenSSH SHA-256 fingerprint of a public key. Source: RFC 4253 section 6.6, RFC 4251 section 5 (mpint)."""
    from cryptography.hazmat.primitives.hashes import SHA256, Hash

    numbers = public_key.public_numbers()
    digest = Hash(SHA256())
    for part in (b"ssh-rsa", _mpint(numbers.e), _mpint(numbers.n)):
        digest.update(len(part).to_bytes(4, "big") + part)
    return Fingerprint("SHA256:" + encode(digest.finalize()).rstrip("="))


def generate(size_bits: int, *, ttl: timedelta, common_name: str, now: datetime) -> SealingKey:
    """A new pair and its self-signed certificate, valid from `now` for `ttl`; a 4096-bit pair takes 0.3 to 3 s.

    Raises: PrivateKeyError when the size or the lifetime makes no usable key.
    """
    from cryptography.hazmat.primitives.asymmetric import rsa

    if size_bits < SMALLEST_GENERATED_BITS:
        raise PrivateKeyError(f"a sealing key of {size_bits} bits is too weak; {SMALLEST_GENERATED_BITS} is the least")
    if ttl <= timedelta():
        raise PrivateKeyError("a certificate has to be valid for some time")
    private_key = rsa.generate_private_key(PUBLIC_EXPONENT, size_bits)
    text = _self_signed(private_key, common_name, now, now + ttl)
    return SealingKey(private_key, Certificate.parse(text, source="the new certificate"))


def load(key_pem: bytes, certificate_pem: bytes, *, ordered_at: datetime | None = None) -> SealingKey:
    """A key that is kept together with its certificate, as in a key Secret. Takes about 2 ms.

    OpenSSL's own check is left out; in its place the numbers of the key are checked against each other, the modulus
    against the certificate, and one value is encrypted and decrypted. What remains unchecked is whether the two
    factors are prime, which whoever made this pair and its certificate decides anyway.

    Raises: PrivateKeyError when the key is none, is no RSA key, or is not the certificate's;
    CertificateError when the certificate is none.
    """
    certificate = Certificate.parse(certificate_pem, source="tls.crt")
    private_key = _read(key_pem, is_checked_by_openssl=False)
    if private_key.public_key().public_numbers().n != certificate.modulus:
        raise PrivateKeyError("the private key does not belong to its certificate")
    _check_numbers(private_key)
    _prove(private_key)
    return SealingKey(private_key, certificate, ordered_at)


def load_private(key_pem: bytes) -> SealingKey:
    """A bare private key, fully checked by OpenSSL: about 0.25 s for 4096 bits.

    Raises: PrivateKeyError when the text holds no usable RSA key.
    """
    private_key = _read(key_pem, is_checked_by_openssl=True)
    _prove(private_key)
    return SealingKey(private_key)


def load_pair(key_pem: bytes, certificate_pem: bytes | None) -> SealingKey:
    """A key that may have a certificate: `load` when it is the key's own, `load_private` in every other case.

    Raises: PrivateKeyError.
    """
    if certificate_pem is not None:
        try:
            return load(key_pem, certificate_pem)
        except (CertificateError, PrivateKeyError):
            pass  # the certificate is foreign or broken: the full check decides about the key, and words the error
    return load_private(key_pem)


def _read(data: bytes, *, is_checked_by_openssl: bool) -> "RSAPrivateKey":
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    try:
        key = load_der_private_key(
            _private_block(data).der, None, unsafe_skip_rsa_key_validation=not is_checked_by_openssl
        )
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise PrivateKeyError("the private key is damaged or of an unknown type") from error
    if not isinstance(key, RSAPrivateKey):
        raise PrivateKeyError(f"unexpected private key type {_type_of(key)}, an RSA key is needed")
    return key


def _private_block(data: bytes) -> pem.Block:
    """The first block that is a private key; certificates, parameters and other blocks are skipped."""
    try:
        found = [block for block in pem.blocks(data) if block.type.endswith("PRIVATE KEY")]
    except ValueError as error:
        raise PrivateKeyError(str(error)) from error
    if not found:
        raise PrivateKeyError("no private key in the text; it has to be PEM, PKCS#1 or PKCS#8")
    if found[0].type == "ENCRYPTED PRIVATE KEY" or found[0].has_headers:
        raise PrivateKeyError(
            "the private key is encrypted", hint="decrypt it first: openssl pkey -in FILE -out PLAIN (mode 0600)"
        )
    return found[0]


def _check_numbers(private_key: "RSAPrivateKey") -> None:
    numbers = private_key.private_numbers()
    p, q, d, e = numbers.p, numbers.q, numbers.d, numbers.public_numbers.e
    is_consistent = (
        p > 1 < q
        and p * q == numbers.public_numbers.n
        and d * e % (p - 1) == d * e % (q - 1) == 1
        and (numbers.dmp1, numbers.dmq1) == (d % (p - 1), d % (q - 1))
        and numbers.iqmp * q % p == 1
    )
    if not is_consistent:
        raise PrivateKeyError("the numbers of the private key contradict each other")


def _prove(private_key: "RSAPrivateKey") -> None:
    """Seal and open one value, so that a key that cannot do its work is found before it is needed."""
    from sealer import box
    from sealer.errors import SealError, UnsealError

    try:
        works = box.open(box.seal(b"proof", private_key.public_key(), b"label"), private_key, b"label") == b"proof"
    except SealError as error:
        raise PrivateKeyError(error.message) from error
    except (UnsealError, ValueError) as error:
        raise PrivateKeyError("the private key cannot open what its public key sealed") from error
    if not works:
        raise PrivateKeyError("the private key cannot open what its public key sealed")


def _self_signed(private_key: "RSAPrivateKey", common_name: str, not_before: datetime, not_after: datetime) -> bytes:
    """The PEM certificate that the original would make: CN only, CA, and encipherOnly as the sole key usage.

    `cryptography` refuses to build that key usage (it is legal only beside keyAgreement), so its DER bytes are given.
    Source: sealed-secrets pkg/crypto, SignKeyWithNotBefore.
    """
    import secrets

    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding

    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)] if common_name else [])
    encipher_only = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.15"), b"\x03\x02\x00\x01")
    certificate = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=private_key.public_key())
        .serial_number(1 + secrets.randbelow(2**128 - 1))
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(encipher_only, critical=True)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(private_key.public_key()), critical=False)
        .sign(private_key, SHA256())
    )
    return certificate.public_bytes(Encoding.PEM)


def _mpint(number: int) -> bytes:
    return number.to_bytes(number.bit_length() // 8 + 1, "big")


def _type_of(key: object) -> str:
    return type(key).__name__.removesuffix("PrivateKey") or "unknown"
