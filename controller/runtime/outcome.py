"""What one reconcile concluded, as a value: status, event, metric, log line and the next look are made from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final, Literal

from controller.errors import NotOurs
from engine.errors import KsealError, NotReady
from engine.kube.errors import ApiError, TooLarge

TEXT_LIMIT: Final = 4096
"""Characters of a message in a status: enough for the names of many failed items, far below the API's 32 KiB."""


class Phase(Enum):
    """Where a reconcile failed; the values are those of the label `reason` of `unseal_errors_total`."""

    FETCH = "fetch"
    """Having the custom resource, and the keys for it."""
    UNSEAL = "unseal"
    """Making the Secret from it."""
    UPDATE = "update"
    """Writing the Secret."""
    UNMANAGED = "unmanaged"
    """The Secret belongs to somebody else."""
    STATUS = "status"
    """Writing the status."""


@dataclass(frozen=True, slots=True)
class Event:
    """What a person sees in `kubectl describe`: becomes a Kubernetes Event."""

    type: Literal["Normal", "Warning"]
    """The two that Kubernetes knows."""
    reason: str
    """One word in CamelCase."""
    message: str
    component: str = ""
    """Who says it, where that is not the recorder's own name."""
    annotations: Mapping[str, str] = field(default_factory=dict)
    """On the Event, for programs."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of one reconcile of one object."""

    ready: bool
    """What the condition says."""
    message: str = ""
    """Why not; empty when ready."""
    hint: str | None = None
    """The cure, where one is known."""
    event: Event | None = None
    """What to tell a person; None when there is nothing to tell."""
    error_reason: Phase | None = None
    """Counted under this label; None without a failure."""
    retry: Literal["backoff"] | float | None = None
    """The next look: by the queue's back-off, after so many seconds, or (None) only when something changes."""
    action: Literal["created", "updated", "unchanged", ""] = ""
    """What was done to the target; empty when it was not reached."""

    @property
    def changed(self) -> bool:
        """Whether the target was written."""
        return self.action in ("created", "updated")

    @property
    def condition_message(self) -> str:
        """What the condition says: the original's words alone, because people's alerts compare them.

        The cure is in the event and in the log.
        """
        return _bounded(self.message)

    def unchanged(self) -> "Outcome":
        """The same conclusion, when nothing had to be done to come to it again."""
        return replace(self, action="unchanged") if self.ready else self


def failed(error: KsealError, at: Phase) -> Outcome:
    """What an error means for the object it struck: the one place that says so.

    A Secret of somebody else's is `UNMANAGED` wherever it was noticed.
    """
    reason = Phase.UNMANAGED if isinstance(error, NotOurs) else at
    message = f"failed update: {error.message}" if reason is Phase.UNMANAGED else error.message
    return Outcome(
        ready=False,
        message=message,
        hint=error.hint,
        event=_event(reason, _bounded(f"{error.message}; {error.hint}" if error.hint else error.message)),
        error_reason=reason,
        retry=_retry(error),
    )


def _event(reason: Phase, text: str) -> Event | None:
    if reason is Phase.UNSEAL:
        return Event("Warning", "ErrUnsealFailed", f"Failed to unseal: {text}")
    if reason in (Phase.UPDATE, Phase.UNMANAGED):
        return Event("Warning", "ErrUpdateFailed", text)
    return None  # what cannot be read or reported cannot carry an event either


def _retry(error: KsealError) -> Literal["backoff"] | float | None:
    """Trying again helps only where something else than the object can change: what says so, and the API server.

    Rights, quotas, policies and conflicts behind a refusal are settled without the object being touched, so even
    `Invalid` is tried again, ever more slowly; only what is too large stays too large.
    """
    if isinstance(error, ApiError | NotReady) and not isinstance(error, TooLarge):
        return error.retry_after if error.retry_after is not None else "backoff"
    return None


def _bounded(text: str) -> str:
    return text if len(text) <= TEXT_LIMIT else text[: TEXT_LIMIT - 1] + "…"
