"""The grammar of `${...}` in a text."""

import pytest

from engine.substitute import SubstituteError, substitute
from tests.engine.substitute.forms import FORMS, VARIABLES


def result(text: str, *, strict: bool = True) -> str | None:
    try:
        return substitute(text, VARIABLES, strict=strict)
    except SubstituteError:
        return None


@pytest.mark.parametrize("text", FORMS)
def test_a_form_gives(text: str) -> None:
    assert result(text) == FORMS[text]


def test_a_variable_that_is_not_set_is_an_error_unless_the_user_wants_it_empty() -> None:
    with pytest.raises(SubstituteError, match='variable not set \\(strict mode\\): "missing"') as caught:
        substitute("a ${missing}", VARIABLES, strict=True)
    assert caught.value.hint
    assert substitute("a ${missing}b${#missing}", VARIABLES, strict=False) == "a b0"


def test_an_empty_variable_is_set() -> None:
    assert result("a${empty}b") == "ab"


def test_half_a_character_is_an_error() -> None:
    with pytest.raises(SubstituteError, match="inside a character"):
        substitute("${accent:1}", VARIABLES, strict=True)


def test_what_is_wrong_names_the_variable() -> None:
    for text in ("${v-d}", "${v:}", "${v#}", "${v/a}", "${v^x}", "${v:4:-3}"):
        with pytest.raises(SubstituteError, match='"v"'):
            substitute(text, VARIABLES, strict=True)
