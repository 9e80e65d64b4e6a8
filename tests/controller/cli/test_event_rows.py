"""Events as rows: what is shown, when, and how often it was so."""

from typing import Any

import pytest

from controller.cli import events
from controller.cli.events import Wanted

NOW = 1_767_225_600.0  # 2026-01-01T00:00:00Z


def event(**fields: Any) -> dict[str, Any]:
    """An event of a Kustomization, three minutes old."""
    return {
        "metadata": {"namespace": "flux-system", "name": "apps.1"},
        "involvedObject": {
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
            "kind": "Kustomization",
            "namespace": "flux-system",
            "name": "apps",
        },
        "type": "Normal",
        "reason": "ReconciliationSucceeded",
        "message": "Deployment/web/web configured\nService/web/web created",
        "firstTimestamp": "2025-12-31T23:00:00Z",
        "lastTimestamp": "2025-12-31T23:57:00Z",
        "count": 1,
        **fields,
    }


def test_a_row_says_when_what_and_of_which_object() -> None:
    assert events.row(event(), NOW, with_namespace=True) == (
        "flux-system", "3m", "Normal", "ReconciliationSucceeded", "Kustomization/apps",
        "Deployment/web/web configured; Service/web/web created",
    )  # fmt: skip


def test_what_happened_several_times_says_so() -> None:
    assert events.row(event(count=4), NOW, with_namespace=False)[0] == "3m (x4 over 1h)"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"series": {"lastObservedTime": "2025-12-31T23:59:50Z"}}, "10s"),
        ({"lastTimestamp": None, "eventTime": "2025-12-31T22:00:00.000000Z"}, "2h"),
        ({"lastTimestamp": "rubbish", "metadata": {"creationTimestamp": "2025-12-29T00:00:00Z"}}, "3d"),
    ],
)
def test_newer_kinds_of_events_are_dated_too(fields: dict[str, Any], expected: str) -> None:
    assert events.row(event(**fields), NOW, with_namespace=False)[0] == expected


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Wanted((), frozenset()), True),
        (Wanted((("Kustomization", "flux-system", "apps"),), frozenset()), True),
        (Wanted((("Kustomization", "", ""),), frozenset()), True),
        (Wanted((("Kustomization", "shop", "apps"),), frozenset()), False),
        (Wanted((("GitRepository", "", ""),), frozenset()), False),
        (Wanted((), frozenset({"Warning"})), False),
    ],
)
def test_events_are_narrowed(wanted: Wanted, expected: bool) -> None:
    assert wanted.fits(event()) is expected


def test_events_of_other_kinds_are_not_shown() -> None:
    about = {"apiVersion": "v1", "kind": "Pod", "namespace": "flux-system", "name": "apps"}
    assert not Wanted((), frozenset()).fits(event(involvedObject=about))
