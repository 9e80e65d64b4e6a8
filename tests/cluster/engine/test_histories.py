"""Long histories of two owners, edits by hand, moves, restarts and kills: in the end everything is as it should be."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine import faults
from engine.inventory import Inventory
from tests.cluster.engine.conftest import CONFIGS, CONTROL, Ground, Object

pytestmark = pytest.mark.cluster

NAMES = [f"c{number}" for number in range(6)]
OWNERS = ("a", "b")
STEPS = 40


class Died(BaseException):
    """What takes the place of the end of the process."""


@pytest.fixture(autouse=True)
def _no_hook() -> Iterator[None]:
    yield
    faults.hook = None


class History:
    """What each owner wants, what it knows of its members, and what may happen."""

    def __init__(self, ground: Ground, seed: int, records: Path) -> None:
        self.ground = ground
        self.random = random.Random(seed)  # noqa: S311  a test that can be repeated
        self.records = records
        self.wanted: dict[str, dict[str, str]] = {owner: {} for owner in OWNERS}
        self.known = {owner: Inventory() for owner in OWNERS}
        self.story: list[str] = []

    def happen(self) -> None:
        """One thing that happens, by chance."""
        what: Callable[[], None] = self.random.choice(
            [
                self.commit,
                self.commit,
                self.move,
                self.deliver,
                self.deliver,
                self.edit,
                self.lose,
                self.die,
                self.restart,
            ]
        )
        what()

    def commit(self) -> None:
        """An object comes, changes or goes in the source of one owner."""
        owner, name = self.random.choice(OWNERS), self.random.choice(NAMES)
        other = self.wanted[OWNERS[owner == "a"]]
        if self.random.random() < 0.4:
            self.wanted[owner].pop(name, None)
        elif name not in other:
            self.wanted[owner][name] = str(self.random.randrange(3))
        self.story.append(f"{owner} wants {self.wanted[owner]}")

    def move(self) -> None:
        """An object goes from one source to the other."""
        old, new = self.random.sample(OWNERS, 2)
        if self.wanted[old]:
            name = self.random.choice(sorted(self.wanted[old]))
            self.wanted[new][name] = self.wanted[old].pop(name)
            self.story.append(f"{name} moves from {old} to {new}")

    def deliver(self, owner: str | None = None) -> None:
        owner = owner or self.random.choice(OWNERS)
        self.story.append(f"{owner} delivers")
        progress = self.ground.deliver(self._objects(owner), owner=owner, before=self.known[owner])
        assert progress.is_done, (self.story, progress.failed)
        self.known[owner] = self.ground.inventory

    def die(self) -> None:
        """A delivery ends before one of its writes; the status has the old members and the new."""
        owner, left = self.random.choice(OWNERS), [self.random.randrange(1, 5)]

        def hook(_: str) -> None:
            left[0] -= 1
            if not left[0]:
                raise Died

        faults.hook = hook
        try:
            self.deliver(owner)
        except Died:
            self.story.append("and dies")
            self.known[owner] = self.known[owner] | self.ground.planned
            self.restart()
        finally:
            faults.hook = None

    def edit(self) -> None:
        name = self.random.choice(NAMES)
        if self.ground.get(CONFIGS, name):
            self.story.append(f"{name} is edited")
            self.ground.patch(CONFIGS, name, {"data": {"k": "edited"}})

    def lose(self) -> None:
        name = self.random.choice(NAMES)
        self.story.append(f"{name} is lost")
        self.ground.delete(CONFIGS, name)

    def restart(self) -> None:
        self.story.append("restart")
        keeps, watches = self.random.random() < 0.5, self.random.random() < 0.7
        self.ground.records.close()
        self.ground.restart(self.records if keeps else None)
        if watches:
            for owner in OWNERS:
                self.ground.watch(("", "ConfigMap"), owner=owner)

    def end(self) -> None:
        """What the watches have told is waited for, then both deliver, in either order."""
        if ("", "ConfigMap") in self.ground.observer.kinds:
            listed = {name: self.ground.get(CONFIGS, name) for name in NAMES}
            versions = {name: found["metadata"]["resourceVersion"] for name, found in listed.items() if found}
            self.ground.seen(lambda: self._seen() == versions)
        for owner in self.random.sample(OWNERS, 2):
            self.deliver(owner)

    def _seen(self) -> dict[str, str]:
        found = {name: self.ground.observer.get(self.ground.ref(name)) for name in NAMES}
        return {name: observed.version for name, observed in found.items() if observed}

    def _objects(self, owner: str) -> list[Object]:
        return [self.ground.config(name, {"k": value}) for name, value in self.wanted[owner].items()]


@pytest.mark.parametrize("seed", range(6))
def test_a_history_ends_with_what_both_owners_want_and_nothing_else(
    make_ground: Callable[..., Ground], tmp_path: Path, seed: int
) -> None:
    ground = make_ground()
    stranger = ground.put(ground.config("stranger"))
    history = History(ground, seed, tmp_path / "records")
    for _ in range(STEPS):
        history.happen()
    history.end()
    found = {}
    for name in NAMES:
        if (live := ground.get(CONFIGS, name)) is not None:
            found[name] = (live["metadata"]["labels"][f"{CONTROL}/name"], live["data"]["k"])
    wanted = {name: (owner, value) for owner in OWNERS for name, value in history.wanted[owner].items()}
    assert found == wanted, history.story
    assert ground.get(CONFIGS, "stranger") == stranger
    for owner in OWNERS:
        assert {member.ref.name for member in history.known[owner]} == set(history.wanted[owner])
