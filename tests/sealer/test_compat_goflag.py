"""Lines as urfave/cli and Go's flag package read them; tests/interop/test_sops_compat_lines.py asks the original."""

from collections.abc import Mapping
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealer.cli.compat.goflag import Flag, Parsed, TwoForms, Unknown, Wrong, parse, parse_anywhere

FLAGS = (
    Flag(("in-place", "i"), "", environ="IN_PLACE"),
    Flag(("local",), "", environ="LOCAL", default=True),
    Flag(("output",), "", "FILE", environ="OUTPUT"),
    Flag(("network",), "", "NAME", default="tcp"),
    Flag(("count",), "", "N", is_number=True),
    Flag(("key",), "", "KEY", environ="KEYS", many=True),
)


def read(line: str, *, follows_verb: bool = True, **environ: str) -> Parsed:
    return parse(FLAGS, line.split(), environ, follows_verb=follows_verb)


@pytest.mark.parametrize(
    ("line", "said", "words"),
    [
        ("", {}, ()),
        ("-i", {"in-place": True}, ()),
        ("--i", {"in-place": True}, ()),
        ("-in-place=0", {"in-place": False}, ()),
        ("--local=false a", {"local": False}, ("a",)),
        ("--output x", {"output": "x"}, ()),
        ("--output=x=y", {"output": "x=y"}, ()),
        ("--output=", {"output": ""}, ()),
        ("--output -i", {"output": "-i"}, ()),
        ("--output -", {"output": "-"}, ()),
        ("--key a --key b,c", {"key": ("a", "b,c")}, ()),
        ("--count 0x10", {"count": 16}, ()),
        ("--count=-3", {"count": -3}, ()),
        ("--count 010", {"count": 8}, ()),
        ("a --output x b", {"output": "x"}, ("a", "b")),
        ("a -- --output x", {}, ("a", "--output", "x")),
        ("a -nonsense", {}, ("a", "-nonsense")),
        ("-i a --output x", {"in-place": True}, ("a", "--output", "x")),  # a word behind a boolean ends the flags
        ("-", {}, ("-",)),
    ],
)
def test_behind_a_verb(line: str, said: Mapping[str, object], words: tuple[str, ...]) -> None:
    parsed = read(line)
    assert {name: parsed.values[name] for name in parsed.given} == said
    assert parsed.words == words


def test_without_a_verb_the_first_word_ends_the_flags() -> None:
    parsed = read("-i a --output x", follows_verb=False)
    assert parsed.words == ("a", "--output", "x")
    assert parsed.flag("in-place")


def test_what_is_not_said_has_its_default() -> None:
    parsed = read("")
    assert (parsed.flag("in-place"), parsed.flag("local")) == (False, True)
    assert (parsed.text("output"), parsed.text("network")) == ("", "tcp")
    assert (parsed.number("count"), parsed.texts("key")) == (0, ())


def test_the_environment_stands_behind_the_line() -> None:
    parsed = read("--output y", OUTPUT="x", IN_PLACE="T", LOCAL="0", KEYS="a, b")
    assert (parsed.text("output"), parsed.flag("in-place"), parsed.flag("local")) == ("y", True, False)
    assert parsed.texts("key") == ("a", "b")
    assert read("--key c", KEYS="a, b").texts("key") == ("a", "b", "c")
    assert read("", OUTPUT="", IN_PLACE="").values == read("").values


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--nonsense", "flag provided but not defined: -nonsense"),
        ("-nonsense=x", "flag provided but not defined: -nonsense"),
        ("---i", "bad flag syntax: ---i"),
        ("--=x", "bad flag syntax: --=x"),
        ("--output", "flag needs an argument: -output"),
        ("--count x", 'invalid value "x" for flag -count: parse error'),
        ("--count 99999999999999999999", 'invalid value "99999999999999999999" for flag -count: parse error'),
        ("--in-place=maybe", 'invalid boolean value "maybe" for -in-place: parse error'),
    ],
)
def test_a_wrong_line_is_refused_in_the_words_of_go(line: str, message: str) -> None:
    with pytest.raises(Wrong) as caught:
        read(line)
    assert str(caught.value) == message


def test_two_names_of_one_flag_are_refused() -> None:
    with pytest.raises(TwoForms):
        read("-i --in-place")


def test_a_boolean_of_the_environment_must_be_one() -> None:
    with pytest.raises(Wrong, match="could not parse maybe as bool value for flag local"):
        read("", LOCAL="maybe")


def test_in_our_manners_flags_stand_anywhere_and_must_exist() -> None:
    parsed = parse_anywhere(FLAGS, ["-i", "a", "--output", "x", "-5", "--", "-i"], {})
    assert (parsed.flag("in-place"), parsed.text("output"), parsed.words) == (True, "x", ("a", "-5", "-i"))
    with pytest.raises(Unknown, match="nonsense"):
        parse_anywhere(FLAGS, ["a", "--nonsense"], {})


@settings(max_examples=50)
@given(st.lists(st.text("-=io0x", max_size=6) | st.sampled_from(["--output", "--key", "-i", "--"]), max_size=6))
def test_any_line_is_read_or_refused(words: list[str]) -> None:
    for follows_verb in (False, True):
        with suppress(Wrong):
            assert set(parse(FLAGS, words, {}, follows_verb=follows_verb).words) <= set(words)
