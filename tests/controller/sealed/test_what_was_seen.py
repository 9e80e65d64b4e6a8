"""What the controller remembers of SealedSecrets and Secrets never goes back in time."""

from typing import Any

import pytest

from controller.sealed.observed import Key, SealedSecrets, is_newer, observe
from controller.sealed.secrets import TRUST_SECONDS, SecretMemory
from controller.target import SecretRecord

KEY = Key("shop", "db")


def a_sealed_secret(version: str = "5", *, uid: str = "u-1", **more: Any) -> dict[str, Any]:
    metadata = {"name": "db", "namespace": "shop", "uid": uid, "resourceVersion": version, "generation": 1}
    metadata |= more.pop("metadata", {})
    return {
        "apiVersion": "bitnami.com/v1alpha1",
        "kind": "SealedSecret",
        "metadata": metadata,
        "spec": {"encryptedData": {"password": "AgA="}},
        **more,
    }


def a_record(version: str, *, uid: str = "s-1", digest: bytes = b"d") -> SecretRecord:
    return SecretRecord(uid, version, "u-1", managed=False, patch=False, written_by_us=True, digest=digest)


def test_an_older_state_does_not_replace_a_newer_one() -> None:
    seen = SealedSecrets()
    seen.put(a_sealed_secret("7", status={"observedGeneration": 1}))
    _, kept, is_new = seen.put(a_sealed_secret("6"))
    assert kept.resource_version == "7"
    assert not is_new


def test_an_object_made_again_replaces_the_one_before_whatever_its_version() -> None:
    seen = SealedSecrets()
    seen.put(a_sealed_secret("7"))
    _, kept, is_new = seen.put(a_sealed_secret("3", uid="u-2"))
    assert kept.uid == "u-2"
    assert is_new


def test_the_answer_of_a_late_write_does_not_bring_a_deleted_object_back() -> None:
    seen = SealedSecrets()
    seen.put(a_sealed_secret("7"))
    seen.drop(KEY)
    seen.refresh(a_sealed_secret("8"))
    assert seen.get(KEY) is None


def test_the_inputs_are_spec_scope_and_identity_and_nothing_else() -> None:
    inputs = observe(a_sealed_secret()).inputs
    wide = {"annotations": {"sealedsecrets.bitnami.com/cluster-wide": "true"}}
    assert observe(a_sealed_secret("9", status={"x": 1}, metadata={"labels": {"a": "b"}})).inputs == inputs
    assert observe(a_sealed_secret(metadata=wide)).inputs != inputs
    assert observe(a_sealed_secret(uid="u-2")).inputs != inputs
    assert observe({**a_sealed_secret(), "spec": {"encryptedData": {"password": "AgB="}}}).inputs != inputs


@pytest.mark.parametrize(
    ("status", "expected"),
    [(None, False), ({}, False), ({"observedGeneration": 0}, False), ({"observedGeneration": 1}, True), ("odd", False)],
)
def test_settled_is_what_was_handled_in_this_generation(status: Any, expected: bool) -> None:
    raw = a_sealed_secret() if status is None else a_sealed_secret(status=status)
    assert observe(raw).settled is expected


def test_managed_fields_are_not_kept() -> None:
    assert b"managedFields" not in observe(a_sealed_secret(metadata={"managedFields": [{"manager": "x"}]})).body


@pytest.mark.parametrize(
    ("version", "than", "expected"),
    [("10", "9", True), ("9", "10", False), ("9", "9", False), ("b", "a", True), ("a", "a", False)],
)
def test_versions_compare_as_numbers(version: str, than: str, expected: bool) -> None:
    assert is_newer(version, than) is expected


def test_a_write_counts_before_the_watch_has_seen_it() -> None:
    memory = SecretMemory()
    memory.wrote(KEY, a_record("8"))
    assert memory.get(KEY) == a_record("8")


def test_the_watch_takes_over_when_it_has_reached_the_write() -> None:
    memory = SecretMemory()
    memory.wrote(KEY, a_record("8", digest=b"ours"))
    memory.saw(KEY, a_record("7", digest=b"before"))
    assert memory.get(KEY) == a_record("8", digest=b"ours")
    memory.saw(KEY, a_record("8", digest=b"ours"))
    memory.saw(KEY, a_record("9", digest=b"edited"))
    assert memory.get(KEY) == a_record("9", digest=b"edited")


@pytest.mark.parametrize(
    "change",
    [
        {"spec": {"encryptedData": {"password": "AgB="}}, "metadata": {"generation": 2}},
        {"metadata": {"generation": 3}},  # changed, and changed back
        {"metadata": {"annotations": {"sealedsecrets.bitnami.com/cluster-wide": "true"}}},
    ],
)
def test_the_answer_of_a_write_does_not_hide_what_somebody_changed_before_it(change: dict[str, Any]) -> None:
    seen = SealedSecrets()
    seen.put(a_sealed_secret("7"))
    seen.refresh(a_sealed_secret("9", **change))
    _, _, is_new = seen.put(a_sealed_secret("8", **change))
    assert is_new


def test_the_answer_of_a_write_makes_its_echo_known() -> None:
    seen = SealedSecrets()
    seen.put(a_sealed_secret("7"))
    seen.refresh(a_sealed_secret("8", status={"observedGeneration": 1}))
    assert seen.knows("shop", "db", "u-1", "8")
    assert not seen.knows("shop", "db", "u-1", "9")
    assert not seen.knows("shop", "db", "u-2", "8")
    assert not seen.knows("shop", "other", "u-1", "8")


def test_the_watch_repeating_a_write_is_no_news_and_everything_else_is() -> None:
    memory = SecretMemory()
    assert memory.saw(KEY, a_record("7"))
    memory.wrote(KEY, a_record("8"))
    assert memory.saw(KEY, a_record("7", digest=b"late"))
    assert not memory.saw(KEY, a_record("8"))
    assert memory.saw(KEY, a_record("9"))
    memory.wrote(KEY, a_record("10"))
    assert memory.saw(KEY, None)


def test_the_deletion_of_an_earlier_secret_does_not_hide_the_one_written_since() -> None:
    memory = SecretMemory()
    memory.saw(KEY, a_record("7", uid="s-1"))
    memory.wrote(KEY, a_record("9", uid="s-2"))
    memory.saw(KEY, None)
    assert memory.get(KEY) == a_record("9", uid="s-2")
    memory.saw(KEY, a_record("9", uid="s-2"))
    memory.saw(KEY, None)
    assert memory.get(KEY) is None


def test_a_write_older_than_what_was_seen_is_not_remembered() -> None:
    memory = SecretMemory()
    memory.saw(KEY, a_record("9"))
    memory.wrote(KEY, a_record("8"))
    assert memory.get(KEY) == a_record("9")


def test_a_write_can_be_forgotten_when_a_request_has_shown_otherwise() -> None:
    memory = SecretMemory()
    memory.wrote(KEY, a_record("8"))
    memory.forget_write(KEY)
    assert memory.get(KEY) is None


def test_a_write_that_the_watch_never_repeats_is_doubted_after_a_while() -> None:
    now = [0.0]
    memory = SecretMemory(clock=lambda: now[0])
    memory.wrote(KEY, a_record("8"))
    now[0] = TRUST_SECONDS - 1
    assert memory.get(KEY) == a_record("8")
    now[0] = TRUST_SECONDS + 1
    assert memory.get(KEY) is None
