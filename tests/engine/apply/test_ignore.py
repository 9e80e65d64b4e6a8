"""Rules for fields that are somebody else's. The real server's part is in tests/cluster/engine/test_ignoring.py."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.ignore import IgnoreError, IgnoreRule, Ignores

Object = dict[str, Any]


def deployment(**more: Any) -> Object:
    metadata = {"name": "web", "namespace": "shop", "labels": {"app": "web", "tier": "front"}, **more}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": {"replicas": 1}}


@pytest.mark.parametrize(
    "target",
    [
        {},
        {"kind": "Deployment"},
        {"kind": "Dep.*", "group": "apps", "version": "v1"},
        {"name": "w(eb|ork)", "namespace": "shop"},
        {"labelSelector": "app=web,tier in (front, back),!legacy"},
        {"annotationSelector": "!x"},
        {"kind": "", "name": ""},
    ],
)
def test_a_target_selects(target: dict[str, str]) -> None:
    assert Ignores([{"paths": ["/spec/replicas"], "target": target}]).paths(deployment()) == (("spec", "replicas"),)


@pytest.mark.parametrize(
    "target",
    [
        {"kind": "Deploy"},
        {"kind": "deployment"},
        {"group": "core"},
        {"name": "we"},
        {"namespace": "sh"},
        {"labelSelector": "app!=web"},
        {"annotationSelector": "x"},
    ],
)
def test_a_target_must_fit_whole(target: dict[str, str]) -> None:
    assert Ignores([{"paths": ["/spec/replicas"], "target": target}]).paths(deployment()) == ()


@pytest.mark.parametrize(
    "rule",
    [
        {"paths": ["spec/replicas"]},
        {"paths": [""]},
        {"paths": "x"},
        {"paths": [1]},
        {"paths": ["/a"], "target": {"kind": "("}},
        {"paths": ["/a"], "target": {"kind": 1}},
        {"paths": ["/a"], "target": ["x"]},
        {"paths": ["/a"], "target": {"labelSelector": "a in (b"}},
        {"paths": ["/x" * 200]},
        {"paths": ["/x"] * 1001},
    ],
)
def test_a_rule_that_cannot_be_used_is_refused_by_its_number(rule: Object) -> None:
    with pytest.raises(IgnoreError, match=r"^ignore rule 1: "):
        Ignores([IgnoreRule(("/a",)), rule])


def test_fields_are_left_out_wherever_they_are() -> None:
    obj = {"a": {"x/y": 1, "z": 2}, "list": [{"n": 0}, {"n": 1, "m": 2}]}
    paths = Ignores([IgnoreRule(("/a/x~1y", "/list/1/m", "/list/7", "/no/such", "/list/x"))])._rules[0][1]
    assert Ignores.without(obj, paths) == {"a": {"z": 2}, "list": [{"n": 0}, {"n": 1}]}
    assert obj["list"][1]["m"] == 2  # type: ignore[index]


def settle(
    desired: Object, live: Object, merged: Object, path: tuple[str, ...], fields: Object | None = None
) -> Object:
    entries = [{"manager": "them", "operation": "Apply", "fieldsV1": fields}] if fields else []
    return Ignores.settle(desired, {**live, "metadata": {"managedFields": entries}}, merged, [path], "us")


def test_a_field_that_did_not_move_stays_in_the_apply() -> None:
    same = {"spec": {"replicas": 1}}
    assert settle(same, same, same, ("spec", "replicas"), {"f:spec": {"f:replicas": {}}}) == same


def test_a_field_that_moved_is_applied_as_it_is_live() -> None:
    wanted = {"spec": {"replicas": 1}}
    assert settle(wanted, {"spec": {"replicas": 5}}, wanted, ("spec", "replicas")) == {"spec": {"replicas": 5}}


def test_a_field_that_another_manager_applied_is_left_out() -> None:
    wanted = {"spec": {"replicas": 1, "x": 2}}
    found = settle(wanted, {"spec": {"replicas": 5}}, wanted, ("spec", "replicas"), {"f:spec": {"f:replicas": {}}})
    assert found == {"spec": {"x": 2}}


def test_a_field_that_is_not_there_live_is_left_out() -> None:
    wanted = {"spec": {"replicas": 1, "x": 2}}
    assert settle(wanted, {"spec": {}}, wanted, ("spec", "replicas")) == {"spec": {"x": 2}}


def test_an_item_of_a_list_is_known_by_its_keys() -> None:
    wanted = {"c": [{"name": "a", "image": "1"}, {"name": "b", "image": "1"}]}
    live = {"c": [{"name": "a", "image": "1"}, {"name": "b", "image": "2"}]}
    owned = {"f:c": {'k:{"name":"a"}': {"f:image": {}}}}
    assert settle(wanted, live, wanted, ("c", "1", "image"), owned)["c"][1]["image"] == "2"
    owned = {"f:c": {'k:{"name":"b"}': {"f:image": {}}}}
    assert settle(wanted, live, wanted, ("c", "1", "image"), owned)["c"][1] == {"name": "b"}


JSON = st.recursive(
    st.none() | st.integers(0, 9) | st.text(max_size=3),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.sampled_from("ab01"), below, max_size=3),
    max_leaves=12,
)


@given(JSON, JSON, st.lists(st.lists(st.sampled_from("ab01-"), min_size=1, max_size=4).map(tuple), max_size=4))
def test_any_path_in_any_object_is_left_out_or_not_there(live: Any, merged: Any, paths: list[tuple[str, ...]]) -> None:
    one, other = {"a": live}, {"a": merged}
    assert Ignores.without(one, paths) is not None
    settled = Ignores.settle({"a": merged}, {**one, "metadata": {}}, other, paths, "us")
    assert isinstance(settled, dict)
