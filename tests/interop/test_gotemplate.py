"""Our template engine beside Go's: the same output to the byte, or an error from both."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from engine.gotemplate.sprig.generic import TABLE
from engine.gotemplate.table import Table
from engine.gotemplate.template import TemplateError, parse
from engine.gotemplate.values import Value, of_json, string_map
from tests.kit import templates
from tests.kit.templatejudge import Question, ask, functions

pytestmark = pytest.mark.interop

BUILTINS = Table()
REMOVED = {"env", "expandenv", "getHostByName"}


@pytest.fixture(scope="session")
def judge(program: Any) -> Path:
    path: Path = program("gotemplate")
    return path


def _ours(template: str, data: Value, table: Table = TABLE) -> bytes | None:
    try:
        return parse("t", template, table).render(data)
    except TemplateError:
        return None


def _differences(
    judge: Path, cases: Iterable[str], **options: Any
) -> list[tuple[str, bytes | None, bytes | None, str]]:
    """Template, Go's output, ours, Go's error."""
    cases = list(dict.fromkeys(cases))
    answers = ask(judge, [Question(case.encode(), templates.DATA, **options) for case in cases])
    table = BUILTINS if options.get("is_plain") else TABLE
    found = []
    for case, answer in zip(cases, answers, strict=True):
        ours = _ours(case, of_json(templates.DATA), table)
        if ours != answer.output:
            found.append((case, answer.output, ours, answer.error))
    return found


def test_the_table_has_the_functions_of_the_controller(judge: Path) -> None:
    assert set(TABLE) - set(BUILTINS) == functions(judge) - set(BUILTINS)
    assert not REMOVED & set(TABLE)


def test_written_templates_render_as_in_go(judge: Path) -> None:
    assert _differences(judge, templates.written()) == []


def test_recorded_answers_are_what_go_says(judge: Path) -> None:
    answers = ask(judge, [Question(case.encode(), templates.DATA) for case in templates.written()])
    said = {case: answer.output for case, answer in zip(templates.written(), answers, strict=True)}
    recorded = templates.recorded()
    assert {case: said[case] for case in recorded} == recorded, "python -m tests.kit.templates"


@pytest.mark.parametrize("seed", [1, 2])
def test_every_function_gives_what_it_gives_in_go(judge: Path, seed: int) -> None:
    assert _differences(judge, templates.calls(TABLE, seed)) == []


@pytest.mark.parametrize("seed", [1, 2])
def test_grown_templates_render_as_in_go(judge: Path, seed: int) -> None:
    assert _differences(judge, templates.programs(2_000, seed)) == []


def test_without_sprig_its_functions_hide_nothing(judge: Path) -> None:
    cases = [
        '{{ slice "abcd" 1 3 }}', "{{ slice .list 1 3 }}", "{{ slice .list 1 2 3 }}", '{{ slice "ab" 0 1 2 }}',
        '{{ slice "ab" 2 1 }}', "{{ slice .list 1 }}", "{{ slice .count 1 }}", "{{ slice nil }}",
        '{{ slice "ab" 0 9 }}',
        '{{ slice "日本" 0 3 }}', "{{ slice .list 0 1 0 }}", '{{ upper "a" }}', "{{ len (slice .list 9) }}",
    ]  # fmt: skip
    assert _differences(judge, cases, is_plain=True) == []


def test_data_of_a_sealed_secret_is_a_map_of_strings(judge: Path) -> None:
    strings = {"user": b"ada", "password": b"\xff\x00{{ .user }}", "a-b": b"dash", "n": b"", "multi": b"x\ny\n"}
    cases = [
        "{{ .user }}:{{ .password }}", "{{ .missing }}", '{{ index . "missing" }}', '{{ index . "a-b" }}', "{{ . }}",
        '{{ get . "user" }}', "{{ keys . }}", "{{ range $k, $v := . }}{{ $k }}={{ $v | b64enc }};{{ end }}",
        "{{ .user.x }}",
        '{{ printf "%#v %T" . . }}', "{{ toJson . }}", '{{ set . "x" "y" }}', "{{ len . }}",
        "{{ if .n }}a{{ else }}b{{ end }}",
        '{{ hasKey . "user" }}', "{{ .multi | indent 2 }}", "{{ merge (dict) . }}", "{{ .password | len }}",
        "{{ typeOf . }}",
        '{{ (list .user .password) | join ":" | sha256sum }}', "{{ deepCopy . }}", '{{ dig "user" 1 . }}',
        "{{ eq . . }}",
    ]  # fmt: skip
    answers = ask(judge, [Question(case.encode(), strings=strings) for case in cases])
    assert {case: _ours(case, string_map(strings)) for case in cases} == {
        case: answer.output for case, answer in zip(cases, answers, strict=True)
    }


def test_what_we_refuse_on_purpose_is_rendered_by_go(judge: Path) -> None:
    cases = templates.REFUSED.read_text(encoding="utf-8").splitlines()
    answers = ask(judge, [Question(case.encode(), templates.DATA) for case in cases])
    assert [case for case, answer in zip(cases, answers, strict=True) if answer.output is None] == []
    assert [case for case in cases if _ours(case, of_json(templates.DATA)) is not None] == []
