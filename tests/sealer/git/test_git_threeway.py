"""Two versions of a document come together: both sides' changes, nothing lost, nothing settled in silence."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.kube.yaml import Dialect, read_all
from sealer.sops.formats.base import by_name
from sealer.sops.tree import Branch, Comment, Value
from sealer.versions.threeway import Merge, is_same, tree


def merged(base: object, ours: object, theirs: object) -> tuple[object, list[str]]:
    """A merge of values of JSON."""
    merge = Merge()
    return merge.value(tree(base), tree(ours), tree(theirs), ""), merge.conflicts


def of_yaml(base: str, ours: str, theirs: str, form: str = "yaml") -> tuple[str, list[str]]:
    """A merge of texts."""
    merge = Merge(notes_are_behind=form == "ini")
    reader = by_name(form)
    versions = [reader.read_plain(text.encode()) for text in (base, ours, theirs)]
    return reader.write_plain(merge.documents(*versions)).decode(), merge.conflicts


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(["", "x", "y"]) | st.just(1.0),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=4),
    max_leaves=10,
)


@given(JSON, JSON)
@settings(max_examples=50, deadline=None)
def test_what_one_side_changed_is_taken_and_what_both_did_alike_too(base: object, changed: object) -> None:
    for versions in ((base, base, changed), (base, changed, base), (base, changed, changed)):
        result, conflicts = merged(*versions)
        assert is_same(result, tree(changed))
        assert conflicts == []


def leaves(value: object, path: str = "") -> dict[str, str]:
    """Scalars by their places."""
    if isinstance(value, dict):
        return {place: text for key, item in value.items() for place, text in leaves(item, f"{path}/{key}").items()}
    return {path: repr(value)}


DEEP = st.dictionaries(
    st.sampled_from("abc"),
    st.integers(0, 2) | st.dictionaries(st.sampled_from("de"), st.integers(0, 2), max_size=2),
    max_size=3,
)


@given(DEEP, DEEP, DEEP)
@settings(max_examples=50, deadline=None)
def test_without_a_conflict_each_place_says_what_the_side_says_that_changed_it(
    base: dict[str, object], ours: dict[str, object], theirs: dict[str, object]
) -> None:
    result, conflicts = merged(base, ours, theirs)
    if conflicts:
        return
    old, mine, its, got = (leaves(plain(one)) for one in (tree(base), tree(ours), tree(theirs), result))
    for place in {*old, *mine, *its, *got}:
        was, o, t = old.get(place), mine.get(place), its.get(place)
        assert got.get(place) == (t if o == was else o)
        assert was in (o, t) or o == t


def plain(value: object) -> object:
    if isinstance(value, Branch):
        return {str(key): plain(item) for key, item in value}
    return value


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "result", "conflicts"),
    [
        ({"a": 1}, {"a": 2}, {"a": 3}, {"a": 2}, ['["a"]']),
        ({"a": 1}, {"a": True}, {"a": 1.0}, {"a": True}, ['["a"]']),
        ({"a": 1}, {}, {"a": 3}, {}, ['["a"]']),
        ({"a": 1}, {"a": 3}, {}, {"a": 3}, ['["a"]']),
        ({"a": 1, "b": 1}, {"b": 1}, {"a": 1}, {}, []),
        ({}, {"a": 1}, {"b": 1}, {"b": 1, "a": 1}, []),
        ({}, {"a": {"x": 1}}, {"a": {"y": 1}}, {"a": {"y": 1, "x": 1}}, []),
        ({"a": {"b": 1}}, {"a": 1}, {"a": {"b": 2}}, {"a": 1}, ['["a"]']),
        # Lists: by alignment, by position between what stays, and a conflict where that tells nothing.
        ([1, 2, 3], [0, 1, 2, 3], [1, 2, 3, 4], [0, 1, 2, 3, 4], []),
        ([1, 2, 3], [2, 3], [1, 2, 4], [2, 4], []),
        (["a", "b"], ["A", "b"], ["a", "B"], ["A", "B"], []),
        (["a", "b"], ["A", "b"], ["x", "b"], ["A", "b"], ["[0]"]),
        ([1], [1, 2], [1, 3], [1, 2], ["[1]"]),
        ([{"k": 1}, {"k": 2}], [{"k": 3}, {"k": 2}], [{"k": 1, "l": 1}, {"k": 2}], [{"l": 1, "k": 3}, {"k": 2}], []),
        (
            [{"name": "a", "v": 1}],
            [{"name": "a", "v": 1}, {"name": "b"}],
            [{"name": "c"}, {"name": "a", "v": 2}],
            [{"name": "c"}, {"name": "a", "v": 2}, {"name": "b"}],
            [],
        ),
        ([{"name": "a"}], [{"name": "a", "v": 1}], [{"name": "a", "v": 2}], [{"name": "a", "v": 1}], ['["a"]["v"]']),
    ],
)
def test_merges_and_conflicts(base: object, ours: object, theirs: object, result: object, conflicts: list[str]) -> None:
    got, found = merged(base, ours, theirs)
    assert found == conflicts
    assert unordered(got) == unordered(tree(result))


def unordered(value: object) -> object:
    """Keys of a mapping without their order, types told apart."""
    if isinstance(value, Branch):
        return {str(key): unordered(item) for key, item in value}
    return [unordered(item) for item in value] if isinstance(value, list) else repr(value)


def test_keys_keep_their_places() -> None:
    text, conflicts = of_yaml("a: 1\nb: 2\nc: 3\n", "a: 1\nx: 0\nb: 2\nc: 3\n", "a: 1\nb: 2\nz: 0\nc: 4\n")
    assert (text, conflicts) == ("a: 1\nx: 0\nb: 2\nz: 0\nc: 4\n", [])


def test_an_order_that_one_side_changed_is_kept() -> None:
    text, conflicts = of_yaml("a: 1\nb: 2\n", "a: 5\nb: 2\n", "b: 2\na: 1\n")
    assert (text, conflicts) == ("b: 2\na: 5\n", [])


def test_a_comment_stays_with_its_key_whatever_comes_between() -> None:
    text, conflicts = of_yaml("a: 1\nb: 2\n", "a: 1\nx: 0\nb: 2\n", "a: 1\n# of b\nb: 2\n# end\n")
    assert (text, conflicts) == ("a: 1\nx: 0\n# of b\nb: 2\n# end\n", [])


def test_comments_that_both_sides_changed_are_a_conflict() -> None:
    text, conflicts = of_yaml("a: 1\n", "# ours\na: 1\n", "# theirs\na: 2\n")
    assert (text, conflicts) == ("# ours\na: 2\n", ['comments of ["a"]'])


def test_comments_of_ini_files_follow_their_keys() -> None:
    base = "[s]\n; of a\na = 1\nb = 2\n"
    text, conflicts = of_yaml(base, base.replace("b = 2", "x = 0\nb = 2"), base.replace("; of a", "; about a"), "ini")
    assert conflicts == []
    assert text.split() == ["[s]", ";", "about", "a", "a", "=", "1", "x", "=", "0", "b", "=", "2"]


def test_the_section_that_ini_files_have_anyway_is_no_double() -> None:
    base = "[DEFAULT]\na = 1\nb = 2\n"
    text, conflicts = of_yaml(base, base.replace("1", "3"), base.replace("2", "4"), "ini")
    assert (text.split(), conflicts) == (["[DEFAULT]", "a", "=", "3", "b", "=", "4"], [])


def test_a_key_that_is_there_twice_is_merged_by_nobody() -> None:
    text, conflicts = of_yaml(
        '{"a": 1, "a": 2, "b": 1}', '{"a": 3, "a": 2, "b": 1}', '{"a": 1, "a": 2, "b": 2}', "json"
    )
    assert conflicts == ["the document"]
    assert text == '{\n\t"a": 3,\n\t"a": 2,\n\t"b": 1\n}\n'


def test_documents_are_told_apart_by_kind_and_name() -> None:
    one, two, three = (f"kind: Secret\nmetadata:\n    name: {name}\nv: 1\n" for name in ("a", "b", "c"))
    text, conflicts = of_yaml(one, f"{two}---\n{one}", f"{one.replace('v: 1', 'v: 2')}---\n{three}")
    documents = read_all(text.encode(), dialect=Dialect.V3, source="merged")
    assert {(one["metadata"]["name"], one["v"]) for one in documents} == {("a", 2), ("b", 1), ("c", 1)}
    assert conflicts == []


def test_documents_without_names_are_told_apart_by_position() -> None:
    assert of_yaml("a: 1\n---\nb: 1\n", "a: 2\n---\nb: 1\n", "a: 1\n---\nb: 2\n") == ("a: 2\n---\nb: 2\n", [])
    assert of_yaml("a: 1\n", "a: 1\n---\nb: 1\n", "a: 1\n---\nc: 1\n") == ("a: 1\n---\nb: 1\n", ["document[1]"])


def test_a_place_is_shown_short_and_without_control_characters() -> None:
    merge = Merge()
    merge.value(Branch(), Branch([("\x1b" + "k" * 99, 1)]), Branch([("\x1b" + "k" * 99, 2)]), "")
    (place,) = merge.conflicts
    assert place.isprintable()
    assert len(place) < 80


def test_long_lists_take_no_square_of_time() -> None:
    base: list[Value] = ["same"] * 20_000
    ours, theirs = ["ours", *base[1:]], [*base[:-1], "theirs"]
    merge = Merge()
    assert merge.value(list(base), list(ours), list(theirs), "") == ["ours", *base[1:-1], "theirs"]
    assert merge.conflicts == []


def test_comments_in_lists_are_items() -> None:
    base: list[Value] = [Comment(" one"), "a", "b"]
    assert Merge().value(base, [*base, "c"], [Comment(" uno"), "a", "b"], "") == [Comment(" uno"), "a", "b", "c"]
