"""The condition Ready of a source, out of its other conditions. Pure.

Source: flux.md section 3.1; fluxcd/pkg runtime/conditions/merge.go for the order of precedence, and
fluxcd/source-controller internal/reconcile/summarize.
"""

from typing import Final

from controller.flux import conditions
from controller.flux.conditions import READY, RECONCILING, STALLED, At, Status

STORAGE_FAILED: Final = "StorageOperationFailed"
FETCH_FAILED: Final = "FetchFailed"
INCLUDE_UNAVAILABLE: Final = "IncludeUnavailable"
OUTDATED: Final = "ArtifactOutdated"
IN_STORAGE: Final = "ArtifactInStorage"
VERIFIED: Final = "SourceVerified"

FAILURES: Final = (FETCH_FAILED, INCLUDE_UNAVAILABLE, STORAGE_FAILED)
"""What a source recovers from."""
_BAD: Final = (STORAGE_FAILED, FETCH_FAILED, INCLUDE_UNAVAILABLE, OUTDATED, STALLED, RECONCILING)
"""True says that something is wrong; the first one gives Ready its words."""
_GOOD: Final = (IN_STORAGE, VERIFIED)


def summarize(status: Status, at: At) -> None:
    """Set Ready; leave it as it is where nothing is known.

    A signature that does not hold comes before everything, then what is wrong, then what is good.
    """
    bad = next((kind for kind in _BAD if conditions.is_true(status, kind)), None)
    unverified = conditions.get(status, VERIFIED)
    if unverified is not None and unverified.get("status") == "False":
        _copy(status, VERIFIED, "False", at)
    elif bad is not None:
        _copy(status, bad, "False", at)
    elif (good := next((kind for kind in _GOOD if conditions.is_true(status, kind)), None)) is not None:
        _copy(status, good, "True", at)


def _copy(status: Status, kind: str, value: str, at: At) -> None:
    found = conditions.get(status, kind) or {}
    conditions.set_condition(status, READY, value, str(found.get("reason")), str(found.get("message")), at)
