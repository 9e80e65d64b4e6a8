"""Which functions a template may call, and how data come in and go out."""

import subprocess
import sys

import pytest

from engine.gotemplate.sprig.generic import TABLE
from engine.gotemplate.table import Table, function
from engine.gotemplate.template import TemplateError, parse
from engine.gotemplate.values import of_json, string_map


@pytest.mark.parametrize(
    "name", ["env", "expandenv", "getHostByName", "include", "tpl", "lookup", "toYaml", "fromYaml"]
)
def test_nothing_reads_environment_network_or_cluster(name: str) -> None:
    assert name not in TABLE
    with pytest.raises(TemplateError, match="not defined"):
        parse("t", f'{{{{ {name} "HOME" }}}}', TABLE)


def test_a_caller_passes_functions_of_its_own() -> None:
    table = Table({"shout": function("string", lambda text: text.upper() + b"!")})
    assert parse("t", '{{ "a" | shout }}', table).render(None) == b"A!"
    with pytest.raises(TemplateError, match="not defined"):
        parse("t", '{{ upper "a" }}', table)


def test_an_own_function_hides_a_built_in_one() -> None:
    table = Table({"len": function("any", lambda _: 42)})
    assert parse("t", "{{ len 1 }}", table).render(None) == b"42"


def test_functions_can_be_left_out() -> None:
    table = Table({name: TABLE[name] for name in ("upper", "now")}, without=["now"])
    assert "upper" in table
    assert "now" not in table


def test_data_are_bytes_and_stay_bytes() -> None:
    data = string_map({"raw": bytes(range(256)), "name": "é".encode()})
    assert parse("t", "{{ .raw }}{{ .name }}", TABLE).render(data) == bytes(range(256)) + "é".encode()


def test_half_a_surrogate_in_data_becomes_the_replacement_character() -> None:
    assert parse("t", "{{ .a }}", TABLE).render(of_json({"a": "x\ud800"})) == "x\ufffd".encode()


def test_half_a_surrogate_in_a_template_is_refused() -> None:
    with pytest.raises(TemplateError, match="no valid text"):
        parse("t", "\ud800", TABLE)


def test_rendering_twice_gives_the_same() -> None:
    template = parse("t", "{{ $x := 1 }}{{ range .l }}{{ $x = add $x 1 }}{{ end }}{{ $x }}", TABLE)
    assert [template.render(of_json({"l": [1, 2]})) for _ in range(2)] == [b"3", b"3"]


def test_a_template_may_be_named_like_any_key() -> None:
    for name in ("tls.crt", "über", "", "a\nb", "\ud800"):
        assert parse(name, "{{ .a }}", TABLE).render(string_map({"a": b"1"})) == b"1"


def test_heavy_libraries_are_loaded_only_when_they_are_needed() -> None:
    code = (
        "import sys; from engine.gotemplate.sprig.generic import TABLE; from engine.gotemplate.template import parse;"
        "parse('t', '{{ .a | upper }}', TABLE).render({b'a': b'x'});"
        "heavy = {'re2', 'bcrypt', 'cryptography', 'yaml', 'dataclasses', 'inspect'} & set(sys.modules); print(heavy)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
