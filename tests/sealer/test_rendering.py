"""Templates over plain values: what they see, what wins, and what is not made anew."""

import subprocess
import sys

import pytest

from engine.gotemplate.errors import TemplateError
from sealer.rendering import render

VALUES = {"user": b"ada", "password": b"of the sea", "binary": bytes(range(256))}


def test_templates_see_the_plain_values() -> None:
    assert render({"url": "db://{{ .user }}:{{ .password | b64enc }}@x"}, VALUES) == {
        "url": b"db://ada:b2YgdGhlIHNlYQ==@x"
    }


def test_a_value_goes_through_byte_for_byte() -> None:
    assert render({"copy": "{{ .binary }}"}, VALUES) == {"copy": VALUES["binary"]}


def test_what_is_missing_prints_as_in_the_original() -> None:
    assert render({"x": '[{{ .none }}][{{ index . "none" }}]'}, {}) == {"x": b"[<no value>][]"}


def test_other_templates_are_seen_unrendered_and_the_own_one_not() -> None:
    rendered = render({"a": "{{ .b }}", "b": "{{ .user }}", "c": "{{ .c }}"}, VALUES)
    assert rendered == {"a": b"{{ .user }}", "b": b"ada", "c": b"<no value>"}


def test_a_sealed_value_wins_over_a_template_of_its_name() -> None:
    assert render({"user": "eve", "seen": "{{ .user }}"}, VALUES) == {"seen": b"ada"}


def test_quotes_of_a_value_are_escaped_where_the_template_asks_for_it() -> None:
    assert render({"x": "{{ toJson .p }}"}, {"p": b"hunter2'\"="}) == {"x": b'"hunter2\'\\"="'}


@pytest.mark.parametrize(
    "text", ["{{ fail .password }}", "{{ .password | atoi | div 0 }}", "{{ template .password }}", "{{ .password.x }}"]
)
def test_no_error_carries_a_value(text: str) -> None:
    with pytest.raises(TemplateError) as caught:
        render({"x": text}, VALUES)
    assert "sea" not in f"{caught.value} {caught.value.hint} {caught.value.__cause__}"


@pytest.mark.parametrize("text", ['{{ env "HOME" }}', '{{ expandenv "$HOME" }}', '{{ getHostByName "localhost" }}'])
def test_templates_reach_nothing_outside(text: str) -> None:
    with pytest.raises(TemplateError):
        render({"x": text}, VALUES)


def test_what_differs_each_time_keeps_the_live_value_and_only_that_is_asked_for() -> None:
    asked: list[str] = []

    def live(key: str) -> bytes | None:
        asked.append(key)
        return {"kept": b"live"}.get(key)

    rendered = render(
        {"kept": "{{ randAlphaNum 9 }}", "new": "{{ randAlphaNum 9 }}", "plain": "{{ .user }}"}, VALUES, live
    )
    assert rendered["kept"] == b"live"
    assert len(rendered["new"]) == 9
    assert rendered["plain"] == b"ada"
    assert asked == ["kept", "new"]


def test_a_template_that_grows_without_end_is_ended() -> None:
    with pytest.raises(TemplateError):
        render({"x": "{{ range until 40000 }}{{ range until 40000 }}{{ $.user }}{{ end }}{{ end }}"}, VALUES)


def test_the_engine_is_loaded_only_where_there_are_templates() -> None:
    code = "import sys, sealer.sealedsecret, controller.sealed.reconcile; print('engine.gotemplate' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
