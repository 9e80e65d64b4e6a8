"""The Synced condition: when it is written and what it says."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from controller.runtime.conditions import synced_status, timestamp
from controller.runtime.outcome import Outcome

NOW = datetime(2026, 7, 29, 12, 30, 45, 999_999, tzinfo=UTC)
EARLIER = "2026-01-01T00:00:00Z"
READY = Outcome(ready=True)
BROKEN = Outcome(ready=False, message="no key opens it")


def status(value: str, *, message: str | None = None, generation: int = 1, **extra: Any) -> dict[str, Any]:
    condition = {"type": "Synced", "status": value, "lastUpdateTime": EARLIER, "lastTransitionTime": EARLIER}
    if message is not None:
        condition["message"] = message
    return {"observedGeneration": generation, "conditions": [condition], **extra}


@pytest.mark.parametrize("nothing", [None, {}, {"conditions": None}, {"conditions": []}, {"conditions": "broken"}])
def test_a_first_status_has_equal_times_and_no_message_when_ready(nothing: dict[str, Any] | None) -> None:
    assert synced_status(nothing, READY, 1, NOW) == {
        "observedGeneration": 1,
        "conditions": [
            {
                "type": "Synced",
                "status": "True",
                "lastUpdateTime": "2026-07-29T12:30:45Z",
                "lastTransitionTime": "2026-07-29T12:30:45Z",
            }
        ],
    }


@pytest.mark.parametrize(
    ("old", "outcome"),
    [
        (status("True"), READY),
        (status("True", message=""), READY),
        (status("False", message="no key opens it"), BROKEN),
    ],
)
def test_what_is_said_already_is_not_written_again(old: dict[str, Any], outcome: Outcome) -> None:
    assert synced_status(old, outcome, 1, NOW) is None


@pytest.mark.parametrize(
    ("old", "outcome", "generation"),
    [
        (status("True"), READY, 2),
        (status("False", message="no key opens it"), BROKEN, 2),
        (status("False", message="something else"), BROKEN, 1),
    ],
)
def test_news_without_a_transition_keeps_the_transition_time(
    old: dict[str, Any], outcome: Outcome, generation: int
) -> None:
    new = synced_status(old, outcome, generation, NOW)
    assert new is not None
    (condition,) = new["conditions"]
    assert condition["lastTransitionTime"] == EARLIER
    assert condition["lastUpdateTime"] == timestamp(NOW)
    assert condition.get("message", "") == outcome.message
    assert new["observedGeneration"] == generation


@pytest.mark.parametrize(("old", "outcome"), [(status("True"), BROKEN), (status("False", message="x"), READY)])
def test_a_transition_moves_both_times(old: dict[str, Any], outcome: Outcome) -> None:
    new = synced_status(old, outcome, 1, NOW)
    assert new is not None
    (condition,) = new["conditions"]
    assert condition["lastTransitionTime"] == condition["lastUpdateTime"] == timestamp(NOW)
    assert ("message" in condition) is not outcome.ready


def test_foreign_conditions_and_fields_are_kept_behind_ours() -> None:
    foreign = {"type": "Paused", "status": "True"}
    old = status("False", message="x", other=1)
    old["conditions"].insert(0, foreign)
    new = synced_status(old, READY, 1, NOW)
    assert new is not None
    assert [condition["type"] for condition in new["conditions"]] == ["Synced", "Paused"]
    assert new["conditions"][1] == foreign
    assert new["other"] == 1


def test_doubled_conditions_become_one() -> None:
    old = status("False", message="x")
    old["conditions"] *= 2
    new = synced_status(old, BROKEN, 1, NOW)
    assert new is not None
    assert len(new["conditions"]) == 1


def test_the_old_status_is_not_changed() -> None:
    old = status("True")
    synced_status(old, BROKEN, 7, NOW)
    assert old == status("True")


def test_times_are_utc_with_whole_seconds() -> None:
    assert timestamp(NOW.astimezone(timezone(timedelta(hours=2)))) == "2026-07-29T12:30:45Z"
