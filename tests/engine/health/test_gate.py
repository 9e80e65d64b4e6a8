"""What holds a wave, when it stops to, and in which words."""

from typing import NamedTuple

import pytest

from engine.health.gate import GateState, look
from engine.health.verdict import CURRENT, NOT_FOUND, Health, Verdict
from engine.kube.refs import ObjectRef

A, B = ObjectRef("apps", "Deployment", "n", "a"), ObjectRef("", "Namespace", "", "b")
IN_PROGRESS = Verdict(Health.IN_PROGRESS, "Ready: 0/1")
FAILED = Verdict(Health.FAILED, "Progress deadline exceeded")
UNKNOWN = Verdict(Health.UNKNOWN, "unknown phase Odd")


class Gate(NamedTuple):
    refs: tuple[ObjectRef, ...] = (A, B)
    kind: str = "healthy"


def state(a: Verdict | None, b: Verdict | None = CURRENT, gate: Gate | None = None, **options: bool) -> GateState:
    return look(gate or Gate(), {A: a, B: b}.get, **options)


def test_all_current_opens_the_gate() -> None:
    assert state(CURRENT) == GateState(is_passed=True)


def test_no_objects_or_no_condition_open_the_gate() -> None:
    assert state(None, gate=Gate(())).is_passed
    assert state(FAILED, gate=Gate(kind="none")).is_passed


@pytest.mark.parametrize(
    "verdict", [None, IN_PROGRESS, NOT_FOUND, UNKNOWN, Verdict(Health.TERMINATING)], ids=lambda v: v and v.health.value
)
def test_what_may_still_come_is_waited_for(verdict: Verdict | None) -> None:
    assert state(verdict) == GateState(refs=(A,))


def test_the_first_failure_ends_the_wait_and_names_only_what_failed() -> None:
    assert state(FAILED, IN_PROGRESS).failure == (
        "failed early due to stalled resources: [Deployment/n/a status: 'Failed']"
    )


def test_a_failure_does_not_end_the_wait_while_others_may_change_if_so_wanted() -> None:
    assert state(FAILED, IN_PROGRESS, fails_fast=False) == GateState(refs=(B,))
    assert state(FAILED, CURRENT, fails_fast=False).is_failed


def test_the_deadline_names_all_that_are_not_current() -> None:
    assert state(FAILED, NOT_FOUND, is_late=True).failure == (
        "timeout waiting for: [Deployment/n/a status: 'Failed', Namespace/b status: 'NotFound']"
    )


def test_the_deadline_says_why_an_object_cannot_be_judged() -> None:
    assert state(UNKNOWN, None, is_late=True).failure == (
        "timeout waiting for: [Deployment/n/a status: 'Unknown': unknown phase Odd, "
        "can't determine status for Namespace/b]"
    )


def test_a_job_that_removes_itself_is_done_when_it_is_gone() -> None:
    assert look(Gate(), {A: NOT_FOUND, B: CURRENT}.get, may_vanish=[A]).is_passed


def test_a_gate_of_existence_asks_for_no_health() -> None:
    gate = Gate(kind="exists")
    assert state(FAILED, IN_PROGRESS, gate).is_passed
    assert state(NOT_FOUND, None, gate).refs == (A, B)
    assert state(NOT_FOUND, CURRENT, gate, is_late=True).failure == (
        "timeout waiting for: [Deployment/n/a status: 'NotFound']"
    )
