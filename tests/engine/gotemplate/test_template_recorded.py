"""The written templates give what Go's engine gave when it was asked; tests/interop asks it again."""

import re

import pytest

from engine.gotemplate.sprig.generic import TABLE
from engine.gotemplate.template import TemplateError, parse
from engine.gotemplate.values import of_json
from tests.kit import templates

RECORDED = templates.recorded()
COSTLY = re.compile("derivePassword|bcrypt|htpasswd|genPrivateKey|genCA|genSelfSigned|genSigned")
"""Functions that take tens of milliseconds by design."""
QUICK = [template for template in RECORDED if not COSTLY.search(template)]


def _rendered(template: str) -> bytes | None:
    try:
        return parse("t", template, TABLE).render(of_json(templates.DATA))
    except TemplateError:
        return None


@pytest.mark.parametrize("chunk", range(8))
def test_written_templates_give_the_recorded_answers(chunk: int) -> None:
    mine = QUICK[chunk::8]
    assert len(mine) > 50
    assert {template: _rendered(template) for template in mine} == {template: RECORDED[template] for template in mine}


@pytest.mark.slow
def test_costly_templates_give_the_recorded_answers() -> None:
    mine = RECORDED.keys() - QUICK
    assert mine
    assert {template: _rendered(template) for template in mine} == {template: RECORDED[template] for template in mine}


def test_every_function_occurs_in_a_template() -> None:
    cases = [*templates.written(), *templates.calls(TABLE, seed=1, count=3)]
    called: set[str] = set()
    for case in cases:
        try:
            called |= parse("t", case, TABLE).called
        except TemplateError:
            continue
    assert set(TABLE) - called == set()
