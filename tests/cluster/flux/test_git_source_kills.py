"""A controller that ends before any of its writes, and begins anew, brings sources to where they should be."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import faults
from tests.kit.gitserver import GitServer
from tests.kit.sourceground import SourceGround
from tests.kit.workcopy import WorkCopy

pytestmark = pytest.mark.cluster


class Killed(BaseException):
    """The process is gone: nothing in it may notice."""


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[WorkCopy]:
    (tmp_path / "host").mkdir()
    with GitServer(tmp_path / "host") as host:
        yield WorkCopy(host, tmp_path / "copy", "fleet")


def strike_at(number: int) -> tuple[faults.Hook, list[str]]:
    """A hook that kills at its `number`-th point, once; and the points that it was told."""
    passed: list[str] = []

    def strike(point: str) -> None:
        passed.append(point)
        if len(passed) == number:
            raise Killed

    return strike, passed


def live_through(ground: SourceGround, fleet: WorkCopy, name: str, strike: faults.Hook) -> None:
    """A whole life of one GitRepository; whoever is killed begins anew and looks again."""

    def look() -> None:
        faults.hook = strike
        try:
            ground.look(name)
        except Killed:
            ground.begin()
            ground.look(name)
        finally:
            faults.hook = None

    fleet.write("web.yaml", f"first of {name}\n")
    fleet.push("first")
    ground.make(name, fleet.url)
    look()
    is_stored(ground, fleet, name)
    fleet.write("web.yaml", f"second of {name}\n")
    fleet.push("second")
    look()
    is_stored(ground, fleet, name)
    ground.delete(name)
    look()
    assert ground.find(name) is None
    assert ground.store.owners() == []


def is_stored(ground: SourceGround, fleet: WorkCopy, name: str) -> None:
    status = ground.status(name)
    assert status["artifact"]["revision"] == fleet.revision
    assert ground.store.verify(status["artifact"]["path"], status["artifact"]["digest"])
    assert {kind: words[0] for kind, words in ground.conditions(name).items()} == {
        "Ready": "True",
        "ArtifactInStorage": "True",
    }
    folder = ground.folder / "artifacts" / "gitrepository" / ground.namespace / name
    assert [each.name for each in folder.iterdir() if each.name.startswith(".")] == []


def test_no_write_is_the_last_one(ground: SourceGround, fleet: WorkCopy) -> None:
    for number in range(1, 50):
        strike, passed = strike_at(number)
        live_through(ground, fleet, f"life-{number}", strike)
        if len(passed) < number:
            break
    assert {point.partition(" ")[0] for point in passed} >= {"patch", "store"}
    assert len(passed) == number - 1
    assert number > 6
