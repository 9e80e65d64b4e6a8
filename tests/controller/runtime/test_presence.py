"""The account of what there is, against a server whose events are handed over late and out of order."""

from collections import defaultdict, deque
from itertools import cycle

from hypothesis import given, settings
from hypothesis import strategies as st

from controller.runtime.presence import DELETED, Item, Name, Presence

DB = Name("shop", "db")
CACHE = Name("shop", "cache")


def item(at: Name, version: int, uid: str = "") -> Item:
    return Item(at, uid or f"uid-of-{at.name}", str(version))


def listed(*items: Item, version: int) -> Presence:
    """A presence whose first list has been handed over."""
    presence = Presence()
    assert presence.page(items, str(version), is_first=True, is_last=True) == []
    for one in items:
        assert presence.is_news(None, one)
    return presence


def test_a_list_is_told_when_each_of_its_objects_was_handed_over() -> None:
    presence = Presence()
    assert not presence.is_told
    presence.page([item(DB, 1)], "10", is_first=True, is_last=False)
    assert presence.is_news(None, item(DB, 1))
    assert not presence.is_told
    presence.page([item(CACHE, 2)], "10", is_first=False, is_last=True)
    assert not presence.is_told
    assert presence.is_news(None, item(CACHE, 2))
    assert presence.is_told


def test_an_empty_list_is_told_at_once() -> None:
    presence = Presence()
    presence.page([], "10", is_first=True, is_last=True)
    assert presence.is_told


def test_a_list_that_breaks_off_and_begins_anew_is_told_once_it_ends() -> None:
    presence = Presence()
    presence.page([item(DB, 1)], "10", is_first=True, is_last=False)
    assert presence.is_news(None, item(DB, 1))
    assert presence.page([item(CACHE, 11)], "12", is_first=True, is_last=True) == [item(DB, 1)]
    assert not presence.is_news(None, item(DB, 1))  # handed over again by the first attempt's leftovers
    assert presence.is_news(None, item(CACHE, 11))
    assert presence.is_told


def test_what_vanished_between_two_lists_is_gone() -> None:
    presence = listed(item(DB, 1), item(CACHE, 2), version=10)
    assert presence.is_news("ADDED", item(Name("shop", "new"), 11))
    gone = presence.page([item(CACHE, 2)], "20", is_first=True, is_last=True)
    assert sorted(one.at.name for one in gone) == ["db", "new"]
    assert presence.page([item(CACHE, 2)], "30", is_first=True, is_last=True) == []


def test_a_second_list_brings_no_news_of_what_has_not_changed() -> None:
    presence = listed(item(DB, 1), item(CACHE, 2), version=10)
    presence.page([item(DB, 1), item(CACHE, 15)], "20", is_first=True, is_last=True)
    assert not presence.is_told
    assert not presence.is_news(None, item(DB, 1))
    assert presence.is_news(None, item(CACHE, 15))
    assert presence.is_told


def test_what_comes_late_does_not_revive_the_gone() -> None:
    presence = listed(item(DB, 1), version=10)
    assert presence.page([], "20", is_first=True, is_last=True) == [item(DB, 1)]
    assert not presence.is_news("MODIFIED", item(DB, 15))
    assert presence.is_news("ADDED", item(DB, 21, uid="another"))


def test_the_end_of_a_predecessor_does_not_end_its_successor() -> None:
    presence = listed(item(DB, 1, uid="old"), version=10)
    assert presence.is_news("ADDED", item(DB, 12, uid="new"))
    assert not presence.is_news(DELETED, item(DB, 11, uid="old"))
    assert not presence.is_news("MODIFIED", item(DB, 10, uid="old"))
    assert presence.is_news(DELETED, item(DB, 13, uid="new"))


def test_versions_that_are_no_numbers_pass_nothing_over() -> None:
    presence = listed(Item(DB, "u", "v1.a"), version=10)
    assert presence.is_news("MODIFIED", Item(DB, "u", "v0.b"))
    assert not presence.is_news(None, Item(DB, "u", "v0.b"))


class World:
    """A server with a history, a watch that can break, and one queue of hand-overs per object."""

    def __init__(self) -> None:
        self.version = 1
        self.objects: dict[Name, Item] = {}
        self.is_watched = False
        self.queues: dict[str, deque[tuple[str | None, Item]]] = defaultdict(deque)
        self.presence = Presence()
        self.view: dict[Name, Item] = {}

    def put(self, at: Name) -> None:
        self.version += 1
        old = self.objects.get(at)
        new = Item(at, old.uid if old else f"uid-{self.version}", str(self.version))
        self.objects[at] = new
        if self.is_watched:
            self.queues[new.uid].append(("MODIFIED" if old else "ADDED", new))

    def delete(self, at: Name) -> None:
        self.version += 1
        old = self.objects.pop(at, None)
        if old is not None and self.is_watched:
            self.queues[old.uid].append((DELETED, old._replace(version=str(self.version))))

    def relist(self, page: int) -> None:
        items = list(self.objects.values())
        pages = [items[start : start + page] for start in range(0, len(items), page)] or [[]]
        for number, some in enumerate(pages):
            is_last = number == len(pages) - 1
            gone = self.presence.page(some, str(self.version), is_first=number == 0, is_last=is_last)
            for one in gone:
                self.tell(DELETED, one)
            for one in some:
                self.queues[one.uid].append((None, one))
        self.is_watched = True

    def hand_over(self, choice: int) -> bool:
        waiting = [uid for uid, queue in self.queues.items() if queue]
        if not waiting:
            return False
        kind, one = self.queues[waiting[choice % len(waiting)]].popleft()
        if self.presence.is_news(kind, one):
            self.tell(kind, one)
        return True

    def tell(self, kind: str | None, one: Item) -> None:
        if kind == DELETED:
            self.view.pop(one.at, None)
        else:
            self.view[one.at] = one


NAMES = st.sampled_from([Name("shop", name) for name in "ab"])
STEPS = st.one_of(
    st.tuples(st.just("put"), NAMES),
    st.tuples(st.just("delete"), NAMES),
    st.tuples(st.just("hand_over"), st.integers(0, 3)),
    st.tuples(st.just("relist"), st.integers(1, 3)),  # after a break of the watch in which nothing is heard ...
    st.tuples(st.just("break"), st.none()),  # ... when it began here, not at the list
)


@settings(max_examples=100)
@given(st.lists(STEPS, min_size=5, max_size=40), st.lists(st.integers(0, 3), min_size=10))
def test_in_the_end_the_view_is_the_world(steps: list[tuple[str, object]], order: list[int]) -> None:
    world = World()
    world.relist(page=1)
    for step, argument in steps:
        if step == "break":
            world.is_watched = False
        else:
            getattr(world, step)(argument)
    if not world.is_watched:
        world.relist(page=2)
    choices = cycle(order)
    while world.hand_over(next(choices)):
        pass
    assert world.view == world.objects
    assert world.presence.is_told
