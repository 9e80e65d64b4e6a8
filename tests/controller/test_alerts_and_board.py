"""The alert rules are fit for people, and the Grafana board shows all that there is, side by side."""

import re

from controller.runtime.metrics import PREFIX, Metrics
from tests.kit.monitoring import PANELS, rules

_NAME = re.compile(rf"{PREFIX}_\w+")


def test_every_metric_of_ours_is_on_the_board() -> None:
    shown = {name for panel in PANELS for t in panel["targets"] for name in _NAME.findall(t["expr"])}
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
    for panel in PANELS:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells
        assert all(target["datasource"] == panel["datasource"] for target in panel["targets"])
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
