"""Any bytes end in values or in a YamlError, soon, and no refusal quotes what it read."""

import time
import traceback

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.kube.documents import DocumentError, Limits
from engine.kube.manifest import read
from engine.kube.yaml import Dialect, YamlError, read_all, write

PLANTED = "pl4nted"

# What YAML looks at, and some text: random bytes alone seldom get past the first character.
_PIECES = st.sampled_from(
    [
        *"abz019 \n\t:-?,[]{}&*!|>'\"%@`#<.~_\\", "\r\n", "\r", "\x00", "\x85", "\u2028", "\ufeff", "é", "😀", "\n  ",
        "\n- ", ": ", "- ", "? ", "---\n", "...\n", "<<: ", "&a ", "*a", "!!int ", "!!binary ", "!<", "%YAML 1.1\n",
        "%TAG ! x\n", "|-\n ", ">+2\n", "true", "null", ".nan", "0x", "1e9", "2001-01-01", "\\x", "\\uD800",
        "key: value\n",
    ]
)  # fmt: skip
_STREAMS = st.one_of(
    st.binary(max_size=200), st.lists(_PIECES, max_size=40).map(lambda pieces: "".join(pieces).encode())
)


def refusal(data: bytes, dialect: Dialect = Dialect.V2) -> YamlError | None:
    """Why an input is refused; None when it is read. Any other error fails the test."""
    try:
        read_all(data, dialect=dialect, source="s")
    except YamlError as error:
        return error
    return None


@settings(max_examples=100)
@given(_STREAMS, st.sampled_from(Dialect))
@example(b"a: !%ED%A0%80 x", Dialect.V2)
@example(b"[" * 10_000, Dialect.V2)
def test_any_bytes_are_values_that_can_be_written_again_or_a_refusal(data: bytes, dialect: Dialect) -> None:
    if error := refusal(data, dialect):
        assert error.message.startswith("s: ")
        return
    for value in read_all(data, dialect=dialect, source="s"):
        assert read_all(write(value).encode(), dialect=dialect, source="s") == [value]


_TEMPLATES = [
    "a: {}: x", "a: [{}", "a: *{}", "a: !{} [}}", "a: &{} [", "a: !!int {}", "a: !!binary {}!", 'a: "{}', "a: '{}",
    'a: "\\q{}"', "{}: 1\n{}: 2", "{}\n---\n}}", "a: @{}", "a: %{}", "? [{}]\n: 1", "%{} x\n---\n", "a: |{}\n b",
    "%TAG !{}! tag:x,2:\n---\na", "a: {}\x00", "a: !{}! x", "a: !<{} x", "a: {{{}, ]", "a: \t{}\n\tb: 1", "<<: {}",
    "a: {}\n b: c", "&a {}: *b", "a: !%ED%A0{} x",
]  # fmt: skip


@pytest.mark.parametrize("template", _TEMPLATES)
@pytest.mark.parametrize("text", [PLANTED, f"{PLANTED}\n", f"\n  {PLANTED}", f"x {PLANTED} y"])
def test_no_refusal_quotes_the_input_not_even_in_its_traceback(template: str, text: str) -> None:
    error = refusal(template.format(*[text] * 2).encode())
    shown = "".join(traceback.format_exception(error)) + repr(error and (error.args, error.hint))
    assert PLANTED not in shown


@given(st.lists(_PIECES, max_size=20), st.lists(_PIECES, max_size=20))
def test_no_refusal_of_a_manifest_quotes_random_text_around_a_secret(before: list[str], after: list[str]) -> None:
    try:
        shown = repr(read("".join([*before, PLANTED, *after]).encode(), source="s"))
    except DocumentError as error:
        shown = f"{error} {error.hint}"
    assert PLANTED not in shown


_LONG = 200_000
_REPEATED = [
    "[", "{", "- ", "? ", ": ", "a: ", "[a: ", "a,", "[],", "&a ", "!a ", "*a,", "'a' ", "%A b\n", "#", "#\n", "---\n",
    "\n", "\t", "\\", "a\n", "- a: b\n", "\x85", "é",
]  # fmt: skip
_REPEATED_AFTER = [
    ("[", "a,"), ('"', "\\n"), ("|\n", " x\n"), (">\n", "\n"), ("a: ", "9"), ("a: 0", "7"), ("a: 1.", "1"),
    ("a: 1", "_"), ("a: 2001-", "1"), ("a: 1", ":1"),
]  # fmt: skip
_NUMBERED = {
    "directives": "".join(f"%TAG !a{index}! x\n" for index in range(_LONG // 20)) + "--- a",
    "anchors": "[" + ",".join(f"&a{index} x" for index in range(_LONG // 10)) + "]",
    "levels": "".join("  " * index + "a:\n" for index in range(600)),
}


@pytest.mark.parametrize(
    "data",
    [
        *(piece * (_LONG // len(piece)) for piece in _REPEATED),
        *(start + piece * (_LONG // len(piece)) for start, piece in _REPEATED_AFTER),
        *_NUMBERED.values(),
    ],
    ids=lambda data: repr(data[:12]),
)
def test_long_inputs_of_one_kind_take_no_more_than_a_moment(data: str) -> None:
    start = time.process_time()
    error = refusal(data.encode())
    # 200 KB take 0.2 s on a slow machine; what grows with the square of the length would take minutes.
    assert time.process_time() - start < 5
    assert len(str(error)) < 200


def test_aliases_of_aliases_are_refused_before_they_fill_the_memory() -> None:
    levels = ["a: &a [" + "x," * 9 + "]"]
    for previous, name in zip("abcdefgh", "bcdefghi", strict=True):
        levels.append(f"{name}: &{name} [" + f"*{previous}," * 9 + "]")
    with pytest.raises(YamlError, match=r"^s: line \d: the aliases repeat too much$"):
        read_all("\n".join(levels).encode(), dialect=Dialect.V2, source="s")


@pytest.mark.parametrize("repeated", ["*a,", "{*a : 1},", "{<<: {*a : 1}},"])
@pytest.mark.parametrize("scalar", ["1" * 100_000, "!!binary " + "QUJD" * 25_000, "x" * 100_000])
def test_reading_a_long_scalar_again_and_again_is_refused(scalar: str, repeated: str) -> None:
    text = f"a: &a {scalar}\nb: [" + repeated * 5_000 + "]"
    with pytest.raises(YamlError, match="the aliases repeat too much"):
        read_all(text.encode(), dialect=Dialect.V2, source="s", limits=Limits(bytes=1_000_000))


def test_merges_of_merges_are_refused_in_time() -> None:
    text = "a: &a {" + ",".join(f"k{index}: v" for index in range(1000)) + "}\nb:\n" + "  <<: *a\n" * 3000
    with pytest.raises(YamlError, match="the aliases repeat too much"):
        read_all(text.encode(), dialect=Dialect.V2, source="s")


def test_a_chain_of_aliases_cannot_get_around_the_depth() -> None:
    text = "- &a0 []\n" + "".join(f"- &a{index} [*a{index - 1}]\n" for index in range(1, 40))
    with pytest.raises(YamlError, match="more than 20 lists and mappings inside each other"):
        read_all(text.encode(), dialect=Dialect.V2, source="s", limits=Limits(depth=20))
