"""Resealing changes ciphertext and nothing else."""

import copy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sealer.encoding import decode, encode
from sealer.errors import UnsealError
from sealer.keys import SealingKey, generate
from sealer.reseal import opened_items, reseal
from sealer.ring import KeyRing
from sealer.scope import CLUSTER_WIDE, Scope
from sealer.sealedsecret import parse, seal_secret


def a_key(age_hours: int) -> SealingKey:
    now = datetime.now(UTC) - timedelta(hours=age_hours)
    return generate(2048, ttl=timedelta(days=1), common_name="", now=now)


OLD, NEW = a_key(2), a_key(1)
RING = KeyRing([OLD, NEW])


def sealed(scope: Scope | None = None, **values: bytes) -> dict[str, Any]:
    data = {key: encode(value) for key, value in (values or {"a": b"1", "b": b""}).items()}
    raw = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db", "namespace": "shop"}, "data": data}
    return seal_secret(raw, OLD.private_key.public_key(), scope=scope)


def resealed(raw: dict[str, Any], **options: Any) -> dict[str, Any]:
    return reseal(raw, RING, NEW.private_key.public_key(), **options)


def opened_by(raw: dict[str, Any], key: SealingKey) -> dict[str, bytes]:
    found = dict(opened_items(parse(raw), KeyRing([key])))
    return {name: item.value for name, item in found.items() if not isinstance(item, str)}


@pytest.mark.parametrize("scope", list(Scope))
def test_every_value_opens_by_the_new_key_alone(scope: Scope) -> None:
    raw = sealed(scope)
    anew = resealed(raw)
    assert opened_by(anew, NEW) == {"a": b"1", "b": b""} == opened_by(raw, OLD)
    assert opened_by(anew, OLD) == {}


def test_everything_else_stays_and_the_input_is_not_touched() -> None:
    raw = sealed()
    raw["metadata"] |= {"labels": {"x": "y"}, "unknown": 1}
    raw["spec"]["template"] |= {"data": {"x": "{{ fail .a }}"}, "unknown": [1]}
    raw["spec"]["later"] = True
    raw["status"] = {"observedGeneration": 3}
    before = copy.deepcopy(raw)
    anew = resealed(raw)
    assert raw == before
    assert anew["spec"].pop("encryptedData").keys() == raw["spec"].pop("encryptedData").keys()
    del raw["status"]
    assert anew == raw


def test_a_template_does_not_widen_the_scope() -> None:
    raw = sealed()
    raw["spec"]["template"]["metadata"]["annotations"] = {CLUSTER_WIDE: "true"}
    anew = resealed(raw)
    anew["metadata"]["name"] = "other"
    assert opened_by(anew, NEW) == {}


def test_what_does_not_open_is_named_and_nothing_is_given_back() -> None:
    raw = sealed()
    raw["spec"]["encryptedData"] |= {"c": "AgA=", "d": "!"}
    with pytest.raises(UnsealError) as caught:
        resealed(raw)
    assert set(caught.value.failures) == {"c", "d"}


def test_a_value_that_is_no_string_would_be_lost_so_it_is_refused() -> None:
    raw = sealed()
    raw["spec"]["encryptedData"]["n"] = 1
    with pytest.raises(UnsealError, match=r"the item is no text \(n\)"):
        resealed(raw)


def test_the_deprecated_single_value_stays_one() -> None:
    raw = sealed(a=b'{"data": {}}')
    raw["spec"] = {"data": raw["spec"]["encryptedData"]["a"]}
    anew = resealed(raw)
    assert list(anew["spec"]) == ["data"]
    assert decode(anew["spec"]["data"]) != decode(raw["spec"]["data"])
    assert opened_by(anew, NEW) == {"data": b'{"data": {}}'}
    with pytest.raises(UnsealError, match="using deprecated 'data' field"):
        resealed(raw, accept_v1_data=False)
    raw["spec"]["encryptedData"] = {"a": "Ag"}
    with pytest.raises(UnsealError, match="at the same time"):
        resealed(raw)


def test_somebody_who_has_only_so_much_time_can_end_it() -> None:
    looked = []

    def end() -> None:
        looked.append(1)
        if len(looked) == 2:
            raise TimeoutError

    with pytest.raises(TimeoutError):
        resealed(sealed(), before_each=end)
