"""Which objects there are, as lists and watch events tell, and what of it is news. Pure.

kopf hands over the objects of a list and the events of a watch, each object's in their order, different objects' in
any. It keeps no account of what there was: an object that vanishes between the end of one watch and the next list is
never told as deleted, and the end of a deleted object may come after the beginning of a new one of the same name. This
account closes both gaps. It sees a page of a list when it arrives, so before any of its objects is handed over.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

DELETED: Final = "DELETED"


class Name(NamedTuple):
    """Where an object stands."""

    namespace: str
    name: str


class Item(NamedTuple):
    """One object at one time; `uid` tells it from others that had the name before."""

    at: Name
    uid: str
    version: str


class _Known(NamedTuple):
    uid: str
    version: str
    is_told: bool


class Presence:
    """The account of one collection, which is listed and watched as a whole."""

    def __init__(self) -> None:
        self._known: dict[Name, _Known] = {}
        self._listing: set[Name] = set()
        self._listed_at = ""  # version of the last complete list
        self._awaited: set[str] = set()  # uids of listed objects that have not been handed over yet
        self._is_complete = False

    @property
    def is_told(self) -> bool:
        """One list was complete, and each of its objects has been handed over (or is gone again)."""
        return self._is_complete and not self._awaited

    def page(self, items: Iterable[Item], version: str, *, is_first: bool, is_last: bool) -> list[Item]:
        """A page of a list has come. With the last one: the objects that are gone without anybody having said so."""
        if is_first:
            self._listing.clear()
            self._awaited.clear()
        for item in items:
            self._listing.add(item.at)
            known = self._known.get(item.at)
            if known is None or (known.uid, known.version) != (item.uid, item.version):
                known = _Known(item.uid, item.version, is_told=False)
                self._known[item.at] = known
            if not known.is_told:
                self._awaited.add(item.uid)
        if not is_last:
            return []
        self._is_complete = True
        self._listed_at = version
        gone = [
            Item(at, known.uid, known.version)
            for at, known in self._known.items()
            if at not in self._listing and not _is_older(version, known.version)
        ]
        for item in gone:
            del self._known[item.at]
        self._listing.clear()
        return gone

    def is_news(self, kind: str | None, item: Item) -> bool:
        """Whether an event that is handed over has to be told; `kind` is None for an object of a list."""
        self._awaited.discard(item.uid)
        known = self._known.get(item.at)
        if kind == DELETED:
            if known is not None and known.uid != item.uid:
                return False  # the end of a predecessor
            self._known.pop(item.at, None)
            return True
        if known is None:
            # Not in the last list: either newer than that, or something of before that took its time.
            is_news = kind is not None and not _is_older(item.version, self._listed_at, or_same=True)
        else:
            is_news = not _is_older(item.version, known.version, or_same=known.is_told)
        if is_news:
            self._known[item.at] = _Known(item.uid, item.version, is_told=True)
        return is_news


def _is_older(version: str, than: str, *, or_same: bool = False) -> bool:
    """Compare resource versions; what is no number compares as newer, so that nothing is passed over.

    Source: Kubernetes API concepts, resource versions: comparable as integers since 1.35, in practice since ever.
    """
    if or_same and version == than:
        return True
    return version.isdecimal() and than.isdecimal() and int(version) < int(than)
