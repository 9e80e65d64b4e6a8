"""The YAML store of SOPS judges what we read and write: many documents in one process (tests/kit/go/sopsyaml)."""

import json
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sealer.sops.errors import DocumentRefused
from sealer.sops.formats.yaml import Yaml
from sealer.sops.formats.yaml_reading import read
from sealer.sops.tree import Branch, Branches, Comment, Timestamp, Value
from tests.kit import real, sopsyaml
from tests.kit.yamldocuments import Writer

pytestmark = pytest.mark.interop
_PATIENT = settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)
_BATCH = 40


@pytest.fixture(scope="module")
def judge(program: Callable[[str], Path]) -> Path:
    return program("sopsyaml")


def shown(value: object) -> object:
    """A value with its types, and comments with where they stood, so that all differences count."""
    match value:
        case Branch():
            return {"branch": [(shown(key), shown(item)) for key, item in value]}
        case list():
            return [shown(item) for item in value]
        case Comment():
            return {"comment": (value.text, value.inline)}
        case Timestamp():
            return {"time": value.text}
        case _:
            return repr(value)


def ours(document: bytes) -> tuple[object, bytes] | None:
    """What we read of a document and write again, or None when we refuse."""
    try:
        branches = read(document)
    except DocumentRefused:
        return None
    return [shown(branch) for branch in branches], Yaml().write_plain(branches)


def judged(judge: Path, documents: list[bytes]) -> list[tuple[object, bytes] | None]:
    """What the original reads and writes of documents."""
    trees = sopsyaml.ask(judge, map(sopsyaml.tree_of, documents))
    emissions = sopsyaml.ask(judge, map(sopsyaml.emission_of, documents))
    return [
        None if tree is None or text is None else ([shown(branch) for branch in sopsyaml.branches_of(tree)], text)
        for tree, text in zip(trees, emissions, strict=True)
    ]


def values(value: object) -> object:
    """A value with its types and without comments."""
    if isinstance(value, Branch):
        return [(key, values(item)) for key, item in value if not isinstance(key, Comment)]
    return (
        [values(item) for item in value if not isinstance(item, Comment)] if isinstance(value, list) else shown(value)
    )


def assert_alike(judge: Path, documents: list[bytes]) -> None:
    """Trees are equal, and texts are, but where the original's own text is no longer the document."""
    read_alike = [(mine, theirs) for mine, theirs in zip(map(ours, documents), judged(judge, documents), strict=True)]
    assert [pair for pair in read_alike if (pair[0] and pair[0][0]) != (pair[1] and pair[1][0])] == []
    assert_kept(judge, [(mine[1], theirs[1]) for mine, theirs in read_alike if mine and theirs])


def assert_kept(judge: Path, texts: list[tuple[bytes, bytes]]) -> None:
    """Where ours differs from the original's text, ours reads there as the document, and its own does not."""
    different = [pair for pair in texts if pair[0] != pair[1]]
    mine = sopsyaml.ask(judge, [sopsyaml.tree_of(text) for text, _ in different])
    theirs = sopsyaml.ask(judge, [sopsyaml.tree_of(text) for _, text in different])
    for (text, _), our_tree, their_tree in zip(different, mine, theirs, strict=True):
        wanted = [values(branch) for branch in read(text)]
        assert our_tree is not None
        assert [values(branch) for branch in sopsyaml.branches_of(our_tree)] == wanted
        assert their_tree is None or [values(branch) for branch in sopsyaml.branches_of(their_tree)] != wanted


DOCUMENTS = (
    "a: 1", "---\n", "---\n---\na: 1", "~", "null", "# only\n---\na: 1", "a: 1\n---\n# b\n",
    "a: [1, 2, {b: c}]", "a: &x 1\nb: *x", "a: &x {k: [1]}\nb: *x\nc: {<<: *x, d: 1}",
    "c: &c\n  # d\n  e: 1 # f\nb: *c # g",
    "a: &x 1\n---\nb: *x", "'<<': {a: 1}\n", "<<: {a: 1}\nb: 2", "? a\n? b\n", "? a # x\n: b # y\n", "a: {b}",
    "a: !!binary /w==", "a: !!str 1\nb: !foo 1\nc: ! 1\nd: !!float 1", "&k a: 1\nb: *k\n",
    "a: 2001-01-01\nb: 2001-01-01 1:2:3.5\nc: 2001-01-01T01:02:03+01:00",
    "a: 017\nb: 0o17\nc: 0x1F\nd: 1_000\ne: 1e3\nf: .inf\ng: yes\nh: -.INF\ni: 0b1\nj: 1e6",
    "k: 1e-7\nl: 9223372036854775807\nm: -0.0\nn: 123456789.0",
    "# a\n\n# b\nc: 1\n", "a: 1 # x\n", "a: # x\n  b: 1\n", "a:\n  # x\n  b: 1\n  # y\n", "a:\n  # x\n  b: 1\n# y\n",
    "a:\n  b: 1\n\n# y\n\nc: 1\n", "a:\n- 1 # x\n# y\n- 2\n# z\n", "a:\n  - # c\n    x: 1\n  # d\n  - y: 2 # e\n",
    "a: |- # c\n  x\n# d\nb: >\n  y\n  # no\n # z\n", "# x\n---\n# y\na: 1\n# z\n---\n# w\nb: 1\n# end\n",
    "a: 1\n# x\n\n# y\nb: 2\n", "# c\r\na: 1 # d\r\n# e\r\n# f\r\nb: 2\r\n", "a: #x\n", "a: 1\n# x", "a: b#c\n",
    "a:\n  b:\n    c: 1\n    # cc\n  # bb\n# aa\nd: 2\n", "a:\n  b:\n    c: 1\n\n    # cc\n\n  # bb\n\n# aa\n\nd: 2\n",
    "\ufeffa: 1 # b\n", "a: 1\n...\n# b\n---\nc: 2\n", "%YAML 1.1\n---\na: 1 # b\n", "a: [ # u\n  # v\n  ]\nb: 1\n",
    "- 1", "x", "a: 1\na: 2", "a: *x", "a: &x [*x]", "[a]: b", "a: b: c", "a: 'b", "\ta: 1",
)  # fmt: skip


def test_documents_of_every_form_are_read_and_written_alike(judge: Path) -> None:
    assert_alike(judge, [document.encode() for document in DOCUMENTS])


@_PATIENT
@given(seeds=st.lists(st.integers(0, 2**32), min_size=1, max_size=_BATCH))
def test_comments_anywhere_are_read_and_written_alike(judge: Path, seeds: list[int]) -> None:
    assert_alike(judge, [Writer(Random(seed)).stream() for seed in seeds])  # noqa: S311  # inputs, no secrets


_TEXTS = (
    *(
        "",
        "a",
        "a b",
        " a",
        "a ",
        "a: b",
        "a:",
        "- a",
        "#a",
        "a #b",
        "a\nb",
        "a\nb\n",
        "a\n\n",
        "a \nb",
        "a\n ",
        "a\tb",
    ),
    *("a\n\tb", "\t", "y", "yes", "true", "1", "1.5", "0x1", "1_000", "1:30", "2001-01-01", "~", "null", "é", "😀"),
    *("\ufeffab", "a\ufeff", "\x00", "\x7f", "a'b", "'a'", '"a"', 'a"b', "a\\b", "%a", "@a", "`a", "[a", "{a", "a]"),
    *("!a", "&a", "*a", "|", ">", "?", "? a", "?a", ":a", ": a", "-", "-a", "---", "--- a", "...", "a\rb", "a\x85b"),
    *("\udc80x", "é" * 70, "a " * 100, "\xa0", "a" * 200, "=", "x\ny: z", "\udcff" * 60, "a\n  b\n c", "a\né\n"),
)
_HINTED = ("\n", "\na", " a\nb", "\n\n", "  a\n b\n")


@pytest.mark.parametrize("indent", [0, 2, 3, 9])
def test_strings_are_written_alike_wherever_they_stand(judge: Path, indent: int) -> None:
    trees: list[Branches] = []
    for text in (*_TEXTS, *_HINTED):
        trees += [[Branch([("k", [text, [text]])])]]
        trees += [[Branch([("k", text)])], [Branch([("k", Branch([("k", text)]))])]]
    for text in _TEXTS:
        trees += [
            [Branch([(text, "v")])],
            [Branch([("k", [text, [text]])])],
            [Branch([(text, [Branch([("x", text)])])])],
        ]
    assert_written_alike(judge, trees, indent)


def assert_written_alike(judge: Path, trees: list[Branches], indent: int) -> None:
    theirs = sopsyaml.ask(judge, [sopsyaml.text_of(tree, indent) for tree in trees])
    mine = [Yaml(indent=indent or None).write_plain(tree) for tree in trees]
    assert None not in theirs
    assert_kept(judge, [(m, t) for m, t in zip(mine, theirs, strict=True) if t is not None])


_NUMBERS = st.one_of(st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.booleans(), st.none())
_COMMENTS = st.builds(Comment, st.sampled_from(["", " c", "c#", " é", "# x", " a\nb"]), inline=st.booleans())
_KEYS = st.sampled_from(["k", "a b", "x\ny", "1", "y" * 130, "<", "a:"])


def _unique(items: list[tuple[str | Comment, Value]]) -> Branch:
    return Branch((f"{key}{n}", value) if isinstance(key, str) else (key, None) for n, (key, value) in enumerate(items))


_VALUES: st.SearchStrategy[Value] = st.recursive(
    st.one_of(_NUMBERS, st.sampled_from(_TEXTS)),
    lambda inner: st.one_of(
        st.lists(st.one_of(inner, _COMMENTS), max_size=4),
        st.lists(st.tuples(st.one_of(_KEYS, _COMMENTS), inner), max_size=4).map(_unique),
    ),
    max_leaves=12,
)
_BRANCHES = st.lists(st.tuples(st.one_of(_KEYS, _COMMENTS), _VALUES), max_size=4).map(_unique)


@_PATIENT
@given(trees=st.lists(st.lists(_BRANCHES, min_size=1, max_size=2), min_size=10, max_size=_BATCH))
def test_trees_with_comments_anywhere_are_written_alike(judge: Path, trees: list[Branches]) -> None:
    for indent in (0, 2):
        assert_written_alike(judge, trees, indent)


def test_a_quoted_key_of_two_less_thans_stays_readable_for_the_original(judge: Path) -> None:
    text = Yaml().write_plain([Branch([("<<", "v")])])
    (answer,) = sopsyaml.ask(judge, [sopsyaml.tree_of(text)])
    assert answer is not None
    assert json.loads(answer)[0]["branch"][0][0] == {"str": "PDw="}


def test_blocks_whose_hint_the_original_gets_wrong_read_back_there_as_they_were(judge: Path) -> None:
    trees: list[Branches] = [[Branch([("k", [text, Branch([("x", text)])])])] for text in _HINTED]
    answers = sopsyaml.ask(judge, [sopsyaml.tree_of(Yaml().write_plain(tree)) for tree in trees])
    assert [sopsyaml.branches_of(answer) if answer else None for answer in answers] == trees


UPSTREAM = (
    "example.yaml",
    "functional-tests/res/comments.yaml",
    "functional-tests/res/comments.enc.yaml",
    "functional-tests/res/comments_list.yaml",
    "functional-tests/res/comments_unencrypted_comments.yaml",
    "functional-tests/res/format.enc.yaml",
    "functional-tests/res/multiple_keys.yaml",
    "functional-tests/res/no_mac.yaml",
    "functional-tests/res/plainfile.yaml",
)


def test_the_files_of_the_original_are_read_and_written_alike(judge: Path) -> None:
    assert_alike(judge, [real.require_file("sops", name).read_bytes() for name in UPSTREAM])
