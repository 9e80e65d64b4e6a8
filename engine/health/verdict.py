"""Health and Verdict: what is said of one object, and which of several weighs most."""

from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple


class Health(Enum):
    """How an object stands. The values are the words of kstatus, which users know from messages of Flux.

    Source: kubernetes-sigs/cli-utils pkg/kstatus/status/status.go.
    """

    IN_PROGRESS = "InProgress"
    FAILED = "Failed"
    CURRENT = "Current"
    TERMINATING = "Terminating"
    NOT_FOUND = "NotFound"
    UNKNOWN = "Unknown"


class Verdict(NamedTuple):
    """The judgement on one object. For UNKNOWN the message is the cause: the object cannot be judged."""

    health: Health
    message: str = ""


CURRENT = Verdict(Health.CURRENT, "Resource is current")
NOT_FOUND = Verdict(Health.NOT_FOUND, "Resource not found")

_WEIGHTS = {
    Health.FAILED: 5,
    Health.UNKNOWN: 4,
    Health.NOT_FOUND: 3,
    Health.TERMINATING: 2,
    Health.IN_PROGRESS: 1,
    Health.CURRENT: 0,
}


def worst_of(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict that weighs most, the first of equals; CURRENT for none.

    Failed before unknown before everything that may still come, as kstatus aggregates; among the latter what is
    missing comes before what is going and what is under way.
    Source: kubernetes-sigs/cli-utils pkg/kstatus/polling/aggregator/aggregator.go, AggregateStatus.
    """
    return max(verdicts, key=lambda verdict: _WEIGHTS[verdict.health], default=CURRENT)
