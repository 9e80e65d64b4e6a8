"""Branches become YAML as the original writes it; what it would spoil is written otherwise."""

import pytest

from sealer.sops.errors import NotWritable
from sealer.sops.formats.yaml import Yaml
from sealer.sops.formats.yaml_reading import read
from sealer.sops.tree import Branch, Comment, Timestamp, Value


def written(*items: tuple[str | Comment, Value], indent: int | None = None) -> str:
    return Yaml(indent=indent).write_plain([Branch(items)]).decode()


def comment(text: str, *, inline: bool = False) -> tuple[Comment, None]:
    return Comment(text, inline), None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (-1, "-1"),
        (1.0, "1"),
        (1e21, "1e+21"),
        (float("-inf"), "-.inf"),
        (float("nan"), ".nan"),
        (Timestamp("2024-01-02T03:04:05.5Z"), "2024-01-02T03:04:05.5Z"),
        ("", '""'),
        ("a b", "a b"),
        ("y", '"y"'),
        ("0123", '"0123"'),
        ("2024-01-02", '"2024-01-02"'),
        ("a: b", "'a: b'"),
        ("it's", "it's"),
        ("'a", "'''a'"),
        ("a\tb", '"a\\tb"'),
        ("a \nb", '"a \\nb"'),
        ("\U0001f600", '"\\U0001F600"'),
        ("x " * 60 + "x", "x " * 60 + "x"),
        ("a\nb", "|-\n    a\n    b"),
        ("a\n\tb\n", "|\n    a\n    \tb"),
        ("a\n\n", "|+\n    a\n"),
        ("\udcff", "!!binary /w=="),
        (Branch(), "{}"),
        ([], "[]"),
        (["a", ["b"]], "\n    - a\n    - - b"),
        (Branch([("l", [Branch([("a", 1), ("b", Branch([("c", 2)]))])])]),
         "\n    l:\n        - a: 1\n          b:\n            c: 2"),
    ],
)  # fmt: skip
def test_values_are_spelled_as_by_the_original(value: Value, text: str) -> None:
    assert written(("k", value)) == f"k:{'' if text[0] == chr(10) else ' '}{text}\n"


def test_indentation_follows_the_setting() -> None:
    assert written(("a", Branch([("b", [1])])), indent=2) == "a:\n  b:\n    - 1\n"


def test_comments_go_above_their_items_behind_their_values_and_below_the_last() -> None:
    text = written(
        comment(" top"), ("a", 1), comment(" above"), comment(" behind", inline=True), ("b", 2), comment(" last")
    )
    assert text == "# top\na: 1\n# above\nb: 2 # behind\n# last\n"


def test_documents_have_a_line_between_them() -> None:
    assert Yaml().write_plain([Branch([("a", 1)]), Branch(), Branch([("b", 2)])]) == b"a: 1\n---\n{}\n---\nb: 2\n"


def test_a_merge_is_written_as_one_and_a_mere_key_of_that_name_is_quoted() -> None:
    assert written(("<<", Branch([("a", 1)]))) == "!!merge <<:\n    a: 1\n"
    assert written(("<<", "ENC[]")) == '"<<": ENC[]\n'


def test_keys_that_readers_do_not_look_ahead_for_stand_alone() -> None:
    assert written(("k" * 129, 1)) == f"? {'k' * 129}\n: 1\n"


@pytest.mark.parametrize(
    "items",
    [
        [("k", [" a\nb", "\nc"])],
        [("a", Branch([("b", [])])), comment(" x", inline=True), ("c", [])],
        [comment(" x", inline=True), comment(" y", inline=True), ("k", "a\nb")],
        [("k", [Branch([("a", 1)]), Comment(" x", inline=True), Branch(), []]), ("l", [])],
    ],
)
def test_what_the_original_spoils_is_written_so_that_it_reads_back(items: list[tuple[str | Comment, Value]]) -> None:
    (branch,) = read(written(*items).encode())
    assert values(branch) == values(Branch(items))


def values(value: object) -> object:
    if isinstance(value, Branch):
        return [(key, values(item)) for key, item in value if not isinstance(key, Comment)]
    return [values(item) for item in value if not isinstance(item, Comment)] if isinstance(value, list) else value


def test_a_comment_never_turns_into_content() -> None:
    text = written(comment("a\nkey: value\n\nother: 1"), ("k", 1))
    assert text == "#a\n# key: value\n\n# other: 1\nk: 1\n"


@pytest.mark.parametrize("text", ["\x00", "a\rb", "\udcff", "\u2028"])
def test_a_comment_that_yaml_has_no_room_for_is_refused(text: str) -> None:
    with pytest.raises(NotWritable, match="a comment holds characters"):
        written(comment(text), ("k", 1))


def test_a_tree_too_deep_to_be_read_again_is_refused() -> None:
    value: Value = 1
    for _ in range(300):
        value = [value]
    with pytest.raises(NotWritable, match="inside each other"):
        written(("k", value))


def test_a_single_value_is_a_document_of_its_own() -> None:
    assert Yaml().write_value([1, Branch([("a", 2)])]) == b"- 1\n- a: 2\n"
    assert Yaml().write_value(1.5) == b"1.5\n"
