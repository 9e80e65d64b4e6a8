"""Whom a change concerns, and in which order they are looked at."""

from hypothesis import given
from hypothesis import strategies as st

from controller.flux.index import Concerns, Index, in_order
from controller.flux.names import Name

A, B, C = (Name("apps", letter) for letter in "abc")


def test_a_thing_names_those_it_concerns_now() -> None:
    index: Index[str] = Index()
    index.put(A, ["x", "y"])
    index.put(B, ["y"])
    assert sorted(index.names("y")) == [A, B]
    index.put(A, ["x"])
    assert index.names("y") == [B]
    index.put(A, [])
    assert index.names("x") == []


def test_references_of_a_kustomization_are_found_in_its_own_namespace_by_default() -> None:
    concerns = Concerns()
    spec = {
        "sourceRef": {"kind": "GitRepository", "name": "fleet"},
        "dependsOn": [{"name": "b"}, {"name": "c", "namespace": "other"}],
        "decryption": {"provider": "sops", "secretRef": {"name": "keys"}},
        "postBuild": {"substituteFrom": [{"kind": "ConfigMap", "name": "vars"}]},
    }
    concerns.put(A, {"spec": spec})
    assert concerns.sources.names(("GitRepository", Name("apps", "fleet"))) == [A]
    assert concerns.dependencies.names(B) == [A]
    assert concerns.dependencies.names(Name("other", "c")) == [A]
    assert concerns.configs.names(("Secret", Name("apps", "keys"))) == [A]
    assert concerns.configs.names(("ConfigMap", Name("apps", "vars"))) == [A]
    concerns.drop(A)
    assert concerns.sources.names(("GitRepository", Name("apps", "fleet"))) == []


def test_dependencies_come_first() -> None:
    needs = {A: [B], B: [C], C: []}
    assert in_order([A, B, C], needs.__getitem__) == [C, B, A]


def test_what_is_not_asked_for_is_not_named() -> None:
    assert in_order([A], {A: [B]}.__getitem__) == [A]


NAMES = [Name("n", str(number)) for number in range(6)]


@given(st.dictionaries(st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES)), max_size=6))
def test_each_name_comes_once_whatever_circles_there_are(needs: dict[Name, list[Name]]) -> None:
    found = in_order(list(needs), lambda name: needs.get(name, []))
    assert sorted(found) == sorted(needs)
