"""What is written: the bytes of sigs.k8s.io/yaml, which both dialects read back. test_yaml_judged.py asks Go itself."""

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.kube.go_numbers import json_value
from engine.kube.yaml import Dialect, read_all, write


def block(text: str) -> str:
    """An indented text without its margin, so that expectations stand in line with the test."""
    lines = text.strip("\n").rstrip(" ").split("\n")
    margin = min(len(line) - len(line.lstrip(" ")) for line in lines if line)
    return "\n".join(line[margin:] for line in lines)


def test_an_object_with_keys_sorted_lists_at_their_keys_and_literals() -> None:
    value = {
        "kind": "Secret",
        "apiVersion": "v1",
        "metadata": {"name": "db", "labels": {}, "finalizers": []},
        "stringData": {"pem": "-----BEGIN-----\nxyz\n", "open": "a\nb", "kept": "a\n\n", "deep": " a\nb\n"},
        "spec": {"list": ["a", {"b": 1, "a": [1, [2, 3], []]}, None, True], "replicas": 0},
    }
    assert write(value) == block(
        """
        apiVersion: v1
        kind: Secret
        metadata:
          finalizers: []
          labels: {}
          name: db
        spec:
          list:
          - a
          - a:
            - 1
            - - 2
              - 3
            - []
            b: 1
          - null
          - true
          replicas: 0
        stringData:
          deep: |2
             a
            b
          kept: |+
            a

          open: |-
            a
            b
          pem: |
            -----BEGIN-----
            xyz
        """
    )


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("plain", "plain"), ("two words", "two words"), ("a:b", "a:b"), ("x#y", "x#y"), ("-x", "-x"), ("é漢", "é漢"),
        ("", '""'), ("true", '"true"'), ("y", '"y"'), ("No", '"No"'), ("null", '"null"'), ("~", '"~"'), ("12", '"12"'),
        ("0o14", '"0o14"'), ("1e3", '"1e3"'), (".5", '".5"'), ("1_000", '"1_000"'), ("2001-01-01", '"2001-01-01"'),
        ("1:30", '"1:30"'), ("190:20:30.15", '"190:20:30.15"'), (".nan", '".nan"'), ("0x", "0x"), ("1.2.3", "1.2.3"),
        ("2001-02-30", "2001-02-30"), ("1:60", "1:60"), ("<<", '"<<"'), ("=", "="),
        ("a: b", "'a: b'"), ("a #b", "'a #b'"), ("a:", "'a:'"), (" a", "' a'"), ("a ", "'a '"), ("- a", "'- a'"),
        ("*a", "'*a'"), ("it's: x", "'it''s: x'"), ("{a}", "'{a}'"), ("@a", "'@a'"), ("---", "'---'"), ("...", "'...'"),
        ("?", "'?'"), ("? a", "'? a'"), ("?a", "?a"), (":a", ":a"), ("%a", "'%a'"), ("-", "'-'"), ("'q'", "'''q'''"),
        ("a\tb", '"a\\tb"'), ("a\rb", '"a\\rb"'), ("\x00\x07\x1b\x7f", '"\\0\\a\\e\\x7F"'), ("😀", '"\\U0001F600"'),
        ("\ufeff", '"\\uFEFF"'), ("a\u2028b", '"a\\Lb"'), ("\x85", '"\\N"'), ("\xa0", "\xa0"),
        ("a\n b \nc", '"a\\n b \\nc"'), ('a"b\\', 'a"b\\'), ('\t"\\', '"\\t\\"\\\\"'),
    ],
)  # fmt: skip
def test_strings_are_quoted_where_a_reader_would_take_them_for_something_else(text: str, written: str) -> None:
    assert write(text) == f"{written}\n"
    assert write({"k": text}) == f"k: {written}\n"
    assert write([text]) == f"- {written}\n"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0, "0"), (-(2**63), "-9223372036854775808"), (2**64 - 1, "18446744073709551615"),
        (2**64, "1.8446744073709552e+19"),
        (1.0, "1"), (-0.0, "0"), (1.5, "1.5"), (1234567.5, "1.2345675e+06"), (1e20, "1e+20"), (0.0001, "0.0001"),
        (0.00001, "1e-05"), (1e21, "1e+21"), (5e-324, "5e-324"), (True, "true"), (False, "false"), (None, "null"),
    ],
)  # fmt: skip
def test_numbers_and_words(value: Any, written: str) -> None:
    assert write({"k": value}) == f"k: {written}\n"


def test_long_lines_are_folded_at_spaces_beyond_column_80() -> None:
    words = "word " * 17 + "end"
    assert write({"k": words}) == f"k: {'word ' * 15}word\n  word end\n"
    assert write({"k": [words + ":"]}) == f"k:\n- '{'word ' * 15}word\n  word end:'\n"
    assert write({"k": "\t" + words}) == f'k: "\\t{"word " * 15}word\n  word end"\n'
    assert write({"k": "\t" + "x" * 80 + "  y"}) == f'k: "\\t{"x" * 80}\n  \\ y"\n'
    assert write({"k": "x" * 200}) == f"k: {'x' * 200}\n"


def test_keys_are_in_the_order_of_go_yaml() -> None:
    keys = ["b", "a10", "a2", "a-b", "a_b", "ab", "aB", "Z", "1", "10", "2", "a.b", "a/b", "a", "é", "a01"]
    written = write(dict.fromkeys(keys, 0))
    assert [line.rpartition(":")[0].strip('"') for line in written.splitlines()] == [
        "1", "2", "10", "Z", "a", "a-b", "a.b", "a/b", "a_b", "a01", "a2", "a10", "aB", "ab", "b", "é",
    ]  # fmt: skip


def test_keys_are_quoted_like_strings_but_never_folded() -> None:
    words = "word " * 20 + "end"
    assert write({words: 1, "y": 2, "8080": 3, "": 4, "a: b": 5}) == (
        f'"": 4\n"8080": 3\n\'a: b\': 5\n{words}: 1\n"y": 2\n'
    )


def test_keys_beyond_what_libyaml_looks_ahead_get_a_line_of_their_own() -> None:
    key = "k" * 129
    assert write({"k" * 128: 1}) == f"{'k' * 128}: 1\n"
    assert write({key: 1}) == f"? {key}\n: 1\n"
    assert write({key: {"a": [1]}}) == f"? {key}\n: a:\n  - 1\n"
    assert write({"x": {key: [1, 2]}}) == f"x:\n  ? {key}\n  : - 1\n    - 2\n"
    assert write({"a\nb": "c\nd"}) == "? |-\n  a\n  b\n: |-\n  c\n  d\n"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"k": -float("inf")}, "\ud800", {"\udfff": 1}])
def test_what_no_reader_would_get_back_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"JSON carries|half a surrogate pair"):
        write(value)


@pytest.mark.parametrize("value", [b"bytes", {1: 2}, {"k": (1,)}, {"k": object()}, {"k": {1, 2}}])
def test_what_json_does_not_carry_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        write(value)


_TEXT = st.text(st.characters(codec="utf-8"), max_size=30) | st.text(
    "ab :-#'\"\n\t \\|>{}[]?*&!%@0.1ey~<=é\u2028\x85😀", max_size=120
)
_NUMBERS = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False).map(json_value)
values = st.recursive(
    st.none() | st.booleans() | _NUMBERS | _TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=60)
@given(values, st.sampled_from(Dialect))
@example({"<<": {"a": "<<"}}, Dialect.V2)
@example({"y": "n", "on": "2001-01-01"}, Dialect.V3)
def test_both_dialects_read_back_what_was_written(value: Any, dialect: Dialect) -> None:
    read = read_all(write(value).encode(), dialect=dialect, source="s")
    assert read == ([] if value is None else [value])


@given(st.lists(values.filter(lambda value: value is not None), max_size=4))
def test_documents_written_one_after_the_other_are_read_back_as_a_stream(documents: list[Any]) -> None:
    stream = "".join(f"---\n{write(value)}" for value in documents)
    assert read_all(stream.encode(), dialect=Dialect.V2, source="s") == documents


def test_a_value_that_fails_to_be_written_is_not_quoted() -> None:
    with pytest.raises(ValueError, match="half a surrogate pair") as refused:
        write({"password": "pl4nted\ud800"})
    assert "pl4nted" not in repr(refused.value)
    assert refused.value.__context__ is None
