"""The status of an object, from what it says already and from the outcome of a reconcile. Pure."""

from datetime import UTC, datetime
from typing import Any, Final

from controller.runtime.outcome import Outcome

SYNCED: Final = "Synced"


def synced_status(
    old_status: dict[str, Any] | None, outcome: Outcome, generation: int, now: datetime
) -> dict[str, Any] | None:
    """The status to write, or None when the old one says it all.

    Something is new when the condition's status, its message or the observed generation differs; times alone never
    are. (The original does not write a new message alone, and so goes on showing an error that has been replaced by
    another.) `lastTransitionTime` moves with the condition's status only. `Synced` stands first, because
    `kubectl get` prints the first condition; conditions and fields of others are kept.
    """
    old = old_status or {}
    conditions = _conditions(old)
    before = next((condition for condition in conditions if condition.get("type") == SYNCED), {})
    status = "True" if outcome.ready else "False"
    same_status = before.get("status") == status
    if (
        same_status
        and before.get("message", "") == outcome.condition_message
        and old.get("observedGeneration") == generation
    ):
        return None
    synced = {
        "type": SYNCED,
        "status": status,
        "lastUpdateTime": timestamp(now),
        "lastTransitionTime": (before.get("lastTransitionTime") if same_status else None) or timestamp(now),
    }
    if outcome.condition_message:
        synced["message"] = outcome.condition_message
    others = [condition for condition in conditions if condition.get("type") != SYNCED]
    return {**old, "observedGeneration": generation, "conditions": [synced, *others]}


def timestamp(moment: datetime) -> str:
    """A point in time as metav1.Time writes it: RFC 3339, UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _conditions(status: dict[str, Any]) -> list[dict[str, Any]]:
    """The conditions present. Whatever has not the shape of one is left out: the API server would refuse it again."""
    present = status.get("conditions")
    if not isinstance(present, list):
        return []
    return [condition for condition in present if isinstance(condition, dict)]
