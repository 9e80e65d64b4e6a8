"""Texts and variables that ask for more than they are worth."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.envsubst.limits import Meter
from engine.envsubst.parser import MAX_DEPTH
from engine.substitute import SubstituteError, substitute, substitute_objects

_PIECES = st.sampled_from(
    ["${", "}", "v", "$", "$$", ":", "=", ":=", "#", "%", "^", ",", "/", "//", "\\", "*", "[", "]", "-", "1", "é", " "]
)


@given(st.lists(_PIECES, max_size=40).map("".join), st.text(max_size=20), st.booleans())
def test_any_text_is_substituted_or_refused(text: str, value: str, strict: bool) -> None:
    with suppress(SubstituteError):
        substitute(text, {"v": value}, strict=strict)


def test_calls_nest_only_so_deep() -> None:
    deep = "${v:=" * MAX_DEPTH + "}" * MAX_DEPTH
    assert substitute(deep, {"v": ""}, strict=True) == ""
    with pytest.raises(SubstituteError, match="inside each other"):
        substitute("${v:=" * 5000, {"v": ""}, strict=True)


@pytest.mark.parametrize(
    "text",
    ["${v//a/${v}}", "${v}" * 1000, "${e:=" + "${v}" * 1000 + "}", "${v//${e}/${v}}", "${v^^}" * 1000],
    ids=["replaced", "repeated", "in a default", "between all", "in capitals"],
)
def test_a_variable_does_not_explode(text: str) -> None:
    with pytest.raises(SubstituteError, match="too large"):
        substitute(text, {"v": "a" * 100_000, "e": ""}, strict=True)


@pytest.mark.parametrize("pattern", ["*a*a*a*b", "?*?*?*b", "[a]*[a]*b", "**" * 50 + "b"])
@pytest.mark.parametrize("operator", ["#", "##", "%", "%%"])
def test_a_pattern_does_not_run_for_ever(operator: str, pattern: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.substitute.Meter", lambda: Meter(max_steps=5_000))
    with pytest.raises(SubstituteError, match="too long"):
        substitute("${v" + operator + pattern + "}", {"v": "a" * 200_000}, strict=True)


def test_patterns_on_values_of_a_common_size_are_allowed() -> None:
    value = "registry.example.org/team/application@sha256:" + "0" * 64
    assert substitute("${v##*/}", {"v": value}, strict=True).startswith("application@")


def test_no_value_is_in_an_error() -> None:
    planted = "hunter2-planted"
    obj = {"kind": "Secret", "metadata": {"name": "s", "namespace": "n"}, "stringData": {"k": "${v}"}}
    for value in (
        f'"{planted}',
        f"{planted}: a: b",
        f"- {planted}: [",
        f"*{planted}",
        f"@{planted}",
        f"%{planted}",
    ):
        with pytest.raises(SubstituteError, match=r"^Secret/n/s: ") as refused:
            substitute_objects([obj], {"v": value}, strict=True, is_exempt=lambda _: False)
        error = refused.value
        assert planted not in f"{error!r} {error.hint} {error.__cause__!r} {error.__context__!r}"
    for text in ("${v:3:-1}", "${v-d}", "${v/a}", "${v#[}${missing}"):
        with pytest.raises(SubstituteError) as caught:
            substitute(text, {"v": planted}, strict=True)
        assert planted not in repr(caught.value)
