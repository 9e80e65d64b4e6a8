"""Why a delivery cannot go on now, as what the status, an event and the queue make of it."""

from typing import Final, Literal, NamedTuple

from engine.errors import KsealError

ACCESS_DENIED: Final = "AccessDenied"
ARTIFACT_FAILED: Final = "ArtifactFailed"
BUILD_FAILED: Final = "BuildFailed"
DEPENDENCY_NOT_READY: Final = "DependencyNotReady"
FEATURE_GATE_DISABLED: Final = "FeatureGateDisabled"
HEALTH_CHECK_FAILED: Final = "HealthCheckFailed"
INVALID_EXPRESSION: Final = "InvalidCELExpression"
PRUNE_FAILED: Final = "PruneFailed"
RECONCILIATION_FAILED: Final = "ReconciliationFailed"
RECONCILIATION_SUCCEEDED: Final = "ReconciliationSucceeded"
"""Reasons of the condition Ready. Source: flux.md section 4.2; fluxcd/pkg apis/meta/conditions.go."""

Severity = Literal["info", "error"]


class Next(NamedTuple):
    """When a name is looked at again: after so many seconds, with the queue's back-off, or when something changes."""

    seconds: float | None = None
    backs_off: bool = False


NEVER: Final = Next()
BACKOFF: Final = Next(backs_off=True)


class Halt(KsealError):
    """`message` is that of the condition Ready, which says False with `reason`."""

    def __init__(
        self,
        reason: str,
        message: str,
        *,
        hint: str | None = None,
        following: Next | None = None,
        is_stalled: bool = False,
        severity: Severity | None = "error",
        told: str | None = None,
        is_passing: bool = False,
    ) -> None:
        """`following` None is the retry interval of the Kustomization. `told` is what the event says where that is not
        the message; a `severity` of None tells nothing. What `is_passing` may be over in a moment, and is told then."""
        super().__init__(message, hint)
        self.reason = reason
        self.following = following
        self.is_stalled = is_stalled
        self.severity = severity
        self.told = told or message
        self.is_passing = is_passing
