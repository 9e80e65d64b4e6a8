"""Flux evaluates the same expressions on the same objects (tests/kit/go/kstatusjudge): the answers are equal."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.health.expressions import ExpressionError, Expressions, readiness
from engine.health.verdict import Health
from tests.engine.health.celcases import EXPRESSIONS, OBJECTS, READINESS
from tests.kit.kstatusjudge import KstatusJudge

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def flux(program: Callable[[str], Path]) -> Iterator[KstatusJudge]:
    with KstatusJudge(program("kstatusjudge")) as judge:
        yield judge


@pytest.mark.parametrize("expressions", EXPRESSIONS, ids=str)
def test_health_expressions_give_what_flux_says(flux: KstatusJudge, expressions: dict[str, str]) -> None:
    ours = Expressions.of([{"apiVersion": "example.org/v1", "kind": "Thing", **expressions}])
    for name, obj in OBJECTS.items():
        said, verdict = flux.by_expressions(obj, expressions), ours.verdict(obj)
        assert verdict is not None
        assert verdict.health is (Health.UNKNOWN if said.error else Health(said.status)), (name, said, verdict)


@pytest.mark.parametrize("text", READINESS)
def test_a_readiness_expression_gives_what_flux_says(flux: KstatusJudge, text: str) -> None:
    dep, own = OBJECTS["ready"], OBJECTS["ready"]
    try:
        ours: bool | None = readiness(text).evaluate({"self": own, "dep": dep})
    except ExpressionError:
        ours = None
    assert ours == flux.is_ready(text, own, dep)
