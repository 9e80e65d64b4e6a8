"""The alerting rules and the Grafana board of deploy/ as data, and the names that their queries may use."""

import json
from typing import Any, Final

from controller.runtime.metrics import Metrics
from engine.kube.yaml import Dialect, read_all
from tests.kit.tree import ROOT

RULES: Final = (ROOT / "deploy" / "alerts" / "kseal.yaml").read_text()
BOARD: Final[dict[str, Any]] = json.loads((ROOT / "deploy" / "dashboards" / "kseal.json").read_text())
PANELS: Final[list[dict[str, Any]]] = BOARD["panels"]


def rules() -> list[dict[str, Any]]:
    """Each alerting rule."""
    (document,) = read_all(RULES.encode(), dialect=Dialect.V3, source="the rules")
    return [rule for group in document["groups"] for rule in group["rules"]]


def expressions() -> list[str]:
    """What rules and board ask, with Grafana's variable as Grafana fills it."""
    asked = [target["expr"] for panel in PANELS for target in panel["targets"]]
    return [rule["expr"] for rule in rules()] + [text.replace("$__rate_interval", "5m") for text in asked]


def exported() -> set[str]:
    """The names of our series: of gauges their own, of others with what the text format adds."""
    suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}
    families = Metrics("x").registry.collect()
    return {family.name + suffix for family in families for suffix in suffixes.get(family.type, [""])}
