"""A pass over a real API server: what is created, changed, repaired, and what costs no request."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.changes import Action
from engine.kube.refs import ObjectRef
from engine.plan import Gate
from tests.cluster.engine.conftest import CONFIGS, CONTROL, DEPLOYMENTS, SERVICES, Ground

pytestmark = pytest.mark.cluster

CONFIG_KIND = ("", "ConfigMap")


def actions(progress: object) -> dict[str, Action]:
    return {change.ref.name: change.action for change in progress.changes}  # type: ignore[attr-defined]


def test_objects_are_created_with_the_labels_of_their_owner(ground: Ground) -> None:
    progress = ground.deliver([ground.config(), ground.service()])
    assert progress.is_done
    assert progress.failed is None
    assert progress.changes.lines() == "\n".join(
        [f"ConfigMap/{ground.namespace}/one created", f"Service/{ground.namespace}/web created"]
    )
    live = ground.get(CONFIGS, "one")
    assert live is not None
    assert live["metadata"]["labels"] == {f"{CONTROL}/name": "a", f"{CONTROL}/namespace": ground.namespace}
    assert {entry["manager"] for entry in live["metadata"]["managedFields"]} == {"deliverer"}


def test_creating_costs_one_call_where_the_kind_is_watched(ground: Ground) -> None:
    ground.watch(CONFIG_KIND)
    ground.deliver([ground.config(f"c{number}") for number in range(3)])
    assert ground.cluster.asked == Counter(PATCH=3)


def test_what_is_unchanged_costs_no_call(ground: Ground) -> None:
    ground.watch(CONFIG_KIND)
    ground.deliver([ground.config()])
    ground.settled(ground.ref())
    progress = ground.deliver([ground.config()])
    assert ground.cluster.asked == Counter()
    assert actions(progress) == {"one": Action.UNCHANGED}


def test_what_is_unchanged_costs_a_look_where_no_watch_is(ground: Ground) -> None:
    ground.deliver([ground.config()])
    progress = ground.deliver([ground.config()])
    assert ground.cluster.asked == Counter({"GET": 1, "dry-run": 1})
    assert actions(progress) == {"one": Action.UNCHANGED}


def test_a_changed_object_costs_a_look_a_trial_and_a_write(ground: Ground) -> None:
    ground.watch(CONFIG_KIND)
    objects = [ground.config(f"c{number}") for number in range(3)]
    ground.deliver(objects)
    for number in range(3):
        ground.settled(ground.ref(f"c{number}"))
    progress = ground.deliver([*objects[:2], ground.config("c2", {"k": "w"})])
    assert ground.cluster.asked == Counter({"GET": 1, "dry-run": 1, "PATCH": 1})
    assert actions(progress) == {"c0": Action.UNCHANGED, "c1": Action.UNCHANGED, "c2": Action.CONFIGURED}


def test_a_field_that_the_manifest_drops_goes_away(ground: Ground) -> None:
    ground.deliver([ground.config(data={"k": "v", "more": "x"})])
    ground.deliver([ground.config(data={"k": "v"})])
    live = ground.get(CONFIGS, "one")
    assert live is not None
    assert live["data"] == {"k": "v"}


def test_an_edit_by_hand_is_repaired(ground: Ground) -> None:
    ground.watch(CONFIG_KIND)
    ground.deliver([ground.config()])
    changed = ground.patch(CONFIGS, "one", {"data": {"k": "edited"}})
    version = changed["metadata"]["resourceVersion"]
    ground.seen(lambda: (seen := ground.observer.get(ground.ref())) is not None and seen.version == version)
    progress = ground.deliver([ground.config()])
    assert actions(progress) == {"one": Action.CONFIGURED}
    live = ground.get(CONFIGS, "one")
    assert live is not None
    assert live["data"] == {"k": "v"}


def test_a_label_that_somebody_takes_away_comes_back(ground: Ground) -> None:
    ground.deliver([ground.config(labels={"app": "x"})])
    ground.patch(CONFIGS, "one", {"metadata": {"labels": {"app": None}}})
    ground.deliver([ground.config(labels={"app": "x"})])
    live = ground.get(CONFIGS, "one")
    assert live is not None
    assert live["metadata"]["labels"]["app"] == "x"


def test_what_somebody_adds_beside_ours_is_no_difference(ground: Ground) -> None:
    ground.deliver([ground.config()])
    ground.patch(CONFIGS, "one", {"data": {"theirs": "x"}})
    progress = ground.deliver([ground.config()])
    assert actions(progress) == {"one": Action.UNCHANGED}


def test_a_status_is_no_difference(ground: Ground) -> None:
    ground.deliver([ground.deployment()])
    path = f"{DEPLOYMENTS.path(ground.namespace, 'web')}/status"
    ground.plane.api.json(
        "PATCH", path, {"status": {"observedGeneration": 1}}, content_type="application/merge-patch+json"
    )
    progress = ground.deliver([ground.deployment()])
    assert actions(progress) == {"web": Action.UNCHANGED}


def test_a_deleted_object_comes_back(ground: Ground) -> None:
    ground.watch(CONFIG_KIND)
    ground.deliver([ground.config()])
    ground.delete(CONFIGS, "one")
    ground.seen(lambda: ground.observer.get(ground.ref()) is None)
    progress = ground.deliver([ground.config()])
    assert ground.cluster.asked == Counter(PATCH=1)
    assert actions(progress) == {"one": Action.CREATED}


def test_defaults_of_the_server_are_no_difference(ground: Ground) -> None:
    ground.deliver([ground.deployment(), ground.service()])
    progress = ground.deliver([ground.deployment(), ground.service()])
    assert set(actions(progress).values()) == {Action.UNCHANGED}


def test_a_port_that_is_renamed_is_one_port(ground: Ground) -> None:
    ground.deliver(
        [ground.service(ports=[{"name": "http", "port": 80}, {"name": "dns", "port": 53, "protocol": "UDP"}])]
    )
    ground.deliver([ground.service(ports=[{"name": "web", "port": 80}])])
    live = ground.get(SERVICES, "web")
    assert live is not None
    assert [(port["name"], port["protocol"]) for port in live["spec"]["ports"]] == [("web", "TCP")]


def test_a_restart_with_its_records_costs_no_call(make_ground: Callable[..., Ground], tmp_path: Path) -> None:
    ground = make_ground(records=tmp_path / "records")
    ground.deliver([ground.config()])
    ground.records.close()
    ground.restart(tmp_path / "records")
    ground.watch(CONFIG_KIND)
    progress = ground.deliver([ground.config()])
    assert ground.cluster.asked == Counter()
    assert actions(progress) == {"one": Action.UNCHANGED}


def test_a_restart_without_records_looks_once_and_writes_nothing(ground: Ground) -> None:
    ground.deliver([ground.config()])
    ground.restart()
    ground.watch(CONFIG_KIND)
    progress = ground.deliver([ground.config()])
    assert ground.cluster.asked == Counter({"GET": 1, "dry-run": 1})
    assert actions(progress) == {"one": Action.UNCHANGED}
    ground.deliver([ground.config()])
    assert ground.cluster.asked == Counter()


def test_records_of_an_object_that_was_made_anew_meanwhile_are_not_believed(ground: Ground) -> None:
    ground.watch(CONFIG_KIND)
    ground.deliver([ground.config()])
    ground.delete(CONFIGS, "one")
    made = ground.put(ground.config(data={"k": "other"}))
    ground.seen(lambda: (seen := ground.observer.get(ground.ref())) is not None and seen.uid == made["metadata"]["uid"])
    ground.deliver([ground.config()])
    live = ground.get(CONFIGS, "one")
    assert live is not None
    assert live["data"] == {"k": "v"}


def test_a_namespace_and_its_content_come_in_one_pass(ground: Ground) -> None:
    name = f"{ground.namespace}-new"
    content = ground.config()
    content["metadata"]["namespace"] = name
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    progress = ground.deliver([content, space])
    assert progress.is_done
    assert [str(change.ref) for change in progress.changes] == [f"Namespace/{name}", f"ConfigMap/{name}/one"]


def test_what_is_applied_is_waited_for_until_it_is_healthy(ground: Ground) -> None:
    ground.watch(("apps", "Deployment"), CONFIG_KIND)
    objects = [ground.deployment(), ground.config()]
    progress = ground.deliver(objects, wait=Gate((), "healthy", 0.2))
    assert str(progress.failed) == f"timeout waiting for: [Deployment/{ground.namespace}/web status: 'InProgress']"
    path = f"{DEPLOYMENTS.path(ground.namespace, 'web')}/status"
    conditions = [
        {"type": "Available", "status": "True"},
        {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"},
    ]
    status = {"observedGeneration": 1, "conditions": conditions}
    ground.plane.api.json("PATCH", path, {"status": status}, content_type="application/merge-patch+json")
    progress = ground.deliver(objects, wait=Gate((), "healthy", 20.0))
    assert progress.is_done, progress.failed
    assert ground.cluster.asked["PATCH"] == 0


def test_a_cluster_wide_object_with_a_namespace_is_known_without_it(ground: Ground) -> None:
    name = f"{ground.namespace}-role"
    metadata = {"name": name, "namespace": ground.namespace}
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": metadata, "rules": []}
    ground.deliver([role])
    ref = ObjectRef("rbac.authorization.k8s.io", "ClusterRole", "", name)
    assert [member.ref for member in ground.inventory] == [ref]
    progress = ground.deliver([role], before=ground.inventory)
    assert [(change.ref, change.action) for change in progress.changes if change.action.is_change] == []
    assert [member.ref for member in ground.inventory] == [ref]
