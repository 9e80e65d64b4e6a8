"""The sealing certificate: what is read from it, and where it may come from (a file, a URL, the controller)."""

import time
from typing import TYPE_CHECKING

from engine.errors import KsealError
from sealer import der, pem
from sealer.errors import CertificateError

if TYPE_CHECKING:
    from datetime import datetime

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    from engine.kube.client import Cluster

_URL_SCHEMES = ("http", "https", "file")


class Certificate:
    """One RSA certificate. Only its key and its expiry count: chain, usage and revocation are not looked at.

    `pem` is the text as it came, which may hold more than this certificate.
    """

    __slots__ = ("_walked", "pem", "source")

    def __init__(self, text: bytes, walked: der.Walked, source: str) -> None:
        self.pem = text
        self.source = source
        self._walked = walked

    @classmethod
    def parse(cls, text: bytes, *, source: str) -> "Certificate":
        """The first certificate of a PEM text; `source` names it in errors.

        Raises: CertificateError.
        """
        try:
            found = [block for block in pem.blocks(text) if block.type == "CERTIFICATE" and not block.has_headers]
            if not found:
                raise CertificateError(f"{source}: data does not contain any valid RSA or ECDSA certificates")
            walked = der.walk_certificate(found[0].der)
        except ValueError as error:
            raise CertificateError(f"{source}: not a certificate: {error}") from error
        if walked.algorithm != "RSA":
            raise CertificateError(f"{source}: expected RSA public key but found {walked.algorithm}")
        return cls(text, walked, source)

    @property
    def modulus(self) -> int:
        """The modulus of the key, which tells keys apart."""
        return self._walked.modulus

    @property
    def not_before(self) -> "datetime":
        """When it begins to be valid; aware, in UTC."""
        return _datetime(self._walked.not_before)

    @property
    def not_after(self) -> "datetime":
        """The last second of its validity; aware, in UTC."""
        return _datetime(self._walked.not_after)

    @property
    def public_key(self) -> "RSAPublicKey":
        """The key for sealing.

        Raises: CertificateError when OpenSSL would not work with its numbers.
        """
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

        try:
            return RSAPublicNumbers(self._walked.exponent, self.modulus).public_key()
        except ValueError as error:
            raise CertificateError(f"{self.source}: the RSA key is unusable: {error}") from error

    def is_expired(self, at: float) -> bool:
        """Whether its time is over; `at` is a moment as time.time() gives it."""
        return time.gmtime(at)[:6] > self._walked.not_after

    def refuse_expired(self, at: float) -> None:
        """Raises: CertificateError when sealing with this certificate is over."""
        if self.is_expired(at):
            day = self.not_after
            raise CertificateError(
                f"{self.source}: failed to encrypt using an expired certificate on {day:%B} {day.day}, {day.year}",
                hint="fetch the present one: kseal cert -w FILE",
            )


def is_url(location: str) -> bool:
    """Whether `--cert` means a URL; a one-letter scheme is a drive, anything else without a known scheme a file.

    Raises: CertificateError for a scheme that nothing here can fetch.
    """
    scheme, mark, _ = location.partition("://")
    if not mark or len(scheme) <= 1 or not scheme.replace("+", "").replace("-", "").isalnum():
        return False
    if scheme.lower() not in _URL_SCHEMES:
        raise CertificateError(f'cannot fetch "{without_password(location)}": unsupported scheme "{scheme}"')
    return True


def without_password(url: str) -> str:
    """The URL as it may be shown: without user and password."""
    scheme, mark, rest = url.partition("://")
    place, slash, path = rest.partition("/")
    return scheme + mark + place.rpartition("@")[2] + slash + path


def load(location: str, *, is_pinned: bool = False, timeout_seconds: float = 10.0) -> Certificate:
    """The certificate of a file or a URL. `is_pinned` says that its fingerprint will be compared by the caller.

    Raises: CertificateError.
    """
    text = read(location, is_pinned=is_pinned, timeout_seconds=timeout_seconds)
    return Certificate.parse(text, source=without_password(location) if is_url(location) else location)


def read(location: str, *, is_pinned: bool = False, timeout_seconds: float = 10.0) -> bytes:
    """The text of a file or a URL, which may be a certificate. Raises: CertificateError."""
    if is_url(location):
        from sealer.fetch import fetch

        return fetch(location, timeout_seconds=timeout_seconds, may_leave_host=is_pinned)
    return _read(location)


def from_controller(cluster: "Cluster", *, namespace: str, name: str) -> Certificate:
    """The newest certificate of a running controller, through the API server's proxy to its Service.

    Where that way is closed, or nobody answers at its end, it is the one that the controller published as a ConfigMap;
    the certificate's `source` says which.
    Raises: CertificateError, with the two flags that say where the controller is as the cure.
    """
    from sealer import published
    from sealer.service import Service

    try:
        service = Service(cluster, namespace=namespace, name=name)
        text, source = service.certificate(), service.called
    except CertificateError as error:
        if not published.may_stand_in(error):
            raise
        try:
            text, source = published.fetch(cluster, namespace=namespace, controller=name)
        except KsealError as other:
            raise CertificateError(
                f"{error.message}; nor is it published: {other.message}",
                hint="name the controller with --controller-name and --controller-namespace, use --cert FILE, or ask "
                f"for the right to get the ConfigMap {published.name_for(name)}",
            ) from error
    return Certificate.parse(text, source=source)


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:  # noqa: PTH123  # importing pathlib would cost `kseal seal` 3 ms
            return file.read(pem.MOST_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise CertificateError(f"open {path}: {reason}") from error


def _datetime(moment: der.Moment) -> "datetime":
    from datetime import UTC, datetime

    return datetime(*moment, tzinfo=UTC)
