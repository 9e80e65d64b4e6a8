"""Prometheus itself loads the alerting rules, reads every query of the board, and fires each alert when it should."""

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from controller.runtime.metrics import PREFIX
from tests.kit import promjudge
from tests.kit.monitoring import RULES, exported, expressions, rules

pytestmark = pytest.mark.interop

DAY = 86400


class Case(NamedTuple):
    """What there is to see, from when on an alert fires, and in which minute it does not."""

    alert: str
    series: dict[str, str]
    fires: int
    silent: int
    labels: dict[str, str]


def ours(name: str, labels: str = "") -> str:
    """A series of ours, as Prometheus has it after a scrape of the Pod in `kube-system`."""
    return f'{PREFIX}_{name}{{job="kseal",namespace="kube-system",pod="a",instance="a:8081"{labels}}}'


JOB = {"job": "kseal", "namespace": "kube-system"}
CASES = [
    Case(
        "SealedSecretsUnsealErrorHigh",
        {ours("unseal_errors_total", ',reason="unseal"'): "0x5 1x30"},
        fires=6,
        silent=4,
        labels={"namespace": "kube-system", "reason": "unseal"},
    ),
    Case(
        "SealedSecretsControllerNotReady",
        {ours("condition_info", ',name="db",condition="Synced"'): "1x5 -1x30"},
        fires=16,
        silent=15,
        labels={**JOB, "pod": "a", "instance": "a:8081", "name": "db", "condition": "Synced"},
    ),
    Case("SealedSecretsNoLeader", {ours("leader"): "1x5 0x10"}, fires=8, silent=7, labels=JOB),
    Case(
        "SealedSecretsTwoLeaders",
        {ours("leader"): "1x15", ours("leader").replace('"a', '"b'): "0x5 1x9"},
        fires=8,
        silent=7,
        labels=JOB,
    ),
    Case("SealedSecretsKeyUnreadable", {ours("keys", ',state="unreadable"'): "0x5 1x15"}, 11, 10, JOB),
    Case("SealedSecretsKeyUnreadable", {ours("keys", ',state="unopened"'): "0x5 1x15"}, 11, 10, JOB),
    Case("SealedSecretsKeyNotRenewed", {ours("key_age_seconds"): f"{32 * DAY - 300}+60x90"}, 66, 65, JOB),
    Case(
        "SealedSecretsCertificateEnds", {ours("key_not_after_timestamp_seconds"): f"{30 * DAY + 300}x90"}, 66, 65, JOB
    ),
    Case("SealedSecretsWatchSilent", {ours("watch_idle_seconds"): "0+60x20"}, 11, 10, JOB),
    Case(
        "SealedSecretsQueueStuck",
        {ours("queue_depth"): "0x5 3x60", ours("leader"): "1x65"},
        fires=36,
        silent=34,
        labels={**JOB, "pod": "a", "instance": "a:8081"},
    ),
]


@pytest.fixture(scope="module")
def judge(program: Any) -> Path:
    path: Path = program("promjudge")
    return path


def test_prometheus_loads_the_rules(judge: Path) -> None:
    assert promjudge.problems(judge, RULES) == []


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("for: 10m", "for: ten minutes"),
        ("severity: critical", "severity: critical\n        team: {{ $labels.none "),
        ("{{ $labels.namespace }}", "{{ $labels.namespace | shout }}"),
        ("expr: sum by", "expression: sum by"),
        ("> 0", ">"),
    ],
)
def test_prometheus_refuses_a_broken_rule(judge: Path, right: str, wrong: str) -> None:
    assert right in RULES
    assert promjudge.problems(judge, RULES.replace(right, wrong, 1))


def test_prometheus_reads_every_query_and_each_asks_for_metrics_of_ours(judge: Path) -> None:
    for query in promjudge.queries(judge, expressions()):
        assert query.error == ""
        assert query.metrics
        assert query.metrics <= exported()


def test_a_query_that_is_broken_or_asks_for_nothing_of_ours_is_told(judge: Path) -> None:
    broken, foreign = promjudge.queries(judge, [expressions()[0] + ")", f"{PREFIX}_unheard_of > 1"])
    assert broken.error
    assert not foreign.metrics <= exported()


def test_every_alert_has_a_case() -> None:
    assert {rule["alert"] for rule in rules()} == {case.alert for case in CASES}


@pytest.mark.parametrize("case", CASES, ids=[case.alert for case in CASES])
def test_an_alert_fires_when_it_should_and_alone(judge: Path, case: Case) -> None:
    assert promjudge.firing(judge, RULES, case.series, minutes=case.silent) == []
    expected = {"alertname": case.alert, **case.labels}
    assert promjudge.firing(judge, RULES, case.series, minutes=case.fires) == [expected]
