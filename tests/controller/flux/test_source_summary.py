"""Which of a source's conditions gives Ready its words."""

from datetime import UTC, datetime

import pytest

from controller.flux import conditions
from controller.flux.conditions import READY, RECONCILING, STALLED, At, Status
from controller.flux.summary import (
    FETCH_FAILED,
    IN_STORAGE,
    INCLUDE_UNAVAILABLE,
    OUTDATED,
    STORAGE_FAILED,
    VERIFIED,
    summarize,
)

AT = At(3, datetime(2026, 1, 2, tzinfo=UTC))


def ready_of(*held: tuple[str, str]) -> tuple[str, str] | None:
    status: Status = {}
    for kind, value in held:
        conditions.set_condition(status, kind, value, f"Because{kind}", f"words of {kind}", AT)
    summarize(status, AT)
    found = conditions.get(status, READY)
    if found is None:
        return None
    kind = found["message"].removeprefix("words of ")
    assert (found["reason"], found["observedGeneration"]) == (f"Because{kind}", 3)
    return found["status"], kind


@pytest.mark.parametrize(
    ("held", "ready"),
    [
        ([(IN_STORAGE, "True")], ("True", IN_STORAGE)),
        ([(VERIFIED, "True"), (IN_STORAGE, "True")], ("True", IN_STORAGE)),
        ([(IN_STORAGE, "True"), (FETCH_FAILED, "True")], ("False", FETCH_FAILED)),
        ([(FETCH_FAILED, "True"), (STORAGE_FAILED, "True")], ("False", STORAGE_FAILED)),
        ([(INCLUDE_UNAVAILABLE, "True"), (RECONCILING, "True")], ("False", INCLUDE_UNAVAILABLE)),
        ([(OUTDATED, "True"), (STORAGE_FAILED, "True")], ("False", STORAGE_FAILED)),
        ([(STALLED, "True"), (FETCH_FAILED, "True")], ("False", FETCH_FAILED)),
        ([(IN_STORAGE, "True"), (RECONCILING, "True")], ("False", RECONCILING)),
        ([(IN_STORAGE, "True"), (RECONCILING, "True"), (VERIFIED, "False")], ("False", VERIFIED)),
        ([], None),
    ],
)
def test_the_worst_condition_speaks(held: list[tuple[str, str]], ready: tuple[str, str] | None) -> None:
    assert ready_of(*held) == ready
