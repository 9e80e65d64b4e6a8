"""Streams, collections, anchors, merges and encodings, and the line in each refusal."""

from typing import Any

import pytest

from engine.kube.documents import Limits
from engine.kube.yaml import Dialect, YamlError, read_all, read_documents

BOTH = list(Dialect)


def read(text: str | bytes, dialect: Dialect = Dialect.V2, limits: Limits | None = None) -> list[Any]:
    data = text.encode() if isinstance(text, str) else text
    return read_all(data, dialect=dialect, source="secret.yaml", limits=limits or Limits())


def refusal(text: str | bytes, dialect: Dialect = Dialect.V2, limits: Limits | None = None) -> YamlError:
    with pytest.raises(YamlError) as refused:
        read(text, dialect, limits)
    return refused.value


def test_a_manifest_with_all_styles_of_scalars() -> None:
    text = """\
# a comment
apiVersion: v1
kind: 'Secret'
metadata: {name: "db", labels: {}}
stringData:
  literal: |
    one
      two

  kept: |+
    one

  folded: >-
    one
    two
  plain: one
    two
  quoted: "one\\ttwo \\
    three"
items:
- a
-
  - b
  - - c
-
"""
    assert read(text) == [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "db", "labels": {}},
            "stringData": {
                "literal": "one\n  two\n",
                "kept": "one\n\n",
                "folded": "one two",
                "plain": "one two",
                "quoted": "one\ttwo three",
            },
            "items": ["a", ["b", ["c"]], None],
        }
    ]


@pytest.mark.parametrize("dialect", BOTH)
def test_documents_come_in_order_and_empty_ones_are_counted_but_left_out(dialect: Dialect) -> None:
    text = b"# header\n---\na: 1\n---\n# nothing\n---\n~\n--- # comment\nb: 2\n...\n---\nc: 3\n"
    documents = read_documents(text, dialect=dialect, source="s")
    assert [tuple(document) for document in documents] == [({"a": 1}, 1, 3), ({"b": 2}, 4, 9), ({"c": 3}, 5, 12)]


@pytest.mark.parametrize("text", ["", "\n", "# only a comment\n", "---\n", "---\n---\n", "\ufeff", "~", "null"])
def test_an_input_without_content_has_no_documents(text: str) -> None:
    assert read(text) == []


def test_anchors_repeat_scalars_lists_and_mappings() -> None:
    text = "a: &a 1\nb: &b [x, *a]\nc: &c {d: *b}\ne: [*a, *b, *c]\n"
    assert read(text)[0]["e"] == [1, ["x", 1], {"d": ["x", 1]}]


def test_what_an_alias_repeats_is_a_copy() -> None:
    (value,) = read("a: &a {b: [1]}\nc: *a\n")
    value["a"]["b"].append(2)
    assert value["c"] == {"b": [1]}


def test_an_anchor_set_anew_stands_for_the_later_node_also_inside_of_the_earlier_one() -> None:
    assert read("[&a 1, *a, &a 2, *a]") == [[1, 1, 2, 2]]
    assert read("- &a [&a 1, *a]\n- *a\n") == [[[1, 1], 1]]


def test_a_key_by_alias_is_read_like_a_key() -> None:
    assert read("a: &a 1.0\n*a : 2\n") == [{"a": 1, "1": 2}]
    assert read("{&a y: *a}") == [{"true": True}]


@pytest.mark.parametrize(
    ("text", "line"),
    [("a: *planted\n", 1), ("a: 1\nb: &b [1, *b]\n", 2), ("a: &a 1\n---\nb: *a\n", 3), ("- *planted : 1", 1)],
)
def test_an_alias_of_nothing_of_itself_or_of_another_document_is_refused(text: str, line: int) -> None:
    error = refusal(text)
    assert error.message.startswith(f"secret.yaml: line {line}: an alias ")
    assert "planted" not in error.message


def test_merged_entries_stand_under_all_others_in_v3_and_over_the_earlier_ones_in_v2() -> None:
    text = "base: &base {x: 1, z: 1}\nlater: &later {x: 2, w: 2}\nall:\n  z: own\n  <<: [*base, *later]\n  w: own\n"
    assert read(text)[0]["all"] == {"x": 1, "z": 1, "w": "own"}
    assert read(text, Dialect.V3)[0]["all"] == {"x": 1, "z": "own", "w": "own"}


@pytest.mark.parametrize("dialect", BOTH)
def test_merges_nest_and_take_mappings_in_place(dialect: Dialect) -> None:
    text = "a: &a {x: 1}\nb: &b {<<: *a, y1: 2}\nc: {<<: [*b, {z: 3}], x: 4}\nd: {!!merge <<: {e: 1}}\n"
    value = read(text, dialect)[0]
    assert value["c"] == {"x": 4, "y1": 2, "z": 3}
    assert value["d"] == {"e": 1}


@pytest.mark.parametrize("dialect", BOTH)
@pytest.mark.parametrize("key", ['"<<"', "'<<'", "!!str <<"])
def test_a_quoted_merge_key_is_a_key(key: str, dialect: Dialect) -> None:
    assert read(f"{key}: {{a: 1}}", dialect) == [{"<<": {"a": 1}}]


@pytest.mark.parametrize("dialect", BOTH)
@pytest.mark.parametrize("value", ["1", "[1]", "~", "*a", "[*a]", "[{}, x]"])
def test_only_mappings_can_be_merged(value: str, dialect: Dialect) -> None:
    error = refusal(f"a: &a [{{}}]\nb:\n  <<: {value}\n", dialect)
    assert error.message == "secret.yaml: line 3: only mappings can be merged by <<"


@pytest.mark.parametrize("dialect", BOTH)
@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\nb: 2\na: 3\n", 3),
        ("{a: 1, 'a': 2}", 1),
        ("1: a\n'1': b\n", 2),
        ("0x10: a\n16: b\n", 2),
        ("1.0: a\n1: b\n", 2),
        ("true: a\n'true': b\n", 2),
        ("k: &k a\na: 1\n*k : 2\n", 3),
        ("x:\n- {}\n- b: 1\n  c: 2\n  b: 3\n", 5),
        ("---\na: 1\n---\na: 1\na: 2\n", 5),
        ("b: &b {a: 1}\nc:\n  a: 1\n  <<: *b\n  a: 2\n", 5),
    ],
)
def test_a_key_that_is_there_twice_is_refused_with_its_line(text: str, line: int, dialect: Dialect) -> None:
    assert refusal(text, dialect).message == f"secret.yaml: line {line}: a key is there twice in the same mapping"


def test_words_that_are_the_same_boolean_collide_in_v2_only() -> None:
    assert "twice" in refusal("y: 1\nyes: 2\n").message
    assert read("y: 1\nyes: 2\n", Dialect.V3) == [{"y": 1, "yes": 2}]


def test_an_own_key_after_a_merge_is_no_second_one() -> None:
    assert read("a: &a {k: 1}\nb: {<<: *a, k: 2}\n")[0]["b"] == {"k": 2}


def test_v2_takes_several_merges_and_v3_one_as_their_libraries_do() -> None:
    text = "a: {<<: {x: 1}, <<: {z: 2}}\n"
    assert read(text) == [{"a": {"x": 1, "z": 2}}]
    assert "twice" in refusal(text, Dialect.V3).message


@pytest.mark.parametrize("text", ["? [a]\n: 1\n", "? {a: 1}\n: 2\n", "a: &a [1]\nb: {*a : 1}\n"])
def test_collections_cannot_be_keys(text: str) -> None:
    assert "a list or a mapping cannot be a key" in refusal(text).message


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("a: [1\n", "line 2: did not find expected ',' or ']'", None),
        ("a: b: c\n", "line 1: mapping values are not allowed in this context", "quote values"),
        ("a:\n\tb: 1\n", "line 2: found character that cannot start any token", "spaces, not tabs"),
        ("a: @b\n", "line 1: found character that cannot start any token", "quote what begins with @"),
        ("a: 1\n b: 2\nc: 3\n", "line 2: mapping values are not allowed in this context", None),
        ("a: 'x\n", "line 2: found unexpected end of stream", None),
        ("a: 1\n- b\n", "line 2: did not find expected key", "indentation"),
        ("a: 1\n---\nb: [\n---\nc: 1\n", "line 4: did not find expected node content", None),
        ("{}\n{}\n", "line 2: did not find expected <document start>", None),
        ("a: b\x00c\n", "line 1: control characters are not allowed", None),
        ("a: 1\nb: \x7f\n", "line 2: control characters are not allowed", None),
        ("%YAML 1.2\n---\na: 1\n", "line 1: the document asks for another version of YAML than 1.1", None),
        ("%TAG !x! tag:x,2:\n---\na: !x!y 1\n", "line 1: %TAG directives are not supported", None),
        ('a: "\\uD800"\n', "line 1: found invalid Unicode character escape code", None),
    ],
)
def test_broken_text_is_refused_by_line_and_with_a_hint_where_there_is_a_usual_cause(
    text: str, message: str, hint: str | None
) -> None:
    error = refusal(text)
    assert error.message == f"secret.yaml: {message}"
    assert hint is None or hint in (error.hint or "")


def test_a_broken_document_in_the_middle_hides_no_document() -> None:
    error = refusal("a: 1\n---\nb: [}\n---\nc: 1\n")
    assert error.message.startswith("secret.yaml: line 3: ")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_a_byte_order_mark_tells_the_encoding(encoding: str) -> None:
    mark = "\ufeff" if encoding.endswith("e") else ""
    assert read(f"{mark}a: é😀\n".encode(encoding)) == [{"a": "é😀"}]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a: 1\nb: \xff\n", "line 2: invalid leading UTF-8 octet"),
        (b"a: \xc3", "line 1: incomplete UTF-8 octet sequence"),
        (b"a: \xc3\x28", "line 1: invalid trailing UTF-8 octet"),
        (b"a: \xed\xa0\x80", "line 1: invalid Unicode character"),
        (b"\xff\xfea\x00\x00\xd8", "the input begins like UTF-16 and is not"),
        (b"a: !%ED%A0%80 x", "a tag is not text"),
    ],
)
def test_bytes_that_are_no_text_are_refused(data: bytes, message: str) -> None:
    assert refusal(data).message == f"secret.yaml: {message}"


@pytest.mark.parametrize("start", ["\n", "\r", "\x85", "\u2028", "a: 1\n", "\ufeff"])
def test_a_byte_order_mark_before_a_later_line_is_refused_because_readers_disagree(start: str) -> None:
    assert "a byte order mark before a line" in refusal(f"{start}\ufeffb: 1\n").message


def test_a_byte_order_mark_inside_of_a_value_is_text() -> None:
    assert read("a: x\ufeff\nb: |\n  \ufeffx\n") == [{"a": "x\ufeff", "b": "\ufeffx\n"}]


@pytest.mark.parametrize("text", ["a: 1\r\nb: |\r\n  x\r\n", "a: 1\rb: |\r  x\r"])
def test_other_line_ends_are_line_ends(text: str) -> None:
    assert read(text) == [{"a": 1, "b": "x\n"}]


@pytest.mark.parametrize(
    ("limits", "text", "message"),
    [
        (Limits(bytes=4), "a: 12", "secret.yaml: 5 bytes are more than the 4 that are read"),
        (Limits(depth=2), "a:\n- [1]\n", "secret.yaml: line 2: more than 2 lists and mappings inside each other"),
        (Limits(documents=1), "a\n---\nb\n", "secret.yaml: line 2: more than 1 documents"),
        (Limits(nodes=4), "[a, b, [c, d]]", "secret.yaml: line 1: more than 4 values"),
        (Limits(nodes=2), "[a, b, c, d, e, f, g, h]", "secret.yaml: line 1: more than 2 values"),
        (Limits(nodes=2), "{a: , b: , c: , d: }", "secret.yaml: line 1: more than 2 values"),
        (Limits(aliased=2), "- &a [x, z]\n- *a\n", "secret.yaml: line 2: the aliases repeat too much"),
        (Limits(bytes=29), "- &a aaaaaaaaaa\n- [*a,*a,*a]", "secret.yaml: line 2: the aliases repeat too much"),
        (
            Limits(depth=3),
            "- &a [[x]]\n- [*a]\n",
            "secret.yaml: line 2: more than 3 lists and mappings inside each other",
        ),
    ],
)
def test_limits_hold_with_aliases_written_out(limits: Limits, text: str, message: str) -> None:
    assert refusal(text, limits=limits).message == message


def test_what_just_fits_the_limits_is_read() -> None:
    limits = Limits(bytes=22, depth=3, nodes=9, aliased=2, documents=1)
    assert read("- &a [x]\n- [*a]\n", limits=limits) == [[["x"], [["x"]]]]
