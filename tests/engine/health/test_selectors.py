"""Label selectors."""

from typing import Any

import pytest

from engine.health.selectors import selects

LABELS = {"app": "a", "tier": "web"}


def part(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


@pytest.mark.parametrize(
    ("selector", "is_selected"),
    [
        ({}, True),
        ({"matchLabels": {"app": "a"}}, True),
        ({"matchLabels": {"app": "b"}}, False),
        ({"matchLabels": {"app": "a", "other": ""}}, False),
        (part("app", "In", "a", "b"), True),
        (part("app", "In", "b"), False),
        (part("other", "In", "a"), False),
        (part("app", "NotIn", "a"), False),
        (part("other", "NotIn", "a"), True),
        (part("app", "Exists"), True),
        (part("other", "Exists"), False),
        (part("other", "DoesNotExist"), True),
        (part("app", "DoesNotExist"), False),
        (part("app", "Odd"), False),
        ({"matchLabels": {"app": "a"}, **part("tier", "NotIn", "web")}, False),
    ],
)
def test_a_selector_selects(selector: dict[str, Any], is_selected: bool) -> None:
    assert selects(selector, LABELS) is is_selected
