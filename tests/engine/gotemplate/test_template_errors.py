"""What an error says: the template, the line, the function; never a value."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.gotemplate.sprig.generic import TABLE
from engine.gotemplate.table import Table
from engine.gotemplate.template import TemplateError, parse
from engine.gotemplate.values import string_map

SECRET = b"hunter2-\xff\xfe-s3cr3t"
DATA = {"password": SECRET, "number": b"12", "json": b'{"a": 1}'}

_SHAPES = (
    "{{{{ {0} }}}}", "{{{{ {0} .password }}}}", "{{{{ {0} .password .password }}}}", "{{{{ {0} .number .password }}}}",
    "{{{{ {0} 3 .password }}}}", "{{{{ {0} .password 3 }}}}", "{{{{ {0} .password .password .password }}}}",
    "{{{{ {0} .password .password 2 }}}}", "{{{{ {0} (list .password) }}}}", "{{{{ {0} (dict .password .password) }}}}",
    "{{{{ {0} 9 (list .password) }}}}", "{{{{ {0} .password (list .password) }}}}", "{{{{ {0} nil .password }}}}",
    "{{{{ {0} (dict .password 1) .password .password }}}}", "{{{{ {0} .password nil (list .password) 3 }}}}",
    "{{{{ {0} .password nil nil 3 .password }}}}", "{{{{ {0} 1 .password .password .password .password }}}}",
)  # fmt: skip
_CHEAP = sorted(name for name in TABLE if TABLE[name].price < 1_000_000)


def _error(template: str, table: Table = TABLE) -> TemplateError:
    with pytest.raises(TemplateError) as caught:
        parse("config.yaml", template, table).render(string_map(DATA))
    return caught.value


def _failure(template: str, value: bytes = SECRET) -> TemplateError | None:
    try:
        parse("t", template, TABLE).render(string_map(DATA | {"password": value}))
    except TemplateError as error:
        return error
    return None


def _tells(error: TemplateError) -> bool:
    """Whether the text, or an error behind it, holds a part of the secret."""
    seen: BaseException | None = error
    texts = []
    while seen is not None:
        texts.append(f"{seen} {getattr(seen, 'hint', '')}")
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    return any(part in text for text in texts for part in ("hunter2", "s3cr3t"))


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ('\n{{ fail "no" }}', 'template config.yaml: line 2: calling "fail" failed'),
        ("{{ until .password }}", 'line 1: "until": wrong type of argument, expected int'),
        ("{{ .password.field }}", "line 1: a field of a value that has none of this name"),
        ("{{ mustFromJson .password }}", 'line 1: calling "mustFromJson" failed: the text is no JSON'),
        ("\n\n{{ nosuch }}", 'template config.yaml: line 3: function "nosuch" not defined'),
        ("{{ $x }}", 'line 1: undefined variable "$x"'),
        ("{{ if .password }}", "line 1: unexpected end of the template"),
        ("{{ .password", "line 1: unclosed action"),
        ("{{ eq .password 1 }}", 'line 1: calling "eq" failed: incompatible types for comparison'),
        ("{{ print 1 |\n print 2 |\n fail }}", 'line 3: calling "fail" failed'),
        ("{{ len }}", 'line 1: wrong number of arguments for "len"'),
        ('{{ template "x" }}', "line 1: the template to invoke is not defined"),
        ("{{ 1 | .password }}", "line 1: an argument for something that is no function"),
    ],
)
def test_an_error_names_the_template_the_line_and_the_function(template: str, says: str) -> None:
    assert says in str(_error(template))


def test_the_message_of_fail_is_withheld() -> None:
    error = _error("{{ fail .password }}")
    assert not _tells(error)
    assert "fail" in str(error)


@pytest.mark.parametrize("name", _CHEAP)
def test_no_function_tells_its_arguments_when_it_fails(name: str) -> None:
    for shape in _SHAPES:
        error = _failure(shape.format(name))
        assert error is None or not _tells(error), shape.format(name)


def test_an_error_behind_the_error_is_not_kept() -> None:
    error = _error('{{ dig "a" .password 1 }}')
    assert error.__suppress_context__
    assert error.__cause__ is None


@given(st.binary(min_size=12, max_size=40), st.sampled_from(_CHEAP), st.sampled_from(_SHAPES))
def test_no_part_of_any_value_is_told(value: bytes, name: str, shape: str) -> None:
    error = _failure(shape.format(name), value)
    for form in (value.decode("latin-1"), repr(value)[2:-1], value.decode(errors="replace")):
        assert form not in str(error)
