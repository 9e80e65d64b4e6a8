"""Conditions of Flux's kinds: order, transition times, and what excludes what."""

from datetime import UTC, datetime, timedelta

import pytest

from controller.flux import conditions
from controller.flux.conditions import READY, RECONCILING, STALLED, At

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
AT = At(3, NOW)
LATER = At(4, NOW + timedelta(minutes=1))


def kinds(status: dict) -> list[str]:
    return [found["type"] for found in status["conditions"]]


def test_a_condition_carries_its_words_its_generation_and_its_time() -> None:
    status: dict = {}
    conditions.set_condition(status, READY, "True", "Succeeded", "all is well", AT)
    assert status["conditions"] == [
        {
            "type": "Ready",
            "status": "True",
            "reason": "Succeeded",
            "message": "all is well",
            "observedGeneration": 3,
            "lastTransitionTime": "2026-11-01T12:00:00Z",
        }
    ]


def test_the_same_words_keep_their_time_and_take_the_new_generation() -> None:
    status: dict = {}
    conditions.set_condition(status, READY, "True", "Succeeded", "all is well", AT)
    conditions.set_condition(status, READY, "True", "Succeeded", "all is well", LATER)
    found = conditions.get(status, READY)
    assert found is not None
    assert (found["lastTransitionTime"], found["observedGeneration"]) == ("2026-11-01T12:00:00Z", 4)


@pytest.mark.parametrize(
    ("value", "reason", "message"),
    [("False", "Succeeded", "all is well"), ("True", "Other", "all is well"), ("True", "Succeeded", "better")],
)
def test_any_new_word_moves_the_time(value: str, reason: str, message: str) -> None:
    status: dict = {}
    conditions.set_condition(status, READY, "True", "Succeeded", "all is well", AT)
    conditions.set_condition(status, READY, value, reason, message, LATER)
    found = conditions.get(status, READY)
    assert found is not None
    assert found["lastTransitionTime"] == "2026-11-01T12:01:00Z"


def test_stalled_reconciling_and_ready_stand_first() -> None:
    status: dict = {}
    for kind in ("Healthy", READY, "ArtifactInStorage", RECONCILING):
        conditions.set_condition(status, kind, "True", "R", "m", AT)
    assert kinds(status) == [RECONCILING, READY, "ArtifactInStorage", "Healthy"]


def test_conditions_of_the_newest_generation_stand_before_older_ones() -> None:
    status: dict = {}
    conditions.set_condition(status, "Alpha", "True", "R", "m", AT)
    conditions.set_condition(status, "Beta", "True", "R", "m", LATER)
    assert kinds(status) == ["Beta", "Alpha"]


def test_what_is_stalled_is_not_under_way_and_the_other_way_round() -> None:
    status: dict = {}
    conditions.mark_reconciling(status, "Progressing", "m", AT)
    conditions.mark_stalled(status, "Bad", "m", AT)
    assert kinds(status) == [STALLED]
    conditions.mark_reconciling(status, "Progressing", "m", AT)
    assert kinds(status) == [RECONCILING]


def test_conditions_of_others_stay() -> None:
    status = {"conditions": [{"type": "Foreign", "status": "True", "reason": "R", "message": "m"}]}
    conditions.set_condition(status, READY, "True", "R", "m", AT)
    conditions.remove(status, READY, "Absent")
    assert kinds(status) == ["Foreign"]


def test_what_is_no_condition_is_left_out_when_one_is_set() -> None:
    status: dict = {"conditions": ["nonsense", None]}
    conditions.set_condition(status, READY, "True", "R", "m", AT)
    assert kinds(status) == [READY]


def test_a_message_is_cut_at_the_limit_of_the_api() -> None:
    status: dict = {}
    conditions.set_condition(status, READY, "False", "R", "ä" * 40_000, AT)
    found = conditions.get(status, READY)
    assert found is not None
    assert len(found["message"].encode()) <= conditions.MESSAGE_LIMIT
    assert found["message"].endswith("...")
