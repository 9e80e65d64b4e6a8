"""The controller is killed right before every single write of a delivery: nothing is lost, nothing stays."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.kit.controlplane import ControlPlane
from tests.kit.faults import Trap
from tests.kit.flux import OurController
from tests.kit.fluxground import FluxGround
from tests.kit.fluxobjects import install_definitions
from tests.kit.gitserver import GitServer
from tests.kit.lives import Life
from tests.kit.process import Nest
from tests.kit.workcopy import WorkCopy

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

FEWEST = 40
"""Writes of a whole life that are surely there."""


@pytest.fixture
def new_life(control_plane: ControlPlane, tmp_path: Path) -> Iterator[Callable[[], Life]]:
    """Begin a life in a new namespace; all of them are under one controller, which is running."""
    install_definitions(control_plane)
    (tmp_path / "host").mkdir()
    with GitServer(tmp_path / "host") as host, Nest("kills") as nest:
        trap = Trap(nest.folder / "trap")
        flags = ["--requeue-dependency=1s"]
        controller = OurController(nest, control_plane, flags=flags, program=trap.program).start()

        def make() -> Life:
            namespace = control_plane.create_namespace("life")
            copy = WorkCopy(host, tmp_path / namespace, namespace)
            return Life(FluxGround(control_plane, copy, namespace), controller, trap)

        yield make
        controller.stop()


@pytest.mark.timeout(900)
def test_a_death_before_any_write_loses_nothing_and_leaves_nothing(new_life: Callable[[], Life]) -> None:
    deaths: list[str] = []
    for number in count(1):
        life = new_life()
        life.live(lambda _: number)  # noqa: B023 - used at once
        deaths += life.deaths
        if not life.deaths:
            break
    assert len(deaths) >= FEWEST, deaths
    for write in ("store ", "extract ", "patch ", "delete ", "commit records", "fetch "):
        assert any(death.partition(": ")[2].startswith(write) for death in deaths), write
