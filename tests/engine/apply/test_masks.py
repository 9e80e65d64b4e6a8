"""Secrets as they may be shown."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.diff import Masks


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def secret(**fields: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, **fields}


def test_equal_values_have_equal_masks_however_they_are_written() -> None:
    shown = Masks().shown(secret(data={"a": encoded("hunter2"), "b": encoded("other")}, stringData={"c": "hunter2"}))
    assert shown["data"]["a"] == shown["stringData"]["c"] != shown["data"]["b"]
    assert "hunter2" not in json.dumps(shown)
    assert encoded("hunter2") not in json.dumps(shown)


def test_masks_of_two_runs_cannot_be_compared() -> None:
    one, other = (Masks().shown(secret(stringData={"a": "hunter2"})) for _ in range(2))
    assert one != other


def test_what_sops_encrypted_stays_and_what_kubectl_kept_does_not() -> None:
    kept = {"kubectl.kubernetes.io/last-applied-configuration": '{"data":{"a":"aHVudGVyMg=="}}', "note": "x"}
    sealed = "ENC[AES256_GCM,data:abc=,iv:Zm9v,tag:YmFy,type:str]"
    raw = secret(stringData={"a": sealed}, sops={"mac": "ENC[x]"})
    raw["metadata"] = {"name": "db", "annotations": kept}
    shown = Masks().shown(raw)
    assert shown["stringData"] == raw["stringData"]
    assert shown["metadata"]["annotations"]["note"] == "x"
    assert "aHVudGVyMg" not in json.dumps(shown)


def test_a_value_that_only_looks_encrypted_at_its_beginning_is_masked() -> None:
    for value in ("ENC[hunter2]", "ENC[AES256_GCM,data:hunter2", "ENC[AES256_GCM,data:a,iv:b] hunter2"):
        assert "hunter2" not in json.dumps(Masks().shown(secret(stringData={"a": value})))


def test_other_objects_are_not_touched() -> None:
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"a": "b"}}
    assert Masks().shown(config) is config


def test_a_value_that_came_from_a_secret_is_hidden_everywhere() -> None:
    masks = Masks()
    masks.hide("hunter2")
    masks.hide("hunter22")
    masks.hide("x")
    assert "hunter" not in masks.text("url: postgres://x:hunter22@db or hunter2")
    assert "postgres://x:" in masks.text("url: postgres://x:hunter22@db")


@pytest.mark.parametrize("data", [None, "hunter2", ["hunter2"], {"a": None}, {"a": 7}, {"a": ["hunter2"]}, {"a": "%%"}])
def test_a_secret_of_any_shape_can_be_shown(data: Any) -> None:
    assert "hunter2" not in json.dumps(Masks().shown(secret(data=data, metadata=data)).get("data"))


@given(st.text(alphabet="ghijlnopqrtuvwxyzGHIXYZ/+=:", min_size=8))
def test_no_value_is_in_its_mask(value: str) -> None:
    assert value not in json.dumps(Masks().shown(secret(stringData={"a": value}))["stringData"])
