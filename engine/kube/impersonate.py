"""Acting as somebody else, as `kubectl --as` does."""

from typing import NamedTuple
from urllib.parse import quote

from engine.kube.credentials import ClientCertificate, Credentials, Headers
from engine.kube.errors import ConfigError

_HEADER_NAME = "!#$&'*+-.^_`|~"  # beside letters and digits; RFC 9110 section 5.6.2, without the escape sign itself


class Impersonate(NamedTuple):
    """Whom to act as. The API server wants a user whenever anything else is given."""

    user: str
    groups: tuple[str, ...] = ()
    uid: str | None = None
    extra: tuple[tuple[str, str], ...] = ()
    """Key and value; a key with several values stands here several times."""

    def headers(self) -> Headers:
        """The headers that say so. Raises: ConfigError for a value that no header can carry.

        Source: k8s.io/api authentication/v1/types.go; keys of `extra` are lower case and percent-encoded.
        """
        headers = [("Impersonate-User", self.user)]
        headers += [("Impersonate-Group", group) for group in self.groups]
        if self.uid:
            headers.append(("Impersonate-Uid", self.uid))
        for key, value in self.extra:
            headers.append((f"Impersonate-Extra-{quote(key.lower(), safe=_HEADER_NAME)}", value))
        for _, value in headers:
            if not value or not value.isascii() or not value.isprintable():
                raise ConfigError(f"impersonation: {value!r} cannot be sent in a header")
        return headers


class ActingAs:
    """The credentials of one who impersonates another."""

    def __init__(self, own: Credentials, other: Impersonate) -> None:
        self._own = own
        self._other = other.headers()

    def headers(self) -> Headers:
        return self._own.headers() + self._other

    def client_certificate(self) -> ClientCertificate | None:
        return self._own.client_certificate()

    def renew(self) -> None:
        self._own.renew()
