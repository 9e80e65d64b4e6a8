"""Alert rules and the Grafana board ask for metrics that we have, and are of the form that is loaded."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from controller.runtime.metrics import PREFIX, Metrics
from engine.kube.yaml import Dialect, read_all
from tests.kit.tree import ROOT

RULES = ROOT / "deploy" / "alerts" / "kseal.yaml"
BOARD = ROOT / "deploy" / "dashboards" / "kseal.json"
_SELECTOR = re.compile(rf"({PREFIX}_\w+)(?:\{{([^}}]*)\}})?")


def rules() -> list[dict[str, Any]]:
    (document,) = read_all(RULES.read_bytes(), dialect=Dialect.V3, source=str(RULES))
    return [rule for group in document["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(BOARD.read_text())["panels"]
    return found


def expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in rules())
    yield from (target["expr"] for panel in panels() for target in panel["targets"])


def names_of_ours() -> set[str]:
    """Each name that a query can use: of gauges their own, of others with what the text format adds."""
    suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}
    return {
        family.name + suffix for family in Metrics("x").registry.collect() for suffix in suffixes.get(family.type, [""])
    }


@pytest.mark.parametrize("expression", [*expressions()])
def test_an_expression_asks_for_metrics_that_there_are(expression: str) -> None:
    asked = {name for name, _ in _SELECTOR.findall(expression)}
    assert asked
    assert asked <= names_of_ours()
    assert expression.count("(") == expression.count(")")


def test_every_metric_of_ours_is_on_the_board() -> None:
    shown = {name for panel in panels() for t in panel["targets"] for name, _ in _SELECTOR.findall(t["expr"])}
    families = {family.name for family in Metrics("x").registry.collect() if family.name.startswith(PREFIX)}
    missing = {family for family in families if not any(name.startswith(family) for name in shown)}
    assert missing == {f"{PREFIX}_build_info"}


def test_every_rule_has_a_name_of_its_own_a_severity_and_words_for_people() -> None:
    assert len({rule["alert"] for rule in rules()}) == len(rules())
    for rule in rules():
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert set(rule["annotations"]) == {"summary", "description"}


def test_the_alerts_of_the_original_keep_their_names() -> None:
    named = {rule["alert"]: rule["expr"] for rule in rules()}
    assert named["SealedSecretsControllerNotReady"] == f"{PREFIX}_condition_info != 1"
    assert "by (reason, namespace)" in named["SealedSecretsUnsealErrorHigh"]


def test_the_panels_of_the_board_stand_beside_each_other_and_take_the_chosen_source() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells
        assert {target["datasource"]["uid"] for target in panel["targets"]} == {"${datasource}"}
    assert len({panel["id"] for panel in panels()}) == len(panels())
