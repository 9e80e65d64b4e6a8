"""The plain parser and click read the same table, and never read a line differently."""

from collections.abc import Mapping

import click
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealer.cli import joined, main, plain
from sealer.cli.commands import command_of
from sealer.cli.terminal import Terminal
from sealer.cli.verb import Given, Verb

VERBS = {verb.name: verb for verb in [*map(main.builtin, main.VERBS), *joined.tables()]}


def by_click(verb: Verb, words: list[str]) -> Given:
    """What click makes of the words. Raises: click.UsageError."""
    seen: list[Given] = []

    def watch(given: Given, terminal: Terminal, environ: Mapping[str, str]) -> int:
        seen.append(given)
        return 0

    command_of(verb._replace(run=watch)).main(words, "kseal", standalone_mode=False, obj={})
    return seen[0]


@st.composite
def lines(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A verb and words that may follow it: its options in all spellings, right and wrong values, files, noise."""
    name = draw(st.sampled_from(tuple(VERBS)))
    verb = VERBS[name]
    names = [spelling for option in verb.options for spelling in option.names]
    choices = [choice for option in verb.options for choice in option.choices]
    value = st.one_of(
        st.sampled_from([*choices, "YAML", "a b", "", "-", "x=y", "--", "-x", "é", "--name", "\udc80"]),
        st.text(max_size=6),
    )
    word = st.one_of(
        st.sampled_from(names),
        st.tuples(st.sampled_from(names), value).map(lambda pair: f"{pair[0]}={pair[1]}"),
        st.tuples(st.sampled_from(names), value).map("".join),
        st.sampled_from(["-", "--", "---", "-qv", "-h", "--version", "--nam", "file.yaml", "-o", "yaml"]),
        value,
    )
    pairs = st.tuples(st.sampled_from(names), value).map(list)
    parts = draw(st.lists(st.one_of(word.map(lambda one: [one]), pairs), max_size=6))
    return name, [one for part in parts for one in part]


@given(lines())
@settings(max_examples=100)
def test_what_the_plain_parser_accepts_click_reads_the_same(line: tuple[str, list[str]]) -> None:
    name, words = line
    verb = VERBS[name]
    plainly = plain.parse(verb, words)
    if plainly is not None:
        assert by_click(verb, words) == plainly


@pytest.mark.parametrize(
    ("name", "words", "expected"),
    [
        ("seal", [], Given((), {})),
        ("seal", ["--cert", "c.pem", "a", "b"], Given(("a", "b"), {"cert": ("c.pem",)})),
        ("seal", ["a", "--cert=c.pem", "-oYAML"], Given(("a",), {"cert": ("c.pem",), "output": "yaml"})),
        ("seal", ["--format", "json", "-o", "yaml"], Given((), {"output": "yaml"})),
        ("seal", ["-q", "--scope", "strict", "-"], Given(("-",), {"quiet": True, "scope": "strict"})),
        ("seal", ["-f", "a", "--secret-file", "b"], Given((), {"secret-file": ("a", "b")})),
        ("seal", ["--", "--cert", "-"], Given(("--cert", "-"), {})),
        ("unseal", ["-k", "-", "x"], Given(("x",), {"private-key": ("-",)})),
        ("cert", ["--as", "me"], Given((), {"as": "me"})),
        ("get", ["ks", "apps", "-A"], Given(("ks", "apps"), {"all-namespaces": True})),
    ],
)
def test_ordinary_lines_are_read_without_click(name: str, words: list[str], expected: Given) -> None:
    verb = VERBS[name]
    assert plain.parse(verb, words) == expected
    assert by_click(verb, words) == expected


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["-h"],
        ["--version"],
        ["--cert"],
        ["--cert", "--scope"],
        ["--scope", "wide"],
        ["--quiet=yes"],
        ["-qv"],
        ["--nam", "x"],
        ["-x"],
    ],
)
def test_whatever_may_be_an_error_is_left_to_click(words: list[str]) -> None:
    assert plain.parse(main.builtin("seal"), words) is None


def test_files_where_none_belong_are_left_to_click() -> None:
    assert plain.parse(main.builtin("cert"), ["file"]) is None
    with pytest.raises(click.UsageError):
        by_click(main.builtin("cert"), ["file"])
