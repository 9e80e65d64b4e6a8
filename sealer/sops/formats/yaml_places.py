"""Where in a text the values and the comments of its branches stand."""

from typing import Any

from engine.kube.documents import Limits
from engine.kube.libyaml import AliasEvent, ScalarEvent
from sealer.sops.formats.yaml_commented import CommentedReader
from sealer.sops.tree import Branch, Value


class Place:
    """A scalar: from where to where, its quotes (or `|` or `>`), and the column of what it is an item of."""

    __slots__ = ("column", "end", "is_flow", "start", "style")

    def __init__(self, event: Any, column: int, *, is_flow: bool) -> None:
        self.start: int = event.start_mark.index
        self.end: int = event.end_mark.index
        self.style: str = event.style or ""
        self.column = column
        self.is_flow = is_flow


class Shared:
    """An alias: what it stands for is elsewhere in the text."""


class Top:
    """One document: a branch of places, and from where to where its items at the top reach."""

    __slots__ = ("branch", "is_block", "items")

    def __init__(self, branch: Branch, items: dict[str, tuple[int, int]], *, is_block: bool) -> None:
        self.branch = branch
        self.items = items
        self.is_block = is_block


class PlaceReader(CommentedReader):
    """Builds branches of a `Place` for each scalar, `Shared` for each alias, and comments whose text is a place."""

    __slots__ = ("_columns", "_flows", "_items", "_key", "_reached", "tops")

    def __init__(self, data: bytes, limits: Limits) -> None:
        super().__init__(data, limits, marks_places=True)
        self.tops: list[Top] = []
        self._columns: list[int] = []
        self._flows = 0
        self._items: dict[str, tuple[int, int]] = {}
        self._key = self._reached = 0

    def document(self, event: Any) -> Branch:
        self._items = {}
        branch = super().document(event)
        is_block = event.__class__ not in (ScalarEvent, AliasEvent) and not event.flow_style
        self.tops.append(Top(branch, self._items, is_block=is_block))
        return branch

    def root(self, _: Any, value: Value) -> Branch:
        return value if isinstance(value, Branch) else Branch()

    def node(self, event: Any, depth: int) -> Any:
        self._reached = event.end_mark.index
        if event.__class__ is ScalarEvent:
            super().node(event, depth)
            return Place(event, self._columns[-1] if self._columns else 0, is_flow=self._flows > 0)
        if event.__class__ is AliasEvent:
            return Shared()
        self._columns.append(event.start_mark.column)
        self._flows += bool(event.flow_style)
        value = super().node(event, depth)
        self._flows -= bool(event.flow_style)
        self._columns.pop()
        return value

    def key(self, event: Any, seen: set[str]) -> str:
        self._columns[-1] = event.start_mark.column
        self._reached = event.end_mark.index
        if len(self._columns) == 1:
            self._key = event.start_mark.index
        return super().key(event, seen)

    def _item(self, result: Branch, key: str, foot: str, depth: int) -> str:
        foot = super()._item(result, key, foot, depth)
        if depth == 1:
            self._items[key] = (self._key, self._reached)
        return foot
