"""What a Kubernetes API server, or the way to it, can refuse.

    KsealError
    ├── ConfigError               a kubeconfig, or the account of a pod, cannot be used as it stands
    ├── LoginError                the log-in program or identity provider of a kubeconfig gave no credentials
    └── ApiError                  a request failed; `status` is the HTTP status, 0 when no answer came
        ├── Unauthorized          401: who are you
        ├── Forbidden             403: RBAC, a quota or an admission rule says no
        ├── NotFound              404: no such object
        │   └── NotServed         404: the server does not know this kind at all (a CRD is missing)
        ├── AlreadyExists         409: the name is taken
        ├── Conflict              409: changed meanwhile, other identity than expected, or fields owned by others
        ├── Gone                  410: a resourceVersion or a continue token is too old
        ├── TooLarge              413, or a body above our own limit, in either direction
        ├── Invalid               422: the object breaks a rule; `causes` has the field paths
        ├── TooManyRequests       429: slow down
        └── Unavailable           5xx: the server cannot now
            ├── ServerTimeout     the server gave up; a write may yet have happened
            └── Unreachable       no answer: name, network, TLS, time-out, or the connection broke

Conflict, Gone, TooManyRequests and Unavailable are also `NotReady`: they may pass by themselves.

Messages put the object first: `Secret/shop/db: forbidden: user "ci" cannot create secrets`. They never carry a
request body. A server's own words may quote what was sent (an Invalid Secret's do), so for Secrets only reasons
and field paths are kept; `engine.kube.status` decides. Nothing here imports more than the errors it extends,
because sealing offline imports this module too.
"""

from typing import NamedTuple

from engine.errors import KsealError, NotReady


class Cause(NamedTuple):
    """One reason among several: path of the field (`data[a b]`), the server's reason word, its words if harmless."""

    field: str
    reason: str
    message: str = ""


class ConfigError(KsealError):
    """The message names the file and the entry; it never has a token, a password or a key in it."""


class LoginError(KsealError):
    """The message names the program or provider, and what it said on standard error."""


class ApiError(KsealError):
    """A request failed. `reason` is the word of the server's Status (`AlreadyExists`), or ours when it had none.

    `retry_after` is in seconds and set when the server named a time.
    """

    def __init__(
        self,
        message: str,
        hint: str | None = None,
        *,
        status: int = 0,
        reason: str = "",
        causes: tuple[Cause, ...] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, hint)
        self.status = status
        self.reason = reason or type(self).__name__
        self.causes = causes
        self.retry_after = retry_after

    @property
    def sent(self) -> bool:
        """Whether the server may have acted on the request: then a write's outcome is unknown and must be looked up."""
        return False


class Unauthorized(ApiError):
    """The credentials are missing, wrong or expired."""


class Forbidden(ApiError):
    """Known, but not allowed; the hint names the verb and resource when RBAC said no."""


class NotFound(ApiError):
    """No object of that name, or no namespace of that name to create it in."""


class NotServed(NotFound):
    """The server has no such kind in that version."""


class AlreadyExists(ApiError):
    """An object of that name is there already."""


class Conflict(ApiError, NotReady):
    """The object is not as the request assumed; read it again, then decide."""


class Gone(ApiError, NotReady):
    """The point in time asked for is compacted away; start from a fresh list."""


class TooLarge(ApiError):
    """A request above the server's limit, or an answer above ours."""


class Invalid(ApiError):
    """The object breaks the rules of its kind. A policy of the cluster may be behind it, so it can change."""


class TooManyRequests(ApiError, NotReady):
    """The server asked for patience more often than the client is willing to wait inside one call."""


class Unavailable(ApiError, NotReady):
    """The server answered 5xx, or did not answer."""

    def __init__(
        self,
        message: str,
        hint: str | None = None,
        *,
        status: int = 0,
        reason: str = "",
        causes: tuple[Cause, ...] = (),
        retry_after: float | None = None,
        sent: bool = True,
    ) -> None:
        super().__init__(message, hint, status=status, reason=reason, causes=causes, retry_after=retry_after)
        self._sent = sent

    @property
    def sent(self) -> bool:
        """False only when the request surely never reached the server."""
        return self._sent


class ServerTimeout(Unavailable):
    """The server or its storage ran out of time."""


class Unreachable(Unavailable):
    """No complete answer came back."""


def is_outage(error: BaseException | None) -> bool:
    """Whether an error is about the server or our log-in, so that asking for the next object would fail as well.

    An InternalError is not: that is how the server says that the webhook for one kind could not be called.
    """
    if isinstance(error, ApiError) and error.reason == "InternalError":
        return False
    return isinstance(error, Unavailable | Unauthorized | TooManyRequests)
