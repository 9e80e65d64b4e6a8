"""Go's own libraries judge what we read and write: hundreds of documents, one process (tests/kit/go/yamljudge)."""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.kube import json_write
from engine.kube.go_numbers import json_value
from engine.kube.key_order import in_order
from engine.kube.yaml import Dialect, YamlError, read_documents, write
from tests.kit.yamljudge import Question, Refused, YamlJudge

pytestmark = pytest.mark.interop
_QUESTION: dict[Dialect, Question] = {Dialect.V2: "2", Dialect.V3: "3"}
_PATIENT = settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(scope="module")
def judge(program: Callable[[str], Path]) -> Iterator[YamlJudge]:
    with YamlJudge(program("yamljudge")) as judge:
        yield judge


def canonical(value: Any) -> str:
    """A value as text, so that 1, True and 1.0 are told apart."""
    return json.dumps(value, sort_keys=True)


def judged(judge: YamlJudge, text: str, dialect: Dialect) -> str | None:
    """What Go reads, or None when it refuses."""
    try:
        return canonical(judge.reads(text.encode(), question=_QUESTION[dialect]))
    except Refused:
        return None


def ours(text: str, dialect: Dialect) -> str | None:
    """What we read of the first document, or None when we refuse."""
    try:
        documents = read_documents(text.encode(), dialect=dialect, source="s")
    except YamlError:
        return None
    return canonical(documents[0].value if documents and documents[0].number == 1 else None)


# Words, numbers and dates at and beyond the edges of the libraries' rules.
_WORDS = (Path(__file__).parents[2] / "vectors" / "yaml" / "scalars.txt").read_text().split()
_SCALARS = [
    *_WORDS,
    "",
    "1 2",
    "2001-12-14 21:59:43.10 -5",
    "2001-12-14   1:9:3",
    "2001-12-14 1:9:3,5",
    "2001-12-14 1:9:3Z",
]
_TAGS = ["", "!!str ", "!!int ", "!!float ", "!!bool ", "!!null ", "!!timestamp ", "! ", "!mine ", "!!merge ", "!!seq "]
_PLACES = ["v: {}", "{}: v", "- {}", "{{{}: 1}}", "v: &a {}\nw: *a", "&a {}: 1\nw: *a", "v: &a {}\n*a : 1"]


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize("place", _PLACES)
def test_every_scalar_means_what_it_means_to_go(judge: YamlJudge, place: str, dialect: Dialect) -> None:
    different = []
    for scalar, tag, style in product(_SCALARS, _TAGS, ("{}", '"{}"')):
        text = place.format(tag + style.format(scalar))
        if ours(text, dialect) != judged(judge, text, dialect):
            different.append(text)
    assert different == []


# No key "1" in quotes: which of it and a merged 1 wins is chance in Go, whose keys are still of two types then. And no
# key 0x1: merged into a mapping whose own keys are strings, yaml.v3 leaves it as it is written; elsewhere it is 1.
_NODES = st.recursive(
    st.sampled_from(
        ["a", "1", "y", "~", "'q'", '"e\\n"', "*a", "*b", "&a s", "&b [x, 1]", "&a {x: 1, y: 2}", "!!str 1", "<<"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
        | st.lists(st.tuples(st.sampled_from(["a", "b", "1", "y", "<<", "*a ", "? a"]), inner), max_size=3).map(
            lambda entries: "{" + ", ".join(f"{key}: {value}" for key, value in entries) + "}"
        )
    ),
    max_leaves=8,
)


@_PATIENT
@given(
    st.lists(st.tuples(st.sampled_from(["a", "b", "c", "<<", "y", "1"]), _NODES), max_size=4), st.sampled_from(Dialect)
)
def test_anchors_merges_and_keys_mean_what_they_mean_to_go(
    judge: YamlJudge, entries: list[tuple[str, str]], dialect: Dialect
) -> None:
    text = "".join(f"{key}: {value}\n" for key, value in entries)
    mine, theirs = ours(text, dialect), judged(judge, text, dialect)
    # Where Go takes one of two equal keys we take none, so only what we read is compared.
    assert mine is None or mine == theirs
    if mine is None and theirs is not None:
        assert _is_refused_by_choice(text, dialect)


def _is_refused_by_choice(text: str, dialect: Dialect) -> bool:
    try:
        read_documents(text.encode(), dialect=dialect, source="s")
    except YamlError as error:
        return "a key is there twice" in error.message
    return False


_EDITS = st.sampled_from(
    [
        "a", "b: ", "- ", "? ", ": ", "\n", "\n  ", "\n    ", "{", "}", "[", "]", ", ", "&a ", "*a", "|", "|-", "|+",
        "|2", ">", ">-", "'", '"', "#c", " #c", "!!str ", "!x ", "\t", "\r\n", "\x85", "\u2028", "é", "x y", "1",
        "true", "\\n", "\\x41", "\\", ":", "-",
    ]
)  # fmt: skip
_SEEDS = [
    "a: 1\nb:\n- x\n- y: z\n",
    "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\nstringData:\n  k: |\n    text\n    more\n",
    "base: &a {x: 1, y: 2}\nm:\n  <<: *a\n  y: 3\n",
    "- [a, b, {c: d}]\n- 'q'\n- \"e\\n\"\n",
    "? a\n: b\n? c\n: d\n",
    "a: >\n  x\n  y\n\n  z\nb: 'l1\n  l2'\n",
]


@_PATIENT
@given(
    st.sampled_from(_SEEDS),
    st.lists(st.tuples(st.integers(0, 90), st.integers(0, 3), _EDITS), min_size=1, max_size=3),
    st.sampled_from(Dialect),
)
def test_no_edited_manifest_is_read_otherwise_than_by_go(
    judge: YamlJudge, seed: str, edits: list[tuple[int, int, str]], dialect: Dialect
) -> None:
    text = seed
    for at, removed, added in edits:
        text = text[:at] + added + text[at + removed :]
    mine, theirs = ours(text, dialect), judged(judge, text, dialect)
    # Either may refuse what the other reads: Go reads the first document only and knows YAML 1.1 only.
    assert None in (mine, theirs) or mine == theirs


_TEXT = st.text("ab cXY-:#'\"\n\t \\|>{}[]?*&!%@0.1ey~<=é\xa0漢😀\r\x07", max_size=60) | st.lists(
    st.sampled_from(["word", "words", " ", "x" * 30, ": ", '"', "'", "\t", "é", "😀"]), max_size=60
).map(" ".join)
_KEYS = (
    st.text("abcXYZ-./_", max_size=8)
    | st.integers(0, 10**6).map("k{}".format)
    | st.sampled_from([*_WORDS, "k" * 129, "a\nb"])
)
_NUMBERS = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
_VALUES = st.recursive(
    st.none() | st.booleans() | _NUMBERS.map(lambda number: json_value(number) if isinstance(number, float) else number)
    | st.sampled_from(_WORDS) | _TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=5),
    max_leaves=12,
)  # fmt: skip


@_PATIENT
@given(_VALUES)
def test_what_is_written_is_what_go_writes_to_the_byte(judge: YamlJudge, value: Any) -> None:
    if _is_unordered(value) or '"<<"' in canonical(value):
        return
    with suppress(Refused):  # of characters that go-yaml reads escaped only, and JSON does not escape
        assert write(value) == judge.writes(value)


@_PATIENT
@given(_VALUES, st.sampled_from(Dialect))
def test_go_reads_back_what_is_written(judge: YamlJudge, value: Any, dialect: Dialect) -> None:
    assert judged(judge, write(value), dialect) == canonical(value)


_FLOATS = st.floats(allow_nan=False, allow_infinity=False)
_JSON = st.recursive(
    st.none()
    | st.booleans()
    | _FLOATS
    | st.text(st.characters(codec="utf-8"), max_size=20)
    | st.text("<>&\u2028\u2029\b\f\x7f"),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("abc<\u2028é😀", max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)


@_PATIENT
@given(_JSON)
def test_json_is_indented_escaped_and_numbered_as_by_go(judge: YamlJudge, value: Any) -> None:
    assert json_write.text(_sorted(value)) == judge.indents(value)


def _sorted(value: Any) -> Any:
    """Keys in the order of Go's maps: by their bytes in UTF-8."""
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value, key=str.encode)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


def _is_unordered(value: Any) -> bool:
    """Whether keys precede each other in a circle (`10` < `1e+3` < `2` < `10`): Go's order is then by chance."""
    if isinstance(value, list):
        return any(map(_is_unordered, value))
    if not isinstance(value, dict):
        return False
    keys = in_order(value)
    pairs = ((first, second) for index, first in enumerate(keys) for second in keys[index + 1 :])
    return any(in_order(pair) != list(pair) for pair in pairs) or any(map(_is_unordered, value.values()))


def test_the_words_that_must_be_quoted_are(judge: YamlJudge) -> None:
    different = [word for word in _SCALARS if word != "<<" and write({word: word}) != judge.writes({word: word})]
    assert different == []
