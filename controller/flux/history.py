"""The last attempts of a Kustomization, as its status keeps them. Pure.

Source: fluxcd/pkg apis/meta/history.go.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from controller.flux.conditions import timestamp

LIMIT: Final = 5


class Attempt:
    """One attempt: what was delivered, how it ended, when and how long it took."""

    __slots__ = ("at", "digest", "metadata", "status", "took")

    def __init__(self, digest: str, status: str, at: datetime, took: timedelta, metadata: Mapping[str, str]) -> None:
        self.digest = digest
        self.status = status
        self.at = at
        self.took = took
        self.metadata = metadata


def with_attempt(history: object, attempt: Attempt, duration: str) -> list[dict[str, Any]]:
    """The history with one attempt more, the newest first: one of the same digest and status is counted up.

    `duration` is how long it took, in Go's spelling.
    """
    entries = [dict(found) for found in history if isinstance(found, dict)] if isinstance(history, list) else []
    now = timestamp(attempt.at)
    same = next(
        (
            found
            for found in entries
            if (found.get("digest"), found.get("lastReconciledStatus")) == (attempt.digest, attempt.status)
        ),
        None,
    )
    entry = {
        "digest": attempt.digest,
        "firstReconciled": (same or {}).get("firstReconciled") or now,
        "lastReconciled": now,
        "lastReconciledDuration": duration,
        "lastReconciledStatus": attempt.status,
        "totalReconciliations": int((same or {}).get("totalReconciliations") or 0) + 1,
        "metadata": dict(attempt.metadata),
    }
    return [entry, *(found for found in entries if found is not same)][:LIMIT]
