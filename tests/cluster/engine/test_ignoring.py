"""Fields that are left to others: no difference, not written, and not taken from who applied them."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from engine.changes import Action
from engine.execute import Progress
from engine.ignore import IgnoreRule
from tests.cluster.engine.conftest import DEPLOYMENTS, Ground

pytestmark = pytest.mark.cluster

REPLICAS = [{"paths": ["/spec/replicas"], "target": {"kind": "Deployment"}}]


def deliver(
    ground: Ground, image: str = "i", rules: Sequence[IgnoreRule | Mapping[str, Any]] = tuple(REPLICAS)
) -> Progress:
    wanted = ground.deployment(replicas=1)
    wanted["spec"]["template"]["spec"]["containers"][0]["image"] = image
    progress = ground.deliver([wanted], ignores=rules)
    assert progress.is_done, progress.failed
    return progress


def spec(ground: Ground) -> Any:
    live = ground.get(DEPLOYMENTS, "web")
    assert live is not None
    return live["spec"]


def owners(ground: Ground) -> set[str]:
    live = ground.get(DEPLOYMENTS, "web")
    assert live is not None
    entries = live["metadata"]["managedFields"]
    return {entry["manager"] for entry in entries if "f:replicas" in entry["fieldsV1"].get("f:spec", {})}


def test_an_ignored_field_that_moved_is_no_difference(ground: Ground) -> None:
    deliver(ground)
    ground.patch(DEPLOYMENTS, "web", {"spec": {"replicas": 5}})
    assert [change.action for change in deliver(ground).changes] == [Action.UNCHANGED]
    assert spec(ground)["replicas"] == 5


def test_without_the_rule_it_is_put_right(ground: Ground) -> None:
    deliver(ground)
    ground.patch(DEPLOYMENTS, "web", {"spec": {"replicas": 5}})
    deliver(ground, rules=())
    assert spec(ground)["replicas"] == 1


def test_a_rule_that_is_taken_away_puts_the_field_right_although_nothing_else_changed(ground: Ground) -> None:
    ground.watch(("apps", "Deployment"))
    deliver(ground)
    version = ground.patch(DEPLOYMENTS, "web", {"spec": {"replicas": 5}})["metadata"]["resourceVersion"]
    ref = ground.ref("web", "Deployment", "apps")
    ground.seen(lambda: (seen := ground.observer.get(ref)) is not None and seen.version == version)
    deliver(ground)
    deliver(ground, rules=())
    assert spec(ground)["replicas"] == 1


def test_another_change_leaves_the_ignored_field_as_it_is(ground: Ground) -> None:
    deliver(ground)
    ground.patch(DEPLOYMENTS, "web", {"spec": {"replicas": 5}})
    deliver(ground, image="new")
    assert spec(ground)["replicas"] == 5
    assert spec(ground)["template"]["spec"]["containers"][0]["image"] == "new"


def test_a_field_that_another_manager_applied_is_left_to_it_alone(ground: Ground) -> None:
    deliver(ground)
    theirs = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": ground.namespace},
        "spec": {"replicas": 7},
    }
    ground.put(theirs, DEPLOYMENTS, manager="autoscaler")
    deliver(ground, image="new")
    assert spec(ground)["replicas"] == 7
    assert owners(ground) == {"autoscaler"}


def test_a_new_object_is_created_with_the_ignored_field(ground: Ground) -> None:
    deliver(ground)
    assert spec(ground)["replicas"] == 1


def test_a_field_in_a_list_that_has_keys_is_found(ground: Ground) -> None:
    rules = [IgnoreRule(("/spec/template/spec/containers/0/image",))]
    deliver(ground, rules=rules)
    container = {"name": "c", "image": "theirs"}
    patch = {"spec": {"template": {"spec": {"containers": [container]}}}}
    path = DEPLOYMENTS.path(ground.namespace, "web")
    ground.plane.api.json("PATCH", path, patch, content_type="application/strategic-merge-patch+json")
    assert [change.action for change in deliver(ground, rules=rules).changes] == [Action.UNCHANGED]
    deliver(ground, rules=())
    assert spec(ground)["template"]["spec"]["containers"][0]["image"] == "i"
