"""Which view of an object counts: that of the watches, or what this pass has just seen itself."""

from typing import Any, cast

from engine.health.verdict import NOT_FOUND, Health, Verdict
from engine.kube.client import Cluster
from engine.kube.discovery import Discovery
from engine.kube.errors import Forbidden, NotFound
from engine.kube.refs import ObjectRef, Resource
from engine.live import Live, Sight
from engine.observer import Observed, Observer
from engine.records import Record, Records

REF = ObjectRef("apps", "Deployment", "n", "web")
GOING = Verdict(Health.IN_PROGRESS)
GOOD = Verdict(Health.CURRENT)


class Seen:
    """What an observer would say: one object, or none."""

    def __init__(self, observed: Observed | None, *, is_synced: bool = True) -> None:
        self.observed = observed
        self._is_synced = is_synced

    def is_synced(self, *_: str) -> bool:
        return self._is_synced

    def get(self, _: ObjectRef) -> Observed | None:
        return self.observed


class Asked:
    """A cluster that answers a GET with one thing."""

    def __init__(self, answer: Any = None) -> None:
        self.answer = answer
        self.count = 0

    def find(self, *_: object) -> Resource:
        return Resource("apps", "v1", "deployments", "Deployment")

    def get(self, *_: object) -> Any:
        self.count += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def live(seen: Seen | None, asked: Asked) -> Live:
    cluster, discovery, observer = cast(Cluster, asked), cast(Discovery, asked), cast(Observer, seen)
    return Live(cluster, discovery=discovery, observer=observer, records=Records(None))


def observed(version: str, verdict: Verdict = GOOD, uid: str = "u", generation: int = 1) -> Observed:
    return Observed(uid, version, generation, b"", verdict)


def sight(version: str, verdict: Verdict = GOING, uid: str = "u", generation: int = 1) -> Sight:
    return Sight(Record(b"", uid, version, generation, b""), verdict)


def test_the_watches_say_it_without_a_request() -> None:
    asked = Asked()
    assert live(Seen(observed("5")), asked).verdict("o", REF) == GOOD
    assert live(Seen(None), asked).verdict("o", REF) == NOT_FOUND
    assert asked.count == 0


def test_what_a_watch_told_before_our_own_write_does_not_count() -> None:
    assert live(Seen(observed("9")), Asked()).verdict("o", REF, sight("10")) == GOING
    assert live(Seen(observed("10")), Asked()).verdict("o", REF, sight("9")) == GOOD


def test_an_object_that_was_made_anew_by_us_is_not_judged_by_its_predecessor() -> None:
    assert live(Seen(observed("9", uid="old")), Asked()).verdict("o", REF, sight("10")) == GOING


def test_where_versions_are_no_numbers_identity_and_generation_count() -> None:
    assert live(Seen(observed("x", generation=1)), Asked()).verdict("o", REF, sight("y", generation=2)) == GOING
    assert live(Seen(observed("x", generation=2)), Asked()).verdict("o", REF, sight("y", generation=2)) == GOOD


def test_an_object_that_no_watch_has_told_of_yet_is_asked_for() -> None:
    asked = Asked({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}})
    assert live(Seen(None), asked).verdict("o", REF, sight("10")).health is Health.CURRENT
    assert asked.count == 1


def test_without_watches_what_was_healthy_when_we_saw_it_is_not_asked_for_again() -> None:
    asked = Asked(NotFound("x: not found"))
    assert live(None, asked).verdict("o", REF, sight("10", GOOD)) == GOOD
    assert live(None, asked).verdict("o", REF, sight("10", GOING)) == NOT_FOUND
    assert asked.count == 1


def test_what_cannot_be_asked_is_unknown_with_the_cause() -> None:
    verdict = live(Seen(None, is_synced=False), Asked(Forbidden("x: forbidden"))).verdict("o", REF)
    assert verdict == Verdict(Health.UNKNOWN, "x: forbidden")


def test_rules_of_an_owner_judge_its_own_objects_only() -> None:
    class Rules:
        def covers(self, group: str, kind: str) -> bool:
            return (group, kind) == ("apps", "Deployment")

        def verdict(self, _: object) -> Verdict | None:
            return Verdict(Health.FAILED)

    asked = Asked({"metadata": {}})
    found = live(Seen(observed("5")), asked)
    found.judge_by("o", Rules())
    assert found.verdict("o", REF).health is Health.FAILED
    assert found.verdict("other", REF) == GOOD
    found.judge_by("o", None)
    assert found.verdict("o", REF) == GOOD
