"""Which namespaces a front door can be opened for."""

import pytest

from controller.runtime.frontdoor import FrontDoor
from controller.sealed.observed import SEALED_SECRETS
from engine.kube.config import Connection


def door(namespaces: list[str] | None) -> FrontDoor:
    return FrontDoor(
        Connection(server="https://localhost:1"),
        SEALED_SECRETS,
        on_event=lambda *_: None,
        is_served=lambda: True,
        on_problem=lambda _: None,
        namespaces=namespaces,
    )


@pytest.mark.parametrize("namespaces", [None, ["shop"], ["shop-1", "bank"]])
def test_names_are_accepted(namespaces: list[str] | None) -> None:
    assert door(namespaces).trouble() == "sealedsecrets are not watched"


@pytest.mark.parametrize("namespaces", [[], [""], ["shop-*"], ["!shop"], ["a,b"], ["shop", "a/b"]])
def test_patterns_and_an_empty_choice_are_refused(namespaces: list[str]) -> None:
    with pytest.raises(ValueError, match="names"):
        door(namespaces)


def test_a_door_that_was_never_opened_closes_at_once() -> None:
    assert door(None).stop(0.0)
