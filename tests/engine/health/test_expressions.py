"""Expressions in CEL: verdicts, readiness, and what is refused."""

import subprocess
import sys
from typing import Any

import pytest

from engine.health import celtext
from engine.health.expressions import Expression, ExpressionError, Expressions, evaluate, readiness
from engine.health.verdict import Health, Verdict
from tests.engine.health.celcases import OBJECTS, READY, thing


def entry(**expressions: str) -> dict[str, str]:
    return {"apiVersion": "example.org/v1", "kind": "Thing", "current": "true", **expressions}


def health(obj: dict[str, Any], **expressions: str) -> Health:
    verdict = Expressions.of([entry(**expressions)]).verdict(obj)
    assert verdict is not None
    return verdict.health


def test_the_first_of_in_progress_failed_and_current_that_is_true_decides() -> None:
    assert health(thing(), current="true", failed="true", inProgress="true") is Health.IN_PROGRESS
    assert health(thing(), current="true", failed="true", inProgress="false") is Health.FAILED
    assert health(thing(), current="true", failed="false") is Health.CURRENT
    assert health(thing(), current="false") is Health.IN_PROGRESS


def test_an_old_generation_is_in_progress_before_any_expression() -> None:
    assert health(OBJECTS["old generation"], failed="true") is Health.IN_PROGRESS
    assert health(OBJECTS["odd generation"], current="true") is Health.CURRENT


def test_an_expression_without_an_answer_makes_the_health_unknown() -> None:
    verdict = Expressions.of([entry(current="status.missing")]).verdict(thing())
    assert verdict == Verdict(
        Health.UNKNOWN, "failed to evaluate the CEL expression 'status.missing': no such key: missing"
    )


def test_an_entry_without_a_kind_covers_the_group_and_one_with_a_kind_goes_first() -> None:
    group = {"apiVersion": "example.org/v1beta1", "current": "false"}
    expressions = Expressions.of([group, entry(current="true")])
    assert expressions.covers("example.org", "Other")
    assert not expressions.covers("example.com", "Thing")
    assert expressions.verdict(thing()) == Verdict(Health.CURRENT)
    assert expressions.verdict({**thing(), "kind": "Other"}) == Verdict(Health.IN_PROGRESS)
    assert expressions.verdict({"apiVersion": "v1", "kind": "Thing"}) is None


@pytest.mark.parametrize(
    ("entries", "complaint"),
    [
        ([entry(current="")], "expression Current not specified"),
        ([entry(current="1 +")], r"healthCheckExprs\[0\].current: failed to parse"),
        ([entry(), entry(failed="(")], "a second entry"),
        ([entry(failed="(")], r"healthCheckExprs\[0\].failed"),
        ([entry(inProgress="true" + " " * celtext.MAX_LENGTH)], "more than"),
    ],
)
def test_entries_that_cannot_work_are_refused(entries: list[dict[str, str]], complaint: str) -> None:
    with pytest.raises(ExpressionError, match=complaint):
        Expressions.of(entries)


def test_readiness_sees_self_and_dep_and_nothing_else() -> None:
    assert readiness("self.a == dep.a").evaluate({"self": {"a": 1}, "dep": {"a": 1}})
    assert not readiness("self.a == dep.a").evaluate({"self": {"a": 1}, "dep": {"a": 2}})
    with pytest.raises(ExpressionError, match="undeclared reference to 'other'"):
        readiness("other.a == 1")
    assert readiness("[1].all(other, other == 1) && type(1) == int").evaluate({"self": {}, "dep": {}})
    assert evaluate("a > b", {"a": 2, "b": 1})


def test_what_is_no_boolean_is_an_error() -> None:
    for text in ("1", "'true'", "dep", "[true]", "null"):
        with pytest.raises(ExpressionError):
            readiness(text).evaluate({"self": {}, "dep": {}})


def test_an_expression_stays_within_its_place() -> None:
    with pytest.raises(ExpressionError, match="failed to parse"):
        Expression("true) || (true")
    assert Expression("true // (").evaluate({})


def test_no_value_is_in_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    data = {"data": {"password": "hunter2-planted", "n": 7777777, "list": [1]}}
    for text in (
        "int(data.password) == 1",
        "data.password.matches('(')",
        "data.password + 1 == 2",
        "data.n + 9223372036854775807 == 1",
        "data.password.substring(999) == ''",
        "data.n.substring(1) == ''",
        "timestamp(data.password) == timestamp(data.password)",
        "duration(data.password) == duration('1s')",
        "data.list[data.n] == 1",
        "data.password",
    ):
        with pytest.raises(ExpressionError) as caught:
            evaluate(text, data)
        assert "hunter2" not in repr(caught.value)
        assert "7777777" not in repr(caught.value)
    assert capfd.readouterr() == ("", "")


_LONG = {"x": list(range(1000)), "s": "a" * 10_000}


@pytest.mark.parametrize(
    "text",
    [
        "x.all(a, x.all(b, x.all(c, true)))",
        "x.exists(a, x.filter(b, b == a).size() == 2)",
        "x . all(a, x\n.all // all(\n(b, true))",
        'r"\\".size() == 1 && x.all(a, x.all(b, "" == ""))',
        '"""a\\""".all(""".size() > 0 && x.all(a, x.all(b, "" == ""))',
        "x.map(a, s).map(b, b + b).map(b, b + b).map(b, b + b).map(b, b + b).size() > 0",
        "x.map(a, x).map(b, x.map(c, b)) == x.map(a, x)",
        "x.all(a, s.matches('a'))",
        "s.split('').all(a, s.split('').all(b, true))",
    ],
)
def test_an_expression_that_could_take_long_is_refused_before_it_runs(text: str) -> None:
    with pytest.raises(ExpressionError, match="too long"):
        Expression(text).evaluate(_LONG)


def test_common_expressions_are_allowed_on_large_objects() -> None:
    conditions = [("Ready", "True")] * 500
    assert health(thing(*conditions), current=READY + " && has(status.conditions)") is Health.CURRENT


@pytest.mark.parametrize(
    "text", ["(" * 4000, "!" * 8000 + "true", "[" * 4000, "a" + ".b" * 4000, "x.all(a," * 1000, "true?1:" * 1000]
)
def test_deep_expressions_do_no_harm(text: str) -> None:
    try:
        Expression(text).evaluate({"a": {}, "x": [1]})
    except ExpressionError:
        return
    assert text.startswith("!")


def test_deep_data_are_refused_before_the_library_sees_them() -> None:
    deep: dict[str, Any] = {}
    for _ in range(100_000):
        deep = {"a": deep}
    with pytest.raises(ExpressionError, match="too long"):
        Expression("has(d.a)").evaluate({"d": deep})


def test_the_library_is_loaded_when_it_is_needed() -> None:
    code = "import sys, engine.health.expressions, engine.observer; sys.exit('cel' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
