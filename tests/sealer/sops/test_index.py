"""Places in a document: read, replaced and removed as the original does."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealer.sops import index
from sealer.sops.errors import BadPath, SopsError
from sealer.sops.index import NotThere, extract, parse, removed, replaced
from sealer.sops.tree import Branch, Comment, Timestamp, Value


def tree(value: Any) -> Any:
    """Dictionaries as branches."""
    if isinstance(value, dict):
        return Branch([(key, tree(item)) for key, item in value.items()])
    return [tree(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("", []),
        ('["a"]', ["a"]),
        ("""["a"]['b'][0]""", ["a", "b", 0]),
        ("[-1][+2]", [-1, 2]),
        ('["a]"]', ["a]"]),
        ("""["a'][""]""", ["a", ""]),  # whatever the last character of a quoted part is
        ('[["a"]', ["a"]),
        ('["ä ö"]', ["ä ö"]),
    ],
)
def test_a_place_is_read(text: str, path: list[str | int]) -> None:
    assert parse(text) == path


@pytest.mark.parametrize("text", ["a", '["a"]b', '["a"', "[a]", "[]", '["]', "[1_0]", "[1.0]", '["a[b"]', "[0]" * 201])
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(BadPath) as caught:
        parse(text)
    assert caught.value.code == 91


DOCUMENT = tree({"a": 1, "l": ["x", {"c": "d"}], "s": None})
DOCUMENT.insert(1, (Comment(" note"), None))


def test_values_are_extracted() -> None:
    assert extract(DOCUMENT, []) is DOCUMENT
    assert extract(DOCUMENT, ["l", 1, "c"]) == "d"
    assert extract(DOCUMENT, ["s"]) is None


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (["z"], "component ['z'] not found"),
        (["a", 0], "component [0] is integer, but tree part is not a slice"),
        ([0], "component [0] is integer, but tree part is not a slice"),
        (["l", 2], "component [2] accesses out of bounds"),
        (["l", -1], "component [-1] accesses out of bounds"),
        (["l", "c"], "component ['c'] is a key, but tree part is not a mapping"),
    ],
)
def test_a_place_that_is_not_there_is_named(path: list[str | int], message: str) -> None:
    with pytest.raises(NotThere) as caught:
        extract(DOCUMENT, path)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("before", "path", "value", "after", "has_changed"),
    [
        ({"a": 1}, ["a"], 2, {"a": 2}, True),
        ({"a": 1}, ["a"], 1, {"a": 1}, False),
        ({"a": 1}, ["a"], 1.0, {"a": 1.0}, True),
        ({"a": 1}, ["a"], True, {"a": True}, True),
        ({"a": 1}, ["b"], 2, {"a": 1, "b": 2}, True),
        ({}, ["b", "c", 0, "d"], 2, {"b": {"c": [{"d": 2}]}}, True),
        ({}, ["b", 7], 2, {"b": [2]}, True),
        ({"a": [1, 2]}, ["a", 0], 3, {"a": [3, 2]}, True),
        ({"a": [1, 2]}, ["a", 9], 3, {"a": [1, 2, 3]}, True),
        ({"a": [1]}, ["a", 9, "b", 3], 3, {"a": [1, {"b": [3]}]}, True),
        ({"a": [{"b": 1}]}, ["a", 0, "b"], 1, {"a": [{"b": 1}]}, False),
        ({"a": "text"}, ["a", "b"], 3, {"a": {"b": 3}}, True),
        ({"a": None}, ["a", 0], 3, {"a": [3]}, True),
        ({"a": 1}, [0], 3, {"a": 1}, True),  # a position in a mapping does nothing, and counts as a change
        ({"a": {"b": 1}}, ["a"], {"b": 1}, {"a": {"b": 1}}, False),
        ({"a": {"b": [1]}}, ["a"], {"b": [True]}, {"a": {"b": [True]}}, True),
        ({"a": {"b": 1}}, ["a"], {"c": 1}, {"a": {"c": 1}}, True),
    ],
)
def test_a_value_is_set(before: Any, path: list[str | int], value: Any, after: Any, has_changed: bool) -> None:
    old = tree(before)
    made, differs = replaced(old, path, tree(value))
    assert index.is_same(made, tree(after))
    assert differs is has_changed
    assert index.is_same(old, tree(before)), "what was given stays as it was"


@pytest.mark.parametrize("path", [[], ["l", "c"], ["l", -1]])
def test_an_impossible_place_is_not_set(path: list[str | int]) -> None:
    with pytest.raises(SopsError):
        replaced(DOCUMENT, path, 1)


@pytest.mark.parametrize(
    ("before", "path", "after"),
    [
        ({"a": 1, "b": 2}, ["a"], {"b": 2}),
        ({"a": {"b": 1}}, ["a", "b"], {"a": {}}),
        ({"a": [1, 2]}, ["a", 0], {"a": [2]}),
        ({"a": [{"b": 1, "c": 2}]}, ["a", 0, "b"], {"a": [{"c": 2}]}),
    ],
)
def test_a_value_is_removed(before: Any, path: list[str | int], after: Any) -> None:
    old = tree(before)
    assert index.is_same(removed(old, path), tree(after))
    assert index.is_same(old, tree(before)), "what was given stays as it was"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (["z"], "Key not found: z"),
        ([0], "Key not found: 0"),
        (["l", 7], "Index 7 out of bounds"),
        (["a", "b"], "Unsupported type: int for item 'b'"),
        (["s", "b"], "Unsupported type: <nil> for item 'b'"),
        (["l", "b"], "component ['b'] is a key, but tree part is a list"),
        ([], "the path is empty"),
    ],
)
def test_what_cannot_be_removed_is_named(path: list[str | int], message: str) -> None:
    with pytest.raises(SopsError) as caught:
        removed(DOCUMENT, path)
    assert str(caught.value) == message


def test_a_comment_is_no_key_even_of_the_same_text() -> None:
    branch = Branch([(Comment("a"), None)])
    made, _ = replaced(branch, ["a"], 1)
    assert made == Branch([(Comment("a"), None), ("a", 1)])


VALUES: st.SearchStrategy[Value] = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=3), st.just(Timestamp("2024-01-01T00:00:00Z"))
)
PATHS = st.lists(st.one_of(st.text("ab", min_size=1, max_size=1), st.integers(0, 2)), min_size=1, max_size=4)


@settings(max_examples=50)
@given(PATHS, VALUES)
def test_what_was_set_is_extracted_again(path: list[str | int], value: Value) -> None:
    path = ["root", *path]
    made, _ = replaced(Branch(), path, value)
    assert extract(made, [0 if isinstance(part, int) else part for part in path]) == value
