"""What the survey says of one SealedSecret and its Secret: each state, and never a value."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from controller.adopt.survey import State, differences, judge
from controller.settings import Settings, Unsealing
from controller.target import MANAGED
from sealer.keys import SealingKey, generate
from sealer.ring import KeyRing
from sealer.sealedsecret import parse, seal_secret, unseal_secret

NOW = datetime(2026, 5, 1, tzinfo=UTC)
SETTINGS = Settings(namespace="kube-system", identity="test")
VALUE = "of-the-sea"


def _key() -> SealingKey:
    return generate(2048, ttl=timedelta(days=1), common_name="", now=datetime.now(UTC))


RING = KeyRing([_key()])


def _sealed(synced: str | None = "True", namespace: str = "shop", name: str = "db", **secret: Any) -> dict[str, Any]:
    data = {"password": base64.b64encode(VALUE.encode()).decode()}
    metadata = {"name": name, "namespace": namespace}
    raw = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data, **secret}
    sealed = seal_secret(raw, RING.newest.private_key.public_key())
    sealed["metadata"] |= {"uid": "1", "generation": 3}
    if synced is not None:
        sealed["status"] = {"observedGeneration": 3, "conditions": [{"type": "Synced", "status": synced}]}
    return sealed


def _live(sealed: dict[str, Any], **changes: Any) -> dict[str, Any]:
    parsed = parse(sealed)
    built = unseal_secret(parsed, RING, owner_reference=parsed.owner_reference()).secret
    return {**built, "metadata": {**built["metadata"], "uid": "2"}, **changes}


def test_a_secret_that_is_right_needs_nothing() -> None:
    sealed = _sealed()
    found = judge(sealed, _live(sealed), RING, SETTINGS, NOW)
    assert (found.state, found.is_change, found.ref) == (State.RIGHT, False, "SealedSecret/shop/db")


def test_an_edited_secret_is_named_with_the_items_that_differ_and_no_value() -> None:
    sealed = _sealed()
    found = judge(sealed, _live(sealed, data={"password": "b3RoZXI=", "more": "eA=="}), RING, SETTINGS, NOW)
    assert (found.state, found.is_change, found.breaks) == (State.CHANGED, True, False)
    assert found.detail == "item more removed; item password changed"
    assert VALUE not in repr(found)
    assert "other" not in repr(found)


def test_differences_name_labels_annotations_and_the_owner() -> None:
    before = {"metadata": {"labels": {"a": "1"}, "annotations": {"b": "1"}}}
    after = {"metadata": {"labels": {"a": "2"}, "ownerReferences": [{"uid": "1"}]}, "data": {"c": "eA=="}}
    assert [*differences(before, after)] == [
        "item c added",
        "label a changed",
        "annotation b removed",
        "owner changed",
    ]


def test_a_missing_secret_would_be_created() -> None:
    found = judge(_sealed(), None, RING, SETTINGS, NOW)
    assert (found.state, found.is_change) == (State.CREATED, True)


def test_a_secret_of_somebody_else_stays_and_its_status_is_judged_alone() -> None:
    sealed = _sealed("False")
    sealed["status"]["conditions"][0]["message"] = (
        'failed update: Resource "db" already exists and is not managed by SealedSecret'
    )
    theirs = {"metadata": {"name": "db", "namespace": "shop", "uid": "2"}, "data": {}}
    found = judge(sealed, theirs, RING, SETTINGS, NOW)
    assert (found.state, found.is_change, found.breaks) == (State.UNMANAGED, False, False)


def test_a_secret_that_gives_itself_up_is_taken_over() -> None:
    sealed = _sealed()
    given = {"metadata": {"name": "db", "namespace": "shop", "uid": "2", "annotations": {MANAGED: "true"}}}
    found = judge(sealed, given, RING, SETTINGS, NOW)
    assert found.state is State.CHANGED
    assert "owner changed" in found.detail


def test_an_immutable_secret_that_differs_would_fail() -> None:
    sealed = _sealed()
    found = judge(sealed, _live(sealed, data={}, immutable=True), RING, SETTINGS, NOW)
    assert (found.state, found.breaks) == (State.FAILED, True)


def test_what_no_key_opens_breaks_what_was_synced() -> None:
    sealed = _sealed()
    found = judge(sealed, _live(sealed), KeyRing([_key()]), SETTINGS, NOW)
    assert (found.state, found.breaks, found.is_change) == (State.FAILED, True, True)
    assert found.detail == "no key could decrypt secret (password)"


def test_what_has_always_failed_in_the_same_words_changes_nothing() -> None:
    sealed = _sealed("False")
    sealed["status"]["conditions"][0]["message"] = "no key could decrypt secret (password)"
    found = judge(sealed, None, KeyRing([_key()]), SETTINGS, NOW)
    assert (found.state, found.breaks, found.is_change) == (State.FAILED, False, False)


@pytest.mark.parametrize("synced", ["False", None])
def test_a_status_that_is_not_so_is_a_change_of_its_own(synced: str | None) -> None:
    sealed = _sealed(synced)
    found = judge(sealed, _live(sealed), RING, SETTINGS, NOW)
    assert (found.state, found.is_change) == (State.STATUS, True)


def test_without_update_status_no_status_changes() -> None:
    settings = Settings(namespace="kube-system", identity="test", unsealing=Unsealing(update_status=False))
    sealed = _sealed(None)
    assert judge(sealed, _live(sealed), RING, settings, NOW).state is State.RIGHT


def test_a_sealed_secret_that_would_be_a_key_fails() -> None:
    found = judge(_sealed(None, "kube-system", "sealed-secrets-keyabcde"), None, RING, SETTINGS, NOW)
    assert (found.state, found.detail) == (State.FAILED, "a SealedSecret never yields a sealing key")


def test_a_template_that_makes_something_new_each_time_keeps_what_it_made() -> None:
    sealed = _sealed()
    sealed["spec"]["template"]["data"] = {"url": "db://{{ .password }}", "token": "{{ randAlphaNum 9 }}"}
    live = _live(sealed)
    assert base64.b64decode(live["data"]["url"]) == f"db://{VALUE}".encode()
    assert judge(sealed, live, RING, SETTINGS, NOW).state is State.RIGHT
    sealed["metadata"]["generation"] += 1
    assert judge(sealed, live, RING, SETTINGS, NOW).detail == "item token changed"


def test_a_template_that_fails_says_no_value() -> None:
    sealed = _sealed()
    sealed["spec"]["template"]["data"] = {"url": "{{ fail .password }}"}
    found = judge(sealed, None, RING, SETTINGS, NOW)
    assert (found.state, found.breaks) == (State.FAILED, True)
    assert VALUE not in repr(found)
