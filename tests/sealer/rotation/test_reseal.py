"""A SealedSecret is brought under the newest key with its values, its binding and its template as they were."""

from collections.abc import Callable
from typing import Any

import pytest

from sealer import box
from sealer.errors import UnsealError
from sealer.keys import SealingKey
from sealer.ring import KeyRing
from sealer.rotation.resealer import Offline
from sealer.scope import Scope
from sealer.sealedsecret import open_items, parse

Raw = dict[str, Any]


@pytest.mark.parametrize("scope", list(Scope))
def test_every_value_opens_with_the_newest_key_alone(
    sealed: Callable[..., Raw], ring: KeyRing, new_key: SealingKey, old_key: SealingKey, scope: Scope
) -> None:
    raw = sealed(scope=scope)
    before = open_items(parse(raw), ring)
    done = Offline(ring, new_key).reseal(raw)
    assert set(done.opened_by.values()) == {old_key.fingerprint}
    raw["spec"]["encryptedData"] = dict(done.new)
    after = open_items(parse(raw), KeyRing([new_key]))
    assert {key: item.value for key, item in after.items()} == {key: item.value for key, item in before.items()}


def test_items_of_the_newest_key_keep_their_ciphertext(
    sealed: Callable[..., Raw], ring: KeyRing, new_key: SealingKey
) -> None:
    raw = sealed(a="1")
    raw["spec"]["encryptedData"]["b"] = sealed(key=new_key, b="2")["spec"]["encryptedData"]["b"]
    done = Offline(ring, new_key).reseal(raw)
    assert set(done.new) == {"a"}
    assert done.opened_by["b"] == new_key.fingerprint


def test_a_template_wider_than_its_object_keeps_the_scope_of_the_object_and_is_not_rendered(
    sealed: Callable[..., Raw], ring: KeyRing, new_key: SealingKey
) -> None:
    raw = sealed()
    raw["spec"]["template"]["metadata"]["annotations"] = {"sealedsecrets.bitnami.com/cluster-wide": "true"}
    raw["spec"]["template"]["data"] = {"url": "{{ fail .password }}"}
    raw["spec"]["encryptedData"] = dict(Offline(ring, new_key).reseal(raw).new)
    assert open_items(parse(raw), ring)["password"].value == b"hunter2"
    raw["metadata"]["name"] = "other"
    with pytest.raises(UnsealError):
        open_items(parse(raw), ring)


def test_all_that_does_not_open_is_named_at_once(
    sealed: Callable[..., Raw], make_key: Callable[..., SealingKey], ring: KeyRing, new_key: SealingKey
) -> None:
    raw = sealed(a="1", b="2")
    raw["spec"]["encryptedData"] |= {"b": "!", "c": 5, "d": sealed(key=make_key(), d="x")["spec"]["encryptedData"]["d"]}
    with pytest.raises(UnsealError) as caught:
        Offline(ring, new_key).reseal(raw)
    assert set(caught.value.failures) == {"b", "c", "d"}


def test_the_single_value_of_the_deprecated_form_stays_one(
    sealed: Callable[..., Raw], ring: KeyRing, new_key: SealingKey, old_key: SealingKey
) -> None:
    raw = sealed(a='{"kind": "Secret"}')
    raw["spec"] = {"data": raw["spec"]["encryptedData"]["a"]}
    done = Offline(ring, new_key).reseal(raw)
    assert done.opened_by == {"data": old_key.fingerprint}
    raw["spec"] = {"encryptedData": done.new}
    assert open_items(parse(raw), KeyRing([new_key]))["data"].value == b'{"kind": "Secret"}'


def test_a_ciphertext_that_does_not_open_again_is_no_success(
    sealed: Callable[..., Raw], ring: KeyRing, new_key: SealingKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw, whole = sealed(), box.seal
    monkeypatch.setattr(box, "seal", lambda value, key, label: whole(value + b"!", key, label))
    with pytest.raises(UnsealError, match="does not open to the same value"):
        Offline(ring, new_key).reseal(raw)
