"""What one reconcile concluded, as a value: status, event, metric, log line and the next look are made from it."""

from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal

from controller.errors import NotOurs
from engine.errors import KsealError, NotReady
from engine.kube.errors import ApiError, TooLarge

MESSAGE_LIMIT: Final = 4096
"""Characters of a message in a status: enough for the names of many failed items, far below the API's 32 KiB."""


class ErrorReason(Enum):
    """Where a reconcile failed; the values of the label `reason` of `unseal_errors_total`."""

    FETCH = "fetch"
    """Reading the custom resource."""
    UNSEAL = "unseal"
    """Making the Secret from it."""
    UPDATE = "update"
    """Writing the Secret."""
    UNMANAGED = "unmanaged"
    """The Secret belongs to somebody else."""
    STATUS = "status"
    """Writing the status."""


class EventType(Enum):
    """The two types that Kubernetes knows."""

    NORMAL = "Normal"
    WARNING = "Warning"


@dataclass(frozen=True, slots=True)
class Notice:
    """What a person sees in `kubectl describe`: becomes a Kubernetes Event."""

    type: EventType
    reason: str
    """One word in CamelCase."""
    message: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of one reconcile of one object."""

    ready: bool
    """The object says so in its condition."""
    message: str = ""
    """Why not; empty when ready."""
    notice: Notice | None = None
    """Nothing happened that a person should hear of: None."""
    error_reason: ErrorReason | None = None
    """Counted under this label; None without failure."""
    retry: Literal["backoff"] | float | None = None
    """The next look: by the queue's back-off, after so many seconds, or (None) only when something changes."""
    changed: bool = False
    """Something was written to the cluster, the status aside."""


def unsealed(*, changed: bool) -> Outcome:
    """The Secret is as it should be. Only a change is news: a restart over settled objects records no event."""
    news = Notice(EventType.NORMAL, "Unsealed", "SealedSecret unsealed successfully")
    return Outcome(ready=True, notice=news if changed else None, changed=changed)


def failed(error: KsealError, at: ErrorReason) -> Outcome:
    """What an error means for the object it struck: the one place that says so.

    A Secret of somebody else's is `UNMANAGED` wherever it was noticed.
    """
    reason = ErrorReason.UNMANAGED if isinstance(error, NotOurs) else at
    text = message_of(error)
    return Outcome(ready=False, message=text, notice=_notice(reason, text), error_reason=reason, retry=_retry(error))


def message_of(error: KsealError) -> str:
    """An error and its cure for the people who read a status."""
    text = f"{error.message}; {error.hint}" if error.hint else error.message
    return text if len(text) <= MESSAGE_LIMIT else text[: MESSAGE_LIMIT - 1] + "…"


def _notice(reason: ErrorReason, text: str) -> Notice | None:
    if reason is ErrorReason.UNSEAL:
        return Notice(EventType.WARNING, "ErrUnsealFailed", f"Failed to unseal: {text}")
    if reason in (ErrorReason.UPDATE, ErrorReason.UNMANAGED):
        return Notice(EventType.WARNING, "ErrUpdateFailed", text)
    return None  # what cannot be read or reported cannot carry an event either


def _retry(error: KsealError) -> Literal["backoff"] | float | None:
    """Trying again helps only where something else than the object can change: what says so, and the API server.

    Rights, quotas, policies and conflicts behind a refusal are settled without the object being touched, so even
    `Invalid` is tried again, ever more slowly; only what is too large stays too large.
    """
    if isinstance(error, ApiError | NotReady) and not isinstance(error, TooLarge):
        return error.retry_after if error.retry_after is not None else "backoff"
    return None
