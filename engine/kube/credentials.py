"""Who we are to the API server: bearer tokens and client certificates.

Tokens and certificates get renewed on disk while we run: a file is read again when it may have changed.
"""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

from engine.kube.errors import ConfigError

TOKEN_SECONDS = 60.0
"""How long a token from a file is used before the file is read again: client-go's figure for pods."""

Headers = list[tuple[str, str]]
"""Name and value pairs: a group of the impersonated user is a header of its own."""


class ClientCertificate(NamedTuple):
    """PEM of a certificate with its chain, and of its private key, not encrypted."""

    certificate: bytes
    key: bytes

    def __repr__(self) -> str:
        return "ClientCertificate([redacted])"


class Credentials(Protocol):
    """What `Connection` asks before each request, and after a refusal. Called from many threads."""

    def headers(self) -> Headers:
        """The headers that prove who we are. Raises: ConfigError, LoginError."""
        ...

    def client_certificate(self) -> ClientCertificate | None:
        """For a new TLS connection. Raises: ConfigError, LoginError."""
        ...

    def renew(self) -> None:
        """The server said 401: forget what was remembered, so that the next call gives what is valid now.

        Raises: ConfigError, LoginError.
        """
        ...


class Nobody:
    """No credentials at all: what an anonymous caller may see."""

    def headers(self) -> Headers:
        return []

    def client_certificate(self) -> ClientCertificate | None:
        return None

    def renew(self) -> None:
        return


class Token:
    """A bearer token that stays the same."""

    def __init__(self, token: str, *, source: str) -> None:
        self._headers = [("Authorization", f"Bearer {checked_token(token, source)}")]

    def headers(self) -> Headers:
        return self._headers

    def client_certificate(self) -> ClientCertificate | None:
        return None

    def renew(self) -> None:
        return


class TokenFile:
    """A bearer token in a file that somebody renews, such as the kubelet for a pod.

    While the file cannot be read the last token is used on, and before there was one, `fallback`.
    """

    def __init__(
        self, path: Path, *, source: str, fallback: str | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._path = path
        self._source = source
        self._clock = clock
        self._lock = threading.Lock()
        self._token = checked_token(fallback, source) if fallback else None
        self._read_at = float("-inf")

    def headers(self) -> Headers:
        with self._lock:
            if self._clock() - self._read_at >= TOKEN_SECONDS:
                self._read()
            return [("Authorization", f"Bearer {self._token}")]

    def client_certificate(self) -> ClientCertificate | None:
        return None

    def renew(self) -> None:
        with self._lock:
            self._read()

    def _read(self) -> None:
        try:
            self._token = checked_token(read_file(self._path, self._source).decode("ascii", "replace"), self._source)
        except ConfigError:
            if self._token is None:
                raise
        self._read_at = self._clock()


class CertificateFiles:
    """A client certificate and its key, each in a file or given as it is; files are read for each new connection."""

    def __init__(self, certificate: Path | bytes, key: Path | bytes, *, source: str) -> None:
        self._certificate = certificate
        self._key = key
        self._source = source

    def headers(self) -> Headers:
        return []

    def client_certificate(self) -> ClientCertificate | None:
        return ClientCertificate(self._content(self._certificate), self._content(self._key))

    def renew(self) -> None:
        return

    def _content(self, part: Path | bytes) -> bytes:
        return read_file(part, self._source) if isinstance(part, Path) else part


class Both:
    """A token and a client certificate together, as a kubeconfig allows."""

    def __init__(self, bearer: Credentials, certificate: Credentials) -> None:
        self._bearer = bearer
        self._certificate = certificate

    def headers(self) -> Headers:
        return self._bearer.headers()

    def client_certificate(self) -> ClientCertificate | None:
        return self._certificate.client_certificate()

    def renew(self) -> None:
        self._bearer.renew()
        self._certificate.renew()


def checked_token(text: str, source: str) -> str:
    """A token that is fit for a header: the HTTP library would quote a bad one in its error.

    Raises: ConfigError without the token.
    """
    token = text.strip()
    if not token:
        raise ConfigError(f"{source}: the token is empty")
    if not token.isascii() or not token.isprintable():
        raise ConfigError(f"{source}: the token has characters that no token can have")
    return token


def read_file(path: Path, source: str) -> bytes:
    """The content of a file that a configuration names. Raises: ConfigError."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{source}: cannot read {path}: {error.strerror}") from error
