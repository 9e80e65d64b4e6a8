"""The controller is killed right before every single write of a delivery: nothing is lost, nothing stays."""

from itertools import count
from pathlib import Path
from typing import Final

import pytest

from tests.kit.controlplane import ControlPlane
from tests.kit.lives import Nursery

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

SHARDS: Final = 2
"""So that no test takes longer than its limit. Each life takes one death in each of its four phases."""
FEWEST: Final = 20
"""Deaths of a shard that are surely there."""


@pytest.mark.timeout(900)
@pytest.mark.parametrize("shard", range(SHARDS))
def test_a_death_before_any_write_loses_nothing_and_leaves_nothing(
    control_plane: ControlPlane, tmp_path: Path, shard: int
) -> None:
    deaths: list[str] = []
    with Nursery(control_plane, tmp_path) as nursery:
        for number in count(1 + shard, SHARDS):
            life = nursery.life()
            life.live(lambda _: number)  # noqa: B023 - used at once
            deaths += life.deaths
            if not life.deaths:
                break
    print(len(deaths), "deaths", *deaths, sep="\n")
    assert len(deaths) >= FEWEST, deaths
    for write in ("patch ", "delete ", "commit records"):  # of which there are enough for every shard
        assert any(death.partition(": ")[2].startswith(write) for death in deaths), write
