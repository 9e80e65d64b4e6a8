"""Secrets that we own stay as their SealedSecret says; what belongs to others stays as they left it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.kit.controlplane import ControlPlane
from tests.kit.ground import Ground, open_ground
from tests.kit.process import wait_until

pytestmark = pytest.mark.cluster


def patch(ground: Ground, name: str, change: dict[str, Any]) -> None:
    ground.plane.kubectl("patch", "secret", name, "--type=merge", "-p", json.dumps(change), namespace=ground.namespace)


def make(ground: Ground, name: str) -> None:
    ground.apply(ground.sealed(name, {"password": b"right"}, template={"labels": {"app": "shop"}}))
    ground.wait_synced(name)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("value", {"data": {"password": "ZWRpdGVk"}}),
        ("item-added", {"data": {"more": "ZWRpdGVk"}}),
        ("item-removed", {"data": {"password": None}}),
        ("label", {"metadata": {"labels": {"app": "edited", "more": "x"}}}),
        ("annotation", {"metadata": {"annotations": {"note": "x"}}}),
        ("owner", {"metadata": {"ownerReferences": []}}),
    ],
)
def test_an_edit_is_repaired(ground: Ground, name: str, change: dict[str, Any]) -> None:
    make(ground, name)
    before = ground.get("secret", name)
    if name == "owner":
        change["metadata"]["annotations"] = {"sealedsecrets.bitnami.com/managed": "true"}
    patch(ground, name, change)

    def is_repaired() -> bool:
        now = ground.get("secret", name)
        kept = ("labels", "annotations", "ownerReferences")
        return now["data"] == before["data"] and all(
            now["metadata"].get(field) == before["metadata"].get(field) for field in kept
        )

    wait_until(is_repaired, "the edit is repaired", limit_seconds=10)


def test_a_secret_that_no_longer_belongs_to_us_is_left_alone_and_reported(ground: Ground) -> None:
    make(ground, "given-away")
    patch(ground, "given-away", {"metadata": {"ownerReferences": None}, "data": {"password": "ZWRpdGVk"}})
    assert "is not managed by SealedSecret" in ground.wait_failed("given-away")
    assert ground.values("given-away") == {"password": b"edited"}


def test_a_deleted_secret_comes_back(ground: Ground) -> None:
    make(ground, "deleted")
    ground.plane.kubectl("delete", "secret", "deleted", namespace=ground.namespace)
    wait_until(lambda: ground.values("deleted") == {"password": b"right"}, "the Secret is back", limit_seconds=10)


def test_a_repair_is_told_and_costs_one_read_and_one_write(ground: Ground) -> None:
    make(ground, "told")
    before = ground.controller.logs.count("action=updated")
    version = int(ground.get("secret", "told")["metadata"]["resourceVersion"])
    patch(ground, "told", {"data": {"password": "ZWRpdGVk"}})
    wait_until(lambda: ground.values("told") == {"password": b"right"}, "the edit is repaired")
    wait_until(lambda: ground.controller.logs.count("action=updated") == before + 1, "the log has a line for it")
    assert int(ground.get("secret", "told")["metadata"]["resourceVersion"]) > version


@pytest.fixture
def lenient(served: ControlPlane) -> Iterator[Ground]:
    """With --repair-drift=false, as the original does: an edit stands, and only what was deleted is made again."""
    with open_ground(served, "--repair-drift=false") as ground:
        ground.controller.start()
        yield ground


def test_where_drift_is_not_repaired_an_edit_stands_until_the_sealed_secret_changes(lenient: Ground) -> None:
    make(lenient, "edited")
    make(lenient, "marker")
    patch(lenient, "edited", {"data": {"password": "ZWRpdGVk"}})
    lenient.plane.kubectl("delete", "secret", "marker", namespace=lenient.namespace)
    wait_until(lambda: lenient.values("marker") is not None, "later changes of Secrets have been handled")
    assert lenient.values("edited") == {"password": b"edited"}
    lenient.apply(lenient.sealed("edited", {"password": b"new"}))
    lenient.wait_synced("edited")
    assert lenient.values("edited") == {"password": b"new"}
