"""Who fails with which Pods, without a cluster."""

from typing import Any

from engine.health.verdict import Health
from engine.podfailures import PodFailures, broken_labels

KIND = ("apps", "StatefulSet")
KEY = ("n", "s")


def stateful_set(ready: int = 0) -> dict[str, Any]:
    counts = {"replicas": 1, "readyReplicas": ready, "currentReplicas": 1, "updatedReplicas": 1}
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"namespace": "n", "name": "s", "uid": "u", "resourceVersion": "1"},
        "spec": {"selector": {"matchLabels": {"a": "b"}}},
        "status": counts,
    }


def health(failures: PodFailures) -> Health | None:
    judged = failures.judged(KIND, KEY)
    return None if judged is None else judged.verdict.health


def test_pods_matter_only_while_somebody_is_under_way() -> None:
    told: list[bool] = []
    failures = PodFailures(lambda: told.append(failures.are_needed))
    failures.observe(KIND, stateful_set())
    failures.observe(KIND, stateful_set())
    failures.observe(KIND, stateful_set(ready=1))
    assert told == [True, False]
    assert health(failures) is None


def test_only_pods_of_the_namespace_that_the_selector_selects_count() -> None:
    failures = PodFailures(lambda: None)
    failures.observe(KIND, stateful_set())
    assert failures.note("other", "p", {"a": "b"}) == []
    assert failures.note("n", "q", {"a": "c"}) == []
    assert health(failures) is Health.IN_PROGRESS
    assert failures.note("n", "p", {"a": "b"}) == [(KIND, KEY)]
    assert health(failures) is Health.FAILED
    assert failures.note("n", "p", None) == [(KIND, KEY)]
    assert health(failures) is Health.IN_PROGRESS


def test_pods_that_broke_before_count_at_once() -> None:
    failures = PodFailures(lambda: None)
    failures.note("n", "p", {"a": "b"})
    assert failures.observe(KIND, stateful_set()).verdict.message == "1 pods have failed"


def test_of_a_kind_that_is_lost_nothing_is_kept() -> None:
    failures = PodFailures(lambda: None)
    failures.observe(KIND, stateful_set())
    failures.forget_all(KIND)
    assert not failures.are_needed


def test_of_a_pod_that_is_well_nothing_is_kept() -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "labels": {"a": "b"}}}
    assert broken_labels({**pod, "status": {"phase": "Running"}}) is None
    waiting = {"name": "c", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
    assert broken_labels({**pod, "status": {"phase": "Running", "containerStatuses": [waiting]}}) == {"a": "b"}
