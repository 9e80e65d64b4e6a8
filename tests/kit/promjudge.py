"""Prometheus as a judge: a child process (go/promjudge) that says what it makes of queries and alerting rules."""

import json
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple


class Query(NamedTuple):
    """What the parser makes of an expression: the metrics that it selects, or the parser's own words."""

    metrics: frozenset[str]
    error: str


def queries(program: Path, expressions: Iterable[str]) -> list[Query]:
    """The answers to all expressions, by one run of the program."""
    answers = _ask(program, "queries", list(expressions))
    return [Query(frozenset(answer["metrics"] or ()), answer["error"]) for answer in answers]


def problems(program: Path, rules: str) -> list[str]:
    """What the loader of rule files finds wrong with one."""
    found: list[str] = _ask(program, "rules", {"text": rules})
    return found


def firing(program: Path, rules: str, series: Mapping[str, str], *, minutes: int) -> list[dict[str, str]]:
    """The labels of the alerts that fire after so many minutes.

    `series` are written as in a test of promtool, a value a minute: `{'up{job="a"}': "1x5 0x30"}`.
    """
    alerts: list[dict[str, str]] = _ask(program, "firing", {"text": rules, "series": series, "minutes": minutes})
    return alerts


def _ask(program: Path, what: str, question: object) -> Any:
    sent = json.dumps(question).encode()
    return json.loads(subprocess.run([program, what], input=sent, stdout=subprocess.PIPE, check=True).stdout)
