"""Objects are changed where they stand in a file, in every style, and nothing else of the file moves."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import KsealError
from engine.kube import manifest
from engine.kube.yaml import write
from sealer.errors import FormatError
from sealer.objectfile import ObjectFile, merged

KEYS = st.text("abcxyz-._", min_size=1, max_size=6)
TEXTS = st.text(max_size=12).filter(lambda text: text.isprintable())
TREES = st.recursive(TEXTS, lambda inner: st.dictionaries(KEYS, inner, max_size=4), max_leaves=12).filter(
    lambda tree: isinstance(tree, dict)
)


def edited(text: str, change: dict[str, Any], index: int = 0) -> str:
    file = ObjectFile(text.encode(), source="x.yaml")
    return file.patched([(file.objects[index], change)]).decode()


@pytest.mark.parametrize(
    ("before", "change", "after"),
    [
        ("a: 1 # x\nb: 2\n", {"a": "new"}, "a: new # x\nb: 2\n"),
        ("a: 'x'\n", {"a": "y"}, "a: 'y'\n"),
        ("a: x\n", {"a": "true"}, 'a: "true"\n'),
        ("a: |\n  x\n  y\nb: z\n", {"a": "w"}, "a: w\nb: z\n"),
        ("a: x\n# end\n", {"b": "v"}, "a: x\nb: v\n# end\n"),
        ("a: x", {"b": "v"}, "a: x\nb: v"),
        ("a: x\r\nb: y\r\n", {"c": "z"}, "a: x\r\nb: y\r\nc: z\r\n"),
        ("m:\n    a: x\n\nn: y\n", {"m": {"b": "z"}}, "m:\n    a: x\n    b: z\n\nn: y\n"),
        ("m: {}\nn: y\n", {"m": {"b": "z"}}, "m:\n  b: z\nn: y\n"),
        ("m:\nn: y\n", {"m": {"b": "z"}}, "m:\n  b: z\nn: y\n"),
        ("m: {a: x}\n", {"m": {"b": "z"}}, 'm: {a: x, "b": "z"}\n'),
        ("m: {a: x, b: y, c: z}\n", {"m": {"b": None}}, "m: {a: x, c: z}\n"),
        ("m: {a: x, b: y}\n", {"m": {"b": None}}, "m: {a: x}\n"),
        ("m: {a: x}\n", {"m": {"a": None}}, "m: {}\n"),
        ("m:\n  a: x\n  # why\n  b: y\nn: z\n", {"m": {"b": None}}, "m:\n  a: x\n  # why\nn: z\n"),
        ("m:\n  a: x\nn: z\n", {"m": {"a": None}}, "m:\n  {}\nn: z\n"),
        ('{"a": "x"}', {"b": {"c": "y"}}, '{"a": "x", "b": {"c": "y"}}'),
        ('{\n  "a": "x"\n}\n', {"b": "y"}, '{\n  "a": "x",\n  "b": "y"\n}\n'),
        ('{\n  "a": "x",\n  "b": "y"\n}\n', {"a": None}, '{\n  "b": "y"\n}\n'),
        ("a: x\n---\na: y\n", {"a": "z"}, "a: z\n---\na: y\n"),
        ("\ufeffa: x\n", {"a": "é"}, "\ufeffa: é\n"),
    ],
)
def test_a_value_changes_in_the_style_of_its_place(before: str, change: dict[str, Any], after: str) -> None:
    assert edited(before, change) == after


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("a: &x y\nb: *x\n", {"b": "z"}),
        ("a: &x y\nb: *x\n", {"a": "z"}),
        ("a: &x {b: c}\nd: *x\n", {"d": {"b": "z"}}),
        ("a: !!str x\n", {"a": "z"}),
        ("a: [x]\n", {"a": "z"}),
        ("a: x\n", {"a": {"b": "z"}}),
    ],
)
def test_what_has_no_place_of_its_own_is_refused(text: str, change: dict[str, Any]) -> None:
    with pytest.raises(FormatError, match=r"^x\.yaml: "):
        edited(text, change)


@given(before=TREES, change=st.dictionaries(KEYS, st.one_of(TEXTS, st.none(), TREES), min_size=1, max_size=4))
def test_an_edit_means_what_was_meant_or_is_refused(before: dict[str, Any], change: dict[str, Any]) -> None:
    if not before:
        return
    for text in (write(before), json.dumps(before), json.dumps(before, indent=2), "# c\n" + write(before) + "# d\n"):
        try:
            data = edited(text, change)
        except KsealError:
            continue
        found, _ = manifest.documents(data.encode(), "x", manifest.DEFAULT)
        assert [document.value for document in found] == [merged(before, change)]


@given(before=TREES, value=TEXTS)
def test_one_new_item_is_one_new_line(before: dict[str, Any], value: str) -> None:
    tree = {"kind": "X", "items": {"first": "x"}, "rest": before}
    text = write(tree)
    lines = edited(text, {"items": {"second": value}}).splitlines()
    rest = [line for line in lines if not line.startswith("  second:")]
    assert len(lines) == len(rest) + 1
    assert rest == text.splitlines()


def test_an_object_is_exchanged_and_its_neighbours_keep_every_byte() -> None:
    first, last = "# top\nkind:   A\n", "---\n# other\nkind: C  # c\n"
    text = first + "---\n# about\nkind: B\nspec:\n  x: y\n" + last
    file = ObjectFile(text.encode(), source="x")
    data = file.replaced([(file.objects[1], {"kind": "D", "list": [1, {"a": "b"}]})]).decode()
    assert data == first + "---\n# about\nkind: D\nlist:\n- 1\n- a: b\n" + last


def test_an_item_of_a_list_is_exchanged_at_its_indentation() -> None:
    text = "kind: List\nitems:\n  - kind: A\n    x: y\n  - kind: B\n"
    file = ObjectFile(text.encode(), source="x")
    data = file.replaced([(file.objects[0], {"kind": "C", "m": {"k": "o"}})]).decode()
    assert data == "kind: List\nitems:\n  - kind: C\n    m:\n      k: o\n  - kind: B\n"


def test_utf_16_is_not_edited() -> None:
    with pytest.raises(FormatError, match="UTF-16"):
        ObjectFile("a: x\n".encode("utf-16"), source="x")
