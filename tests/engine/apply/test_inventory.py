"""Members of an apply set, and their form in a status."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.inventory import Inventory, InventoryError, Member, format_id, parse_id
from engine.kube.refs import ObjectRef

RBAC = "rbac.authorization.k8s.io"
NAME = st.from_regex(r"[a-z0-9]([a-z0-9.-]{0,20}[a-z0-9])?", fullmatch=True)
KIND = st.from_regex(r"[A-Z][A-Za-z0-9]{0,20}", fullmatch=True)


def member(name: str, version: str = "v1") -> Member:
    return Member(ObjectRef("", "ConfigMap", "n", name), version)


@pytest.mark.parametrize(
    ("ref", "text"),
    [
        (ObjectRef("apps", "Deployment", "shop", "web"), "shop_web_apps_Deployment"),
        (ObjectRef("", "ConfigMap", "shop", "web"), "shop_web__ConfigMap"),
        (ObjectRef("", "Namespace", "", "shop"), "_shop__Namespace"),
        (ObjectRef(RBAC, "ClusterRole", "", "system:node"), f"_system__node_{RBAC}_ClusterRole"),
        (ObjectRef(RBAC, "RoleBinding", "n", "a:b:c"), f"n_a__b__c_{RBAC}_RoleBinding"),
    ],
)
def test_an_id_is_written_as_flux_writes_it(ref: ObjectRef, text: str) -> None:
    assert format_id(ref) == text
    assert parse_id(text) == ref


@given(NAME, NAME, NAME | st.just(""), KIND)
def test_an_id_comes_back(namespace: str, name: str, group: str, kind: str) -> None:
    ref = ObjectRef(group, kind, namespace, name)
    assert parse_id(format_id(ref)) == ref


@pytest.mark.parametrize("name", ["a_b", "Not_A_Name", "_a", "a_"])
def test_a_name_that_no_server_takes_comes_back_too(name: str) -> None:
    """It stands in a status before the server has refused it: what is deleted then must still be readable."""
    ref = ObjectRef("", "ConfigMap", "n", name)
    assert parse_id(format_id(ref)) == ref


@pytest.mark.parametrize("text", ["", "_", "__", "a_b", "a_b_c", "a__c_D", "n_x_g_", "n___K"])
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(InventoryError):
        parse_id(text)


@given(st.text(max_size=40))
def test_any_text_is_an_id_or_refused(text: str) -> None:
    try:
        ref = parse_id(text)
    except InventoryError:
        return
    assert ref.name
    assert ref.kind


def test_a_status_comes_back_in_its_order() -> None:
    entries = [{"id": "n_b__ConfigMap", "v": "v1"}, {"id": "n_a_apps_Deployment", "v": "v1beta1"}]
    assert Inventory.of_status(entries).to_status() == entries


@pytest.mark.parametrize(
    "entries", [[{}], [{"id": 1, "v": "v1"}], [{"id": "n_b__ConfigMap"}], [{"id": "x", "v": "v1"}]]
)
def test_an_inventory_with_a_broken_entry_is_refused_whole(entries: list[dict[str, object]]) -> None:
    with pytest.raises(InventoryError):
        Inventory.of_status([{"id": "n_b__ConfigMap", "v": "v1"}, *entries])


def test_no_inventory_is_an_empty_one() -> None:
    assert list(Inventory.of_status(None)) == []


def test_the_union_keeps_every_member_once() -> None:
    union = Inventory([member("a"), member("b")]) | Inventory([member("b", "v2"), member("c")])
    assert list(union) == [member("a"), member("b"), member("c")]


def test_what_is_stale_is_what_the_new_one_lacks_whatever_the_version() -> None:
    old = Inventory([member("a", "v1beta1"), member("b")])
    assert list(old.stale(Inventory([member("a", "v1")]))) == [member("b")]
