"""Whatever text comes as a template, and whatever bytes as data, nothing is raised but TemplateError."""

import time
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.gotemplate.limits import Limits
from engine.gotemplate.sprig.generic import TABLE
from engine.gotemplate.template import TemplateError, parse
from engine.gotemplate.values import string_map

_NAMES = sorted(name for name in TABLE if TABLE[name].price < 1_000_000)
_LIMITS = Limits(cost=20_000_000)
_PIECES = st.sampled_from(
    [
        "{{", "}}", "{{-", "-}}", " ", "\n", "(", ")", "|", ":=", "=", ",", ".", "$", "$x", ".a", ".b.c", "nil",
        "true", "if ",
        "else ", "end", "range ", "with ", "define ", "block ", "template ", "break", "continue", '"t"', '"', "`",
        "'", "'a'",
        "1", "-1", "0x1f", "1e9", "9223372036854775807", "1.5", "99999", '"%v%d%[2]*.[1]*f"', "{{/*", "*/}}",
        "\u00e9", "\ud800",
        "{{ if . }}", "{{ end }}", "{{ range . }}", "{{ else }}", "{{ $x := ", "{{ . }}", '"\\xff"', "_", "é", "\x00",
    ]
)  # fmt: skip
_WORDS = st.sampled_from(_NAMES).map(lambda name: name + " ")
_ARGUMENTS = st.sampled_from(
    [
        ".a", ".b", "nil", "1", "-1", "0", "3.5", '""', '"a"', "true", "(list)", "(list 1 .a nil)", "(dict)",
        "(dict .a .b)",
        "(until 5)", '"[a-z"', '"%d"', "9223372036854775807", "-9223372036854775808", "1e300", "(int64 -5)", "(now)",
        '(semver "1.2.3")', '(split "," .a)', "(rest (list))", "$", "(index .a 0)", '(toDate "2006" "x")',
        "(list .a .b)",
    ]
)  # fmt: skip


def _render(text: str, data: dict[str, bytes]) -> None:
    start = time.process_time()
    with suppress(TemplateError):
        parse("t", text, TABLE, limits=_LIMITS).render(string_map(data), limits=_LIMITS)
    assert time.process_time() - start < 1


@settings(max_examples=100)
@given(st.lists(_PIECES | _WORDS, max_size=25).map("".join), st.binary(max_size=20))
def test_scraps_of_templates(text: str, value: bytes) -> None:
    _render(text, {"a": value, "b": b"x"})


@given(st.text(max_size=60).map(lambda text: "{{ " + text + " }}"))
def test_any_text_as_an_action(text: str) -> None:
    _render(text, {"a": b"1"})


@settings(max_examples=150)
@given(
    st.sampled_from(_NAMES), st.lists(_ARGUMENTS, max_size=4), st.sampled_from(["", " | toJson",
    ' | printf "%#v %d %x"']),
    st.binary(max_size=12), st.binary(max_size=12),
)  # fmt: skip
def test_any_function_with_any_arguments(name: str, arguments: list[str], after: str, a: bytes, b: bytes) -> None:
    _render(f"{{{{ {name} {' '.join(arguments)}{after} }}}}", {"a": a, "b": b})


@settings(max_examples=50)
@given(st.text("%#0+- 0123456789.*[]vTtbcdoOqxXUeEfFgGswp!é", max_size=12), st.lists(_ARGUMENTS, max_size=3))
def test_any_format(text: str, arguments: list[str]) -> None:
    _render(f'{{{{ printf "{text}" {" ".join(arguments)} }}}}', {"a": b"\xff", "b": b"12"})
