"""A pass that ends right before any of its writes: the next one brings everything into the right state."""

import json
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from engine import faults
from engine.inventory import Inventory
from tests.cluster.engine.conftest import CONFIGS, Ground, Object

pytestmark = pytest.mark.cluster


class Died(BaseException):
    """What takes the place of the end of the process."""


@pytest.fixture
def strike() -> Iterator[Callable[[int], list[str]]]:
    """Ends the pass at the write of this number; returns the list in which the writes are noted."""

    def at(number: int) -> list[str]:
        names: list[str] = []

        def hook(name: str) -> None:
            names.append(name)
            if len(names) == number:
                raise Died

        faults.hook = hook
        return names

    yield at
    faults.hook = None


def old(ground: Ground) -> list[Object]:
    replaced = ground.config("replaced") | {"immutable": True}
    return [replaced, *map(ground.config, ("same", "changed", "stale", "moved"))]


def new(ground: Ground) -> list[Object]:
    data = {"k": "new"}
    return [
        ground.config("same"),
        ground.config("changed", data),
        ground.config("replaced", data) | {"immutable": True},
        ground.config("taken", data),
        ground.config("created", data),
    ]


def expected(ground: Ground) -> dict[str, dict[str, str]]:
    made = {obj["metadata"]["name"]: obj["data"] for obj in new(ground)}
    return made | {"moved": {"k": "v"}, "stranger": {"k": "v"}}


def state(ground: Ground) -> dict[str, dict[str, str]]:
    listed = ground.plane.api.json("GET", CONFIGS.path(ground.namespace))["items"]
    return {item["metadata"]["name"]: item["data"] for item in listed if item["metadata"]["name"] != "kube-root-ca.crt"}


def begin(ground: Ground) -> Inventory:
    """The state before the pass: members, one that another owner has meanwhile, one of kubectl's, and a stranger."""
    ground.deliver(old(ground))
    before = ground.inventory
    ground.deliver([ground.config("moved")], owner="b")
    text = json.dumps(ground.config("taken", {"k": "v", "old": "x"}))
    ground.plane.kubectl("apply", "-f", "-", input=text, namespace=ground.namespace)
    ground.put(ground.config("stranger"))
    return before


@pytest.mark.parametrize("keeps_records", [True, False])
def test_a_pass_that_ends_before_any_write_is_completed_by_the_next_one(
    make_ground: Callable[..., Ground],
    strike: Callable[[int], list[str]],
    tmp_path: Path,
    keeps_records: bool,
) -> None:
    for number in count(1):
        path = tmp_path / f"records{number}" if keeps_records else None
        ground = make_ground(records=path)
        before = begin(ground)
        names = strike(number)
        try:
            ground.deliver(new(ground), before=before, force=True)
        except Died:
            is_over = False
        else:
            is_over = True
        faults.hook = None
        known = before | ground.planned
        ground.restart(path)
        progress = ground.deliver(new(ground), before=known, force=True)
        assert progress.is_done, (number, names, progress.failed)
        assert state(ground) == expected(ground), (number, names)
        assert {member.ref.name for member in ground.inventory} == {obj["metadata"]["name"] for obj in new(ground)}
        if is_over:
            break
    assert len(names) >= 7  # clean-up and apply of one, deletion and creation of another, changed, created, deleted
