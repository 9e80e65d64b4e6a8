"""What the front door knows of its collections: silence, trouble, and whose turn an event is."""

from typing import Any

import pytest

from controller.runtime.ledger import Ledger
from controller.runtime.presence import Item, Name
from controller.sealed.observed import SEALED_SECRETS
from engine.errors import KsealError
from engine.kube.errors import Unavailable, Unreachable

ALL = SEALED_SECRETS.path()
SHOP, BANK = SEALED_SECRETS.path("shop"), SEALED_SECRETS.path("bank")


class Book:
    def __init__(self, namespaces: list[str] | None = None) -> None:
        self.told: list[tuple[str | None, str]] = []
        self.problems: list[str] = []
        self.ledger = Ledger(
            SEALED_SECRETS,
            namespaces,
            tell=self._note,
            on_problem=lambda error: self.problems.append(str(error)),
            knows=lambda *state: state == ("shop", "db", "uid-of-db", "7"),
        )

    def _note(self, kind: str | None, raw: dict[str, Any]) -> None:
        self.told.append((kind, raw["metadata"]["name"]))

    def listed(self, path: str, *items: Item, version: str = "10") -> None:
        self.ledger.listed(path, list(items), version, is_first=True, is_last=True)


def item(name: str, version: int = 1, namespace: str = "shop") -> Item:
    return Item(Name(namespace, name), f"uid-of-{name}", str(version))


def raw(one: Item) -> dict[str, Any]:
    metadata = {"namespace": one.at.namespace, "name": one.at.name, "uid": one.uid, "resourceVersion": one.version}
    return {"metadata": metadata}


def test_all_is_told_when_each_collection_is() -> None:
    book = Book(["shop", "bank"])
    book.listed(SHOP, item("db"))
    book.listed(BANK)
    assert not book.ledger.all_told.is_set()
    book.ledger.handed_over(None, raw(item("db")))
    assert book.ledger.all_told.is_set()
    assert book.told == [(None, "db")]


def test_news_of_a_later_list_is_a_change() -> None:
    book = Book()
    book.listed(ALL, item("db"), item("cache"))
    for name in ("db", "cache"):
        book.ledger.handed_over(None, raw(item(name)))
    book.told.clear()
    book.listed(ALL, item("db", 15), version="20")
    book.ledger.handed_over(None, raw(item("db", 15)))
    assert book.told == [("DELETED", "cache"), ("MODIFIED", "db")]


def test_each_kind_of_trouble_is_told_once_until_it_is_over() -> None:
    book = Book()
    for error in (Unreachable("refused"), Unreachable("reset"), Unavailable("not yet"), Unreachable("refused")):
        book.ledger.refused(ALL, error)
    assert book.problems == ["refused", "not yet"]
    assert book.ledger.error is not None
    assert str(book.ledger.error) == "refused"
    book.ledger.heard(ALL)
    assert book.ledger.error is None
    book.ledger.refused(ALL, Unreachable("again"))
    assert book.problems == ["refused", "not yet", "again"]


def test_one_collection_that_speaks_does_not_excuse_the_other() -> None:
    book = Book(["shop", "bank"])
    book.ledger.refused(SHOP, Unreachable("refused"))
    book.ledger.heard(BANK)
    book.ledger.heard("/apis")
    assert book.ledger.error is not None


def test_trouble_at_the_start_is_over_when_anything_is_heard_there() -> None:
    book = Book()
    book.ledger.failed(KsealError("not served"))
    assert str(book.ledger.error) == "not served"
    book.ledger.heard("/apis")
    assert book.ledger.error is None


def test_silence_is_that_of_the_quietest_collection(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("controller.runtime.ledger.time.monotonic", lambda: now[0])
    book = Book(["shop", "bank"])
    now[0] = 110
    book.ledger.heard(SHOP)
    assert book.ledger.idle_seconds == 10
    book.ledger.asked(BANK)
    now[0] = 115
    assert (book.ledger.idle_seconds, book.ledger.inactive_seconds) == (15, 5)
    book.ledger.begin()
    assert (book.ledger.idle_seconds, book.ledger.inactive_seconds) == (15, 0)


def test_a_consumer_s_failure_is_told_and_goes_no_further() -> None:
    problems: list[Exception] = []

    def fail(kind: str | None, raw: dict[str, Any]) -> None:
        raise ValueError("defect")

    ledger = Ledger(SEALED_SECRETS, None, tell=fail, on_problem=problems.append, knows=lambda *_: False)
    ledger.listed(ALL, [item("db")], "10", is_first=True, is_last=True)
    ledger.handed_over(None, raw(item("db")))
    assert [str(problem) for problem in problems] == ["defect"]
    assert ledger.all_told.is_set()


def test_what_the_consumer_knows_is_asked_state_by_state() -> None:
    book = Book()
    assert book.ledger.is_known(item("db", 7))
    assert not book.ledger.is_known(item("db", 8))
    assert not book.ledger.is_known(item("db", 7, namespace="bank"))
