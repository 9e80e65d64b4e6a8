"""When a live object is suspected of having been changed by somebody else."""

from typing import Any, NamedTuple

import pytest

from engine.drift import is_suspicious
from engine.health.verdict import CURRENT, Health, Verdict
from engine.observed import Observed, marks_of, observed_of


class Record(NamedTuple):
    uid: str = "u"
    version: str = "10"
    generation: int = 3
    marks: bytes = marks_of({})


SEEN = Observed("u", "10", 3, marks_of({}), CURRENT)


def test_what_we_applied_is_above_suspicion() -> None:
    assert not is_suspicious(Record(), SEEN)


def test_a_change_of_the_status_alone_is_none() -> None:
    after = SEEN._replace(version="11", verdict=Verdict(Health.FAILED, "why"))
    assert not is_suspicious(Record(), after)


@pytest.mark.parametrize(
    "seen",
    [
        None,
        SEEN._replace(uid="other"),
        SEEN._replace(generation=4),
        SEEN._replace(generation=2),
        SEEN._replace(marks=marks_of({"labels": {"a": "b"}})),
        SEEN._replace(marks=marks_of({"annotations": {"a": "b"}})),
    ],
    ids=["vanished", "made anew", "newer spec", "older spec", "labels", "annotations"],
)
def test_it_is_suspicious_when(seen: Observed | None) -> None:
    assert is_suspicious(Record(), seen)


def test_any_write_is_suspicious_for_kinds_without_a_generation() -> None:
    record, seen = Record(generation=0), SEEN._replace(generation=0)
    assert not is_suspicious(record, seen)
    assert is_suspicious(record, seen._replace(version="11"))


def test_labels_and_annotations_are_told_apart_and_their_order_is_not() -> None:
    assert marks_of({"labels": {"a": "b"}}) != marks_of({"annotations": {"a": "b"}})
    assert marks_of({"labels": {"a": "1", "b": "2"}}) == marks_of({"labels": {"b": "2", "a": "1"}})
    assert marks_of({"labels": None}) == marks_of({})


def test_the_copy_that_kubectl_keeps_counts_only_by_its_presence() -> None:
    key = "kubectl.kubernetes.io/last-applied-configuration"
    assert marks_of({"annotations": {key: "secret"}}) == marks_of({"annotations": {key: "other"}})
    assert marks_of({"annotations": {key: "secret"}}) != marks_of({})


def test_an_observed_object_keeps_nothing_of_its_content() -> None:
    obj: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"uid": "u", "resourceVersion": "1", "name": "s", "annotations": {"a": "planted"}},
        "data": {"k": "planted"},
    }
    assert "planted" not in repr(observed_of(obj))
    assert observed_of(obj).generation == 0


def quota(hard: str, used: str, version: str = "10") -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "pods", "uid": "u", "resourceVersion": version},
        "spec": {"hard": {"pods": hard}},
        "status": {"used": {"pods": used}},
    }


def test_a_status_of_a_kind_without_generation_is_no_drift() -> None:
    applied = observed_of(quota("10", "1"))
    assert not is_suspicious(applied, observed_of(quota("10", "2", "11")))
    assert is_suspicious(applied, observed_of(quota("12", "1", "11")))
    assert is_suspicious(applied, None)


def test_any_write_of_a_secret_is_suspicious_and_no_digest_of_it_is_kept() -> None:
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s", "uid": "u", "resourceVersion": "1"},
        "data": {"a": "Yg=="},
    }
    applied = observed_of(secret)
    assert applied.marks == marks_of({})
    assert is_suspicious(applied, applied._replace(version="2"))
