"""Flux's own substitution is asked the same (tests/kit/go/envsubstjudge): texts and objects come out equal."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.substitute import SubstituteError, substitute, substitute_objects
from tests.engine.substitute.forms import FORMS, VARIABLES
from tests.kit.envsubstjudge import EnvsubstJudge

pytestmark = pytest.mark.interop
_PATIENT = settings(
    max_examples=600,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="module")
def flux(program: Callable[[str], Path]) -> Iterator[EnvsubstJudge]:
    with EnvsubstJudge(program("envsubstjudge")) as judge:
        yield judge


def ours(text: str, *, strict: bool) -> str | None:
    try:
        return substitute(text, VARIABLES, strict=strict)
    except SubstituteError:
        return None


def theirs(text: str | None) -> str | None:
    """Half a character at the edge of a substring is an error of ours; there the reader of YAML refuses it later."""
    return None if text is None or any("\udc80" <= character <= "\udcff" for character in text) else text


def test_every_form_of_the_table_gives_what_the_table_says(flux: EnvsubstJudge) -> None:
    assert {text: theirs(flux.text(text, VARIABLES, strict=True)) for text in FORMS} == FORMS


_OPERATORS = [
    "", ":", "=", ":=", ":-", ":?", ":+", "-", "?", "^", "^^", ",", ",,", "^,", "#", "##", "%", "%%", "###",
    "/", "//", "/#", "/%", "///",
]  # fmt: skip
_TEXTS = [
    "a", "bc", "/", "*", "*.", "?", "[a-c]*", "[^a]", "\\/", "\\\\", "$$", "$", "$v", "é", "ß", " ", "-1", "0", "3",
    ":", "::", "}", "{", "", "\\", "[", "]", "-", "def", "*/", "[z-", "[]a]", "[a\\]*", "\n", "#", "%",
    "99999999999999999999", "\0",
]  # fmt: skip
_NAMES = [*VARIABLES, "missing", "x-y", ""]


def _calls(argument: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    parts = (
        st.sampled_from(["", "", "", "#"]),
        st.sampled_from(_NAMES),
        st.sampled_from(_OPERATORS),
        st.lists(argument, max_size=3).map("".join),
        st.sampled_from(["}", "}", "}", ""]),
    )
    return st.tuples(*parts).map(lambda found: "${" + "".join(found))


_ARGUMENTS = st.recursive(st.sampled_from(_TEXTS), _calls, max_leaves=6)
_WRITTEN = st.lists(_calls(_ARGUMENTS) | st.sampled_from(_TEXTS), max_size=4).map("".join)


@_PATIENT
@given(text=_WRITTEN, strict=st.booleans())
def test_made_up_texts_come_out_equal(flux: EnvsubstJudge, text: str, strict: bool) -> None:
    assert ours(text, strict=strict) == theirs(flux.text(text, VARIABLES, strict=strict))


_VALUES = {
    "yes": "yes", "port": "8080", "quote": '"', "pair": "a: b", "big": "9007199254740993", "float": "1.5", "empty": "",
    "lines": "a\nb", "null": "null", "day": "2001-01-01", "octal": "0o14", "hex": "0x1F", "flow": "{a: 1}",
    "list": "[1, 2]", "comment": "a #b", "alias": "*x", "anchor": "&x y", "huge": "12345678901234567890123",
    "tick": "'", "negative": "-5", "tilde": "~", "sexagesimal": "1:30",
}  # fmt: skip
# Without the characters that kustomize itself loses between two readings: tabs that lead, U+0085, U+2028, U+FEFF.
_FRAGMENTS = [
    "a", " lead", "trail ", "a: b", "- a", "#c", "\n", "line1\nline2\n", "\n\n  indented\n", "tab\tin", "é", "\x07",
    "%", "@a", "`", "1", "true", "yes", "~", "null", "1e3", "$$x", "$y", "it's", '"q"', "\\", "😀", "a\n b\n", "a \nb",
    "\r\n", "---", "...", "long word " * 20, "-", "? a", "!t", "|", "a\n\n\nb\n\n", "'${yes}'",
    "${quote}${port}${quote}",
    *("${" + name + "}" for name in _VALUES),
]  # fmt: skip
_STRINGS = st.lists(st.sampled_from(_FRAGMENTS), max_size=3).map("".join)
_NUMBERS = st.sampled_from([0, -1, 80, 1000000, 2**53, 2**53 + 1, 2**63 - 1, 2**64 - 1, 1.5, 1e20, 1.0])
_DATA = st.recursive(
    _STRINGS | _STRINGS | _NUMBERS | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_STRINGS, inner, max_size=3),
    max_leaves=8,
)


@_PATIENT
@given(data=_DATA, has_dollars=st.booleans())
def test_made_up_objects_come_out_equal(flux: EnvsubstJudge, data: Any, has_dollars: bool) -> None:
    obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": data}
    if not has_dollars:
        obj = json.loads(json.dumps(obj).replace("$", "S"))
    try:
        made: Any = substitute_objects([obj], _VALUES, strict=True, is_exempt=lambda _: False)[0]
    except SubstituteError:
        made = None
    assert canonical(made) == canonical(flux.obj(obj, _VALUES, strict=True))


def canonical(value: Any) -> str:
    """A value as text, so that 1, True and 1.0 are told apart."""
    return json.dumps(value, sort_keys=True)
