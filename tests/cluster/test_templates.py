"""Templates in a cluster: rendered, kept where a new output would be another one, and silent about values."""

import base64
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.kit.controlplane import ControlPlane
from tests.kit.ground import PLANTED, Ground, open_ground
from tests.kit.process import wait_until
from tests.kit.sealingkeys import a_key, key_names, key_secret, relabel

pytestmark = pytest.mark.cluster


@pytest.fixture
def ground(served: ControlPlane) -> Iterator[Ground]:
    with open_ground(served, "--key-renew-period=0") as ground:
        ground.controller.start()
        yield ground


def templated(ground: Ground, name: str, templates: dict[str, str], **values: bytes) -> dict[str, Any]:
    sealed = ground.sealed(name, values or {"user": b"ada"})
    sealed["spec"]["template"]["data"] = templates
    return sealed


def test_templates_become_items_beside_the_sealed_values(ground: Ground) -> None:
    ground.apply(templated(ground, "db", {"url": "db://{{ .user | upper }}@x"}))
    ground.wait_synced("db")
    assert ground.values("db") == {"user": b"ada", "url": b"db://ADA@x"}


def test_templates_alone_make_a_secret(ground: Ground) -> None:
    sealed = templated(ground, "plain", {"greeting": "{{ add 1 2 }}"})
    sealed["spec"]["encryptedData"] = {}
    ground.apply(sealed)
    ground.wait_synced("plain")
    assert ground.values("plain") == {"greeting": b"3"}


def test_a_failing_template_is_reported_without_a_value(ground: Ground) -> None:
    ground.apply(templated(ground, "bad", {"x": f"{{{{ fail .{PLANTED} }}}}"}))
    text = ground.wait_failed("bad", containing="template x: line 1")
    assert "fail" in text
    assert ground.find("secret", "bad") is None


def test_a_random_value_stays_through_a_look_a_repair_and_a_restart(ground: Ground) -> None:
    ground.apply(templated(ground, "random", {"password": "{{ randAlphaNum 24 }}"}))
    ground.wait_synced("random")
    first = ground.values("random")
    patch = json.dumps({"data": {"user": base64.b64encode(b"edited").decode()}})
    ground.plane.kubectl("patch", "secret", "random", "--type=merge", "-p", patch, namespace=ground.namespace)
    wait_until(lambda: ground.values("random") == first, "the edit is repaired, and the password stays")
    version = ground.get("secret", "random")["metadata"]["resourceVersion"]
    assert ground.controller.stop() == 0
    ground.controller.start()
    ground.apply(ground.sealed("marker", {"a": b"1"}))
    ground.wait_synced("marker")
    wait_until(lambda: "queue_depth 0.0" in ground.controller.metrics(), "everything has been looked at")
    assert ground.get("secret", "random")["metadata"]["resourceVersion"] == version


def test_a_random_value_is_made_anew_with_a_missing_secret_and_with_another_spec(ground: Ground) -> None:
    templates = {"password": "{{ randAlphaNum 24 }}"}
    ground.apply(templated(ground, "random", templates))
    ground.wait_synced("random")
    first = ground.values("random")
    ground.plane.kubectl("delete", "secret", "random", namespace=ground.namespace)
    wait_until(lambda: ground.values("random") not in (None, first), "another one is made")
    second = ground.values("random")
    ground.apply(templated(ground, "random", templates | {"more": "x"}))
    wait_until(lambda: (ground.values("random") or {}).get("more") == b"x", "the new spec is there")
    third = ground.values("random")
    assert second is not None
    assert third is not None
    assert third["password"] != second["password"]


def test_a_random_value_outlives_the_absence_of_its_key(ground: Ground) -> None:
    ground.apply(templated(ground, "random", {"password": "{{ randAlphaNum 24 }}"}))
    ground.wait_synced("random")
    before = ground.values("random")
    (key,) = key_names(ground)
    ground.apply(key_secret("another", a_key(timedelta(hours=1))))
    relabel(ground, key, "compromised")
    ground.wait_failed("random", containing="no key could decrypt")
    relabel(ground, key, "active")
    ground.wait_synced("random")
    assert ground.values("random") == before
