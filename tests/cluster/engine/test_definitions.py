"""Kinds that come and go with the pass that uses them."""

import secrets
from typing import Any

import pytest

from engine.changes import Action
from engine.execute import ApplyFailed, PruneFailed
from engine.inventory import Inventory
from engine.kube.refs import ObjectRef, Resource
from tests.cluster.engine.conftest import CONFIGS, CONTROL, Ground
from tests.kit.process import wait_until

pytestmark = pytest.mark.cluster

Object = dict[str, Any]


class Kind:
    """A kind of a group that no other test has."""

    def __init__(self) -> None:
        self.group = f"g{secrets.token_hex(4)}.example.org"
        self.resource = Resource(self.group, "v1", "widgets", "Widget")

    def definition(self, **version: Any) -> Object:
        schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        served = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}, **version}
        spec = {
            "group": self.group,
            "names": {"plural": "widgets", "singular": "widget", "kind": "Widget"},
            "scope": "Namespaced",
            "versions": [served],
        }
        return {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": f"widgets.{self.group}"},
            "spec": spec,
        }

    def widget(self, ground: Ground, **spec: Any) -> Object:
        metadata = {"name": "w", "namespace": ground.namespace}
        return {"apiVersion": f"{self.group}/v1", "kind": "Widget", "metadata": metadata, "spec": spec or {"size": 1}}


@pytest.fixture
def kind() -> Kind:
    return Kind()


def test_a_definition_and_an_object_of_it_come_in_one_pass(ground: Ground, kind: Kind) -> None:
    progress = ground.deliver([kind.widget(ground), kind.definition()])
    assert progress.is_done, progress.failed
    assert [(change.ref.kind, change.action) for change in progress.changes] == [
        ("CustomResourceDefinition", Action.CREATED),
        ("Widget", Action.CREATED),
    ]
    live = ground.get(kind.resource, "w")
    assert live is not None
    assert live["spec"] == {"size": 1}


def test_a_definition_and_its_objects_go_in_one_pass(ground: Ground, kind: Kind) -> None:
    ground.deliver([kind.widget(ground), kind.definition()])
    progress = ground.deliver([], before=ground.inventory)
    assert [(change.ref.kind, change.action) for change in progress.changes] == [
        ("Widget", Action.DELETED),
        ("CustomResourceDefinition", Action.DELETED),
    ]


def test_a_kind_that_nobody_defines_is_told_of(ground: Ground, kind: Kind) -> None:
    progress = ground.deliver([kind.widget(ground), ground.config()])
    assert isinstance(progress.failed, ApplyFailed)
    said = f'dry-run failed: no matches for kind "Widget" in version "{kind.group}/v1"'
    assert str(progress.failed) == f"Widget/{ground.namespace}/w {said}"
    assert ground.get(CONFIGS, "one") is None


def test_members_of_a_kind_that_is_defined_and_not_served_stay_members(ground: Ground, kind: Kind) -> None:
    ground.deliver([kind.widget(ground), kind.definition()])
    before = ground.inventory
    definition = ObjectRef("apiextensions.k8s.io", "CustomResourceDefinition", "", f"widgets.{kind.group}")
    path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{definition.name}"
    served = kind.definition(served=False)["spec"]["versions"]
    ground.plane.api.json("PATCH", path, {"spec": {"versions": served}}, content_type="application/merge-patch+json")
    ground.restart()
    while ground.live.discovery.find(kind.group, "Widget"):  # its table is made anew a moment later
        ground.restart()
    progress = ground.deliver([], before=type(before)(m for m in before if m.ref.kind == "Widget"))
    assert isinstance(progress.failed, PruneFailed)
    assert [member.ref.kind for member in ground.inventory] == ["Widget"]


def test_a_version_that_ends_while_we_work_is_found_out_and_nothing_is_taken_for_gone(
    ground: Ground, kind: Kind
) -> None:
    ground.deliver([kind.widget(ground), kind.definition()])
    widget = next(member for member in ground.inventory if member.ref.kind == "Widget")
    (old,) = kind.definition(served=False, storage=False)["spec"]["versions"]
    versions = {"spec": {"versions": [old, {**old, "name": "v2", "served": True, "storage": True}]}}
    path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.{kind.group}"
    ground.plane.api.json("PATCH", path, versions, content_type="application/merge-patch+json")
    resource = kind.resource._replace(version="v2")
    wait_until(lambda: ground.plane.api.find(resource.path(ground.namespace, "w")), "the new version is served")
    progress = ground.deliver([], before=Inventory([widget]))
    for _ in range(100):  # its table of kinds is made anew a moment later still; until then the object stays a member
        if not progress.failed:
            break
        assert isinstance(progress.failed, PruneFailed)
        assert [member.ref for member in ground.inventory] == [widget.ref]
        ground.live.discovery.forget()
        progress = ground.deliver([], before=Inventory([widget]))
    assert [change.action for change in progress.changes] == [Action.DELETED]
    assert ground.get(resource, "w") is None


@pytest.mark.parametrize("migrates", [True, False])
def test_fields_are_noted_in_the_version_of_the_manifest_where_that_is_wanted(
    ground: Ground, kind: Kind, migrates: bool
) -> None:
    ground.deliver([kind.widget(ground), kind.definition()])
    ground.patch(kind.resource, "w", {"spec": {"theirs": 1}})
    (old,) = kind.definition(storage=False)["spec"]["versions"]
    definition = kind.definition()
    definition["spec"]["versions"] = [old, {**old, "name": "v2", "storage": True}]
    widget = kind.widget(ground) | {"apiVersion": f"{kind.group}/v2"}
    progress = ground.deliver([widget, definition], ownership=ground.ownership(migrates_versions=migrates))
    assert progress.is_done, progress.failed
    live = ground.get(kind.resource._replace(version="v2"), "w")
    assert live is not None
    noted = {entry["apiVersion"].rpartition("/")[2] for entry in live["metadata"]["managedFields"]}
    assert noted == ({"v2"} if migrates else {"v1"})


@pytest.mark.parametrize("is_marked", [True, False])
def test_a_definition_is_made_anew_only_when_it_says_so_itself(ground: Ground, kind: Kind, is_marked: bool) -> None:
    ground.deliver([kind.definition()])
    changed = kind.definition()
    changed["spec"]["scope"] = "Cluster"  # immutable
    if is_marked:
        changed["metadata"]["annotations"] = {f"{CONTROL}/force": "enabled"}
    progress = ground.deliver([changed], force=True)
    assert progress.is_done is is_marked, progress.failed and progress.failed.hint
    if progress.failed:
        assert "all objects of its kind" in (progress.failed.hint or "")
