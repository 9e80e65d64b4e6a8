"""The conditions in a status of Flux's kinds: what is set, what is removed, and in which order they stand. Pure.

A status is a plain dict as the API serves it. Functions here change the dict that they are given: a reconcile works on
a copy of its own, and what differs at the end is written at once.
Source: fluxcd/pkg runtime/conditions, setter.go; apis/meta/conditions.go.
"""

from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

READY: Final = "Ready"
RECONCILING: Final = "Reconciling"
STALLED: Final = "Stalled"
HEALTHY: Final = "Healthy"

PROGRESSING: Final = "Progressing"
PROGRESSING_WITH_RETRY: Final = "ProgressingWithRetry"
SUCCEEDED: Final = "Succeeded"

MESSAGE_LIMIT: Final = 32_768
"""Bytes of a message; what is longer ends in dots. Source: the same file, maxMessageLength."""
_FIRST: Final = {STALLED: 0, RECONCILING: 1, READY: 2}

Status = dict[str, Any]


class At(NamedTuple):
    """What each condition carries beside its words."""

    generation: int
    now: datetime


def set_condition(status: Status, kind: str, value: str, reason: str, message: str, at: At) -> None:  # noqa: PLR0917 - as it is read
    """Set one condition; `value` is True, False or Unknown. Its time moves when value, reason or message do."""
    conditions = _list(status)
    old = next((found for found in conditions if found.get("type") == kind), None)
    new = {
        "type": kind,
        "status": value,
        "reason": reason,
        "message": _bounded(message),
        "observedGeneration": at.generation,
    }
    is_same = old is not None and all(old.get(part) == new[part] for part in ("status", "reason", "message"))
    new["lastTransitionTime"] = old["lastTransitionTime"] if is_same and old else timestamp(at.now)
    others = [found for found in conditions if found is not old]
    status["conditions"] = sorted([*others, new], key=_place)


def mark_reconciling(status: Status, reason: str, message: str, at: At) -> None:
    """Work is under way: nothing is stalled then."""
    remove(status, STALLED)
    set_condition(status, RECONCILING, "True", reason, message, at)


def mark_stalled(status: Status, reason: str, message: str, at: At) -> None:
    """Only a new input helps: nothing is under way then."""
    remove(status, RECONCILING)
    set_condition(status, STALLED, "True", reason, message, at)


def remove(status: Status, *kinds: str) -> None:
    """Remove conditions, those that are there."""
    if "conditions" in status:
        status["conditions"] = [found for found in _list(status) if found.get("type") not in kinds]


def get(status: Status | None, kind: str) -> dict[str, Any] | None:
    """One condition, None when it is not there."""
    return next((found for found in _list(status or {}) if found.get("type") == kind), None)


def is_true(status: Status | None, kind: str) -> bool:
    """Whether a condition is there and says True."""
    found = get(status, kind)
    return found is not None and found.get("status") == "True"


def timestamp(moment: datetime) -> str:
    """A point in time as metav1.Time writes it: RFC 3339, UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _list(status: Status) -> list[dict[str, Any]]:
    """The conditions; what has not the shape of one is left out: the API server would refuse it again."""
    present = status.get("conditions")
    return [found for found in present if isinstance(found, dict)] if isinstance(present, list) else []


def _place(condition: dict[str, Any]) -> tuple[int, int, str]:
    """Stalled, Reconciling and Ready come first, then those of the newest generation, by name."""
    kind = condition.get("type", "")
    if kind in _FIRST:
        return _FIRST[kind], 0, kind
    return len(_FIRST), -int(condition.get("observedGeneration") or 0), kind


def _bounded(message: str) -> str:
    encoded = message.encode(errors="replace")
    if len(encoded) <= MESSAGE_LIMIT:
        return message
    return encoded[: MESSAGE_LIMIT - 3].decode(errors="ignore") + "..."
