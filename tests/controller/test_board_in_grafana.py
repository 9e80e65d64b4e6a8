"""Grafana's own models read the board without loss, and would tell if it were broken."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.kit.grafanajudge import problems
from tests.kit.monitoring import BOARD


def test_grafana_reads_the_board_as_it_is() -> None:
    assert problems(BOARD) == []


def misspelt_field(board: dict[str, Any]) -> None:
    board["panels"][0]["titel"] = board["panels"][0].pop("title")


def misspelt_field_of_a_query(board: dict[str, Any]) -> None:
    board["panels"][0]["targets"][0]["expression"] = "up"


def unknown_panel(board: dict[str, Any]) -> None:
    board["panels"][0]["type"] = "statistic"


def unknown_option(board: dict[str, Any]) -> None:
    board["panels"][0]["options"] = {"graph": "area"}


def wrong_word(board: dict[str, Any]) -> None:
    board["templating"]["list"][0]["type"] = "data source"


def text_for_a_number(board: dict[str, Any]) -> None:
    board["panels"][0]["gridPos"]["w"] = "4"


def unknown_data_source(board: dict[str, Any]) -> None:
    board["panels"][0]["datasource"]["type"] = board["panels"][0]["targets"][0]["datasource"]["type"] = "promethius"


def panels_that_are_no_list(board: dict[str, Any]) -> None:
    board["panels"] = "none"


@pytest.mark.parametrize(
    "damage",
    [
        misspelt_field,
        misspelt_field_of_a_query,
        unknown_panel,
        unknown_option,
        wrong_word,
        text_for_a_number,
        unknown_data_source,
        panels_that_are_no_list,
    ],
)
def test_a_broken_board_is_told(damage: Callable[[dict[str, Any]], None]) -> None:
    board = copy.deepcopy(BOARD)
    damage(board)
    assert problems(board)
