"""Verdicts that kinds with rules get, beyond what Flux's code is asked for; and which verdict weighs most."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engine.health.rules import judge, needs_whole
from engine.health.verdict import CURRENT, NOT_FOUND, Health, Verdict, worst_of
from engine.health.workloads import is_broken_pod, with_pods

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def pod(status: dict[str, Any], age_seconds: float = 60, **metadata: Any) -> dict[str, Any]:
    created = (NOW - timedelta(seconds=age_seconds)).isoformat().replace("+00:00", "Z")
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"creationTimestamp": created, **metadata}, "status": status}


UNSCHEDULABLE = {
    "phase": "Pending",
    "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}],
}
CRASHING = {
    "phase": "Running",
    "containerStatuses": [{"name": "c", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}],
}


def test_a_pod_without_a_node_fails_after_fifteen_seconds() -> None:
    assert judge(pod(UNSCHEDULABLE, 14), now=NOW) == Verdict(Health.IN_PROGRESS, "Pod has not been scheduled")
    assert judge(pod(UNSCHEDULABLE, 15), now=NOW) == Verdict(Health.FAILED, "Pod could not be scheduled")


def test_pods_that_crash_fail_the_controller_that_is_not_done() -> None:
    assert is_broken_pod(pod(CRASHING), NOW)
    assert with_pods(Verdict(Health.IN_PROGRESS, "Ready: 0/1"), 2) == Verdict(Health.FAILED, "2 pods have failed")
    assert with_pods(CURRENT, 2) == CURRENT


@pytest.mark.parametrize(
    "harmless",
    [pod(CRASHING, deletionTimestamp="2026-01-01T00:00:00Z"), pod(UNSCHEDULABLE)],
    ids=["leaving", "no node"],
)
def test_pods_that_leave_or_wait_for_a_node_fail_nobody(harmless: dict[str, Any]) -> None:
    assert not is_broken_pod(harmless, NOW)


def test_what_is_known_from_metadata_is_judged_alike_without_the_rest() -> None:
    for kind in ("ConfigMap", "Secret"):
        whole = {"apiVersion": "v1", "kind": kind, "metadata": {"name": "a"}, "data": {"a": "b"}}
        assert not needs_whole("", kind)
        assert judge({**whole, "data": None}) == judge(whole)
    assert needs_whole("apps", "Deployment")
    assert needs_whole("example.org", "Secret")


def test_an_object_of_any_shape_gets_a_verdict() -> None:
    for obj in (
        {},
        {"metadata": None},
        {"status": "odd"},
        {"kind": 7, "apiVersion": []},
        {"metadata": {"generation": "1"}},
    ):
        assert isinstance(judge(obj), Verdict)


def test_failure_weighs_more_than_everything_that_may_still_come() -> None:
    failed, unknown, wait = Verdict(Health.FAILED), Verdict(Health.UNKNOWN), Verdict(Health.IN_PROGRESS)
    assert worst_of([CURRENT, wait, failed, unknown]) == failed
    assert worst_of([CURRENT, wait, NOT_FOUND, unknown]) == unknown
    assert worst_of([CURRENT, wait]) == wait
    assert worst_of([]).health is Health.CURRENT
