"""Controllers that look at a part only: by labels, without a watch of Secrets, and that clean up by themselves."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.kit.controlplane import ControlPlane
from tests.kit.ground import Ground, install_crd, open_ground
from tests.kit.process import wait_until

pytestmark = pytest.mark.cluster

Opened = Callable[..., Ground]


@pytest.fixture
def opened(served: ControlPlane) -> Iterator[Opened]:
    """Open a ground with these flags, and start its controller."""
    with ExitStack() as stack:

        def open_one(*flags: str) -> Ground:
            ground = stack.enter_context(open_ground(served, *flags))
            ground.controller.start()
            return ground

        yield open_one


def labelled(ground: Ground, name: str, value: bytes = b"1", **template: str) -> dict[str, Any]:
    sealed = ground.sealed(name, {"a": value}, template={"labels": template} if template else None)
    sealed["metadata"]["labels"] = {"team": "a"}
    return sealed


def delete(ground: Ground, kind: str, name: str) -> None:
    ground.plane.kubectl("delete", kind, name, namespace=ground.namespace)


def test_only_sealed_secrets_that_the_selector_matches_are_worked_on(opened: Opened) -> None:
    ground = opened("--label-selector=team=a")
    ground.apply(ground.sealed("other", {"a": b"1"}))
    ground.apply(labelled(ground, "mine"))
    ground.wait_synced("mine")
    assert ground.find("secret", "other") is None
    ground.plane.kubectl("label", "sealedsecret", "other", "team=a", namespace=ground.namespace)
    ground.wait_synced("other")


def test_of_secrets_only_those_that_the_selector_matches_are_made_again(opened: Opened) -> None:
    ground = opened("--label-selector=team=a")
    ground.apply(labelled(ground, "seen", team="a"), labelled(ground, "unseen"))
    ground.wait_synced("seen")
    ground.wait_synced("unseen")
    delete(ground, "secret", "unseen")
    delete(ground, "secret", "seen")
    wait_until(lambda: ground.find("secret", "seen") is not None, "the one that is watched comes back")
    assert ground.find("secret", "unseen") is None
    ground.apply(labelled(ground, "unseen", b"2"))
    wait_until(lambda: ground.values("unseen") == {"a": b"2"}, "a change of its SealedSecret brings it back")


def test_without_a_watch_of_secrets_edits_stand_and_deleted_ones_stay_away(opened: Opened) -> None:
    ground = opened("--skip-recreate")
    for name in ("edited", "deleted"):
        ground.apply(ground.sealed(name, {"a": b"1"}))
        ground.wait_synced(name)
    patch = json.dumps({"data": {"a": "ZWRpdGVk"}})
    ground.plane.kubectl("patch", "secret", "edited", "--type=merge", "-p", patch, namespace=ground.namespace)
    delete(ground, "secret", "deleted")
    ground.apply(ground.sealed("marker", {"a": b"1"}))
    ground.wait_synced("marker")
    assert ground.values("edited") == {"a": b"edited"}
    assert ground.find("secret", "deleted") is None
    for name in ("edited", "deleted"):
        ground.apply(ground.sealed(name, {"a": b"2"}))
        ground.wait_synced(name)
        assert ground.values(name) == {"a": b"2"}


def test_without_a_watch_of_secrets_none_is_listed_and_a_status_costs_no_second_look(
    new_control_plane: Callable[..., ControlPlane],
) -> None:
    plane = new_control_plane(audit=True)
    install_crd(plane)
    with open_ground(plane, "--skip-recreate") as ground:
        ground.controller.start()
        ground.apply(ground.sealed("db", {"a": b"1"}))
        ground.wait_synced("db")
        ground.apply(ground.sealed("marker", {"a": b"1"}))
        ground.wait_synced("marker")
        asked = [
            event["verb"]
            for event in plane.audit_events()
            if (about := event.get("objectRef") or {}).get("resource") == "secrets"
            and about.get("name") == "db"
            and event["userAgent"].startswith("kseal")
        ]
    assert asked == ["get", "create"], "one look, before it is made"


def test_a_foreign_secret_in_the_way_is_reported_without_a_watch_too(opened: Opened) -> None:
    ground = opened("--skip-recreate")
    theirs = ["create", "secret", "generic", "foreign", "--from-literal=a=theirs"]
    ground.plane.kubectl(*theirs, namespace=ground.namespace)
    ground.apply(ground.sealed("foreign", {"a": b"1"}))
    assert "is not managed by SealedSecret" in ground.wait_failed("foreign")
    assert ground.values("foreign") == {"a": b"theirs"}


def test_the_secret_is_deleted_with_its_sealed_secret_where_that_is_asked_for(opened: Opened) -> None:
    """There is no garbage collector in this control plane: what is deleted, the controller has deleted."""
    ground = opened("--old-gc-behavior")
    ground.apply(ground.sealed("db", {"a": b"1"}))
    ground.wait_synced("db")
    delete(ground, "sealedsecret", "db")
    wait_until(lambda: ground.find("secret", "db") is None, "the Secret is gone")


def test_otherwise_the_secret_is_left_to_the_garbage_collector(opened: Opened) -> None:
    ground = opened()
    for name in ("db", "marker"):
        ground.apply(ground.sealed(name, {"a": b"1"}))
        ground.wait_synced(name)
    delete(ground, "sealedsecret", "db")
    series = f'condition_info{{condition="Synced",name="db",namespace="{ground.namespace}"'
    wait_until(lambda: series not in ground.controller.metrics(), "the deletion has been handled")
    assert ground.find("secret", "db") is not None


def test_what_somebody_else_owns_by_now_is_not_deleted(opened: Opened) -> None:
    ground = opened("--old-gc-behavior", "--repair-drift=false")
    ground.apply(ground.sealed("given", {"a": b"1"}))
    ground.wait_synced("given")
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "u-1", "controller": True}
    patch = json.dumps({"metadata": {"ownerReferences": [owner]}})
    ground.plane.kubectl("patch", "secret", "given", "--type=merge", "-p", patch, namespace=ground.namespace)
    delete(ground, "sealedsecret", "given")
    ground.apply(ground.sealed("marker", {"a": b"1"}))
    ground.wait_synced("marker")
    delete(ground, "sealedsecret", "marker")
    wait_until(lambda: ground.find("secret", "marker") is None, "later deletions have been handled")
    assert ground.find("secret", "given") is not None


def test_a_sealed_secret_that_only_lost_its_label_keeps_its_secret(opened: Opened) -> None:
    ground = opened("--label-selector=team=a", "--old-gc-behavior")
    for name in ("relabelled", "marker"):
        ground.apply(labelled(ground, name))
        ground.wait_synced(name)
    ground.plane.kubectl("label", "sealedsecret", "relabelled", "team-", namespace=ground.namespace)
    delete(ground, "sealedsecret", "marker")
    wait_until(lambda: ground.find("secret", "marker") is None, "later deletions have been handled")
    assert ground.find("secret", "relabelled") is not None


def test_no_metric_names_an_object_where_that_is_not_wanted(opened: Opened) -> None:
    ground = opened("--metrics-omit-secret-labels")
    ground.apply(ground.sealed("db", {"a": b"1"}))
    ground.wait_synced("db")
    metrics = ground.controller.metrics()
    assert "condition_info{" not in metrics
    assert "sealed_secrets_controller_unseal_requests_total" in metrics
