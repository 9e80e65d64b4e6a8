"""The reader for documents with comments: comments become items, where the original puts them.

Source: getsops/sops stores/yaml/store.go; go.yaml.in/yaml/v3 3.0.4, decode.go, which moves feet from values to keys.
"""

from collections.abc import Iterator
from typing import Any

from engine.kube.documents import Limits
from engine.kube.libyaml import AliasEvent, MappingEndEvent, ScalarEvent, SequenceEndEvent
from sealer.sops.formats.yaml_attribution import NONE, Attribution, Comments
from sealer.sops.formats.yaml_comments import Scan
from sealer.sops.formats.yaml_nodes import Reader
from sealer.sops.tree import Branch, Comment, Value


class _Anchored:
    """A collection with an anchor, and the comments that an alias of it brings along."""

    __slots__ = ("own", "value")

    def __init__(self, value: Value, own: Comments) -> None:
        self.value = value
        self.own = own


class CommentedReader(Reader):
    """Builds branches with comments. `own` are the comments of the collection that was built last, as a whole."""

    __slots__ = ("comments", "documents", "own")

    def __init__(self, data: bytes, limits: Limits, *, marks_places: bool = False) -> None:
        """With `marks_places` the text of a comment is the place of its `#` in the text."""
        super().__init__(data, limits)
        self.comments = Attribution(Scan(data, data.decode(), limits, marks_places=marks_places))
        self.documents = iter(self.comments.documents)
        self.own = NONE

    def document(self, event: Any) -> Branch:
        self.own = NONE
        if event.__class__ is AliasEvent:
            around = self.comments.of(event)
            value = self.alias(event, 0)
        else:
            value = self.node(event, 0)
            around = self._of(event)._replace(foot="") if event.__class__ is ScalarEvent else self.own
        whole = next(self.documents, NONE)  # none where the grammar breaks behind it, which libyaml says next
        result = Branch(_items(whole.head))
        result += _items(around.head)
        result += _items(around.line)
        result += self.root(event, value)
        result += _items(around.foot)
        result += _items(whole.foot)
        return result

    def node(self, event: Any, depth: int) -> Value:
        value: Value = super().node(event, depth)
        is_collection = event.__class__ not in (AliasEvent, ScalarEvent)
        if is_collection and event.anchor is not None and self.anchors[event.anchor] is value:
            self.anchors[event.anchor] = _Anchored(value, self.own)
        return value

    def sequence(self, start: Any, depth: int) -> list[Value]:
        result: list[Value] = []
        count = 0
        while (kind := type(event := self.next_event())) is not SequenceEndEvent:
            value = self.node(event, depth)
            of = self._of(event) if kind in (ScalarEvent, AliasEvent) else self.own
            result += _comments(of.head)
            result += _comments(of.line, inline=True)
            result.append(value)
            result += _comments(of.foot)
            count += 1
            if self.budget.is_watched and count > self.budget.nodes:
                break
        self.budget.collection(start, count)
        self._end(start)
        return result

    def mapping(self, start: Any, depth: int) -> Branch:
        result = Branch()
        seen: set[str] = set()
        foot = ""  # of the item before: it moves while the next is read
        while type(event := self.next_event()) is not MappingEndEvent:
            of_key = self._of(event)
            key = self.key(event, seen)
            key_foot = of_key.foot
            if key_foot and seen and not start.flow_style:
                foot, key_foot = key_foot, ""
            seen.add(key)
            result += _items(foot)
            result += _items(of_key.head)
            result += _items(of_key.line)
            foot = self._item(result, key, key_foot, depth)
            if self.budget.is_watched and len(seen) > self.budget.nodes:
                break
        self.budget.collection(start, len(seen))
        self._end(start)
        if seen and not start.flow_style and self.own.foot:
            foot = self.own.foot
            self.own = self.own._replace(foot="")
        result += _items(foot)
        return result

    def _item(self, result: Branch, key: str, foot: str, depth: int) -> str:
        """Add an item whose value comes next. Returns the foot of its key."""
        event = self.next_event()
        value = self.node(event, depth)
        if type(event) in (ScalarEvent, AliasEvent):
            of = self._of(event)
            result += _items(of.head)
            result += _items(of.line, inline=True)
            result.append((key, value))
            if of.foot and not foot:
                return of.foot
            result += _items(of.foot)
            return foot
        own = self.own
        if own.foot and not foot:
            foot = own.foot
            own = own._replace(foot="")
        _surround(value, own)
        anchored = self.anchors.get(event.anchor)
        if isinstance(anchored, _Anchored) and anchored.value is value:
            anchored.own = NONE  # they are in the value now
        result.append((key, value))
        return foot

    def _end(self, start: Any) -> None:
        at = start.start_mark.index
        end = self.comments.ends.get(at, NONE)
        self.own = Comments(self.comments.starts.get(at, ""), end.line, end.foot)

    def _of(self, event: Any) -> Comments:
        """The comments of a scalar or an alias; nothing that stands in the text has none."""
        if event.start_mark.index == event.end_mark.index:
            return NONE
        return self.comments.of(event)

    def target(self, alias: Any) -> Any:
        target = super().target(alias)
        return target if target.__class__ is not _Anchored else target.value

    def alias(self, event: Any, depth: int) -> Value:
        value: Value = super().alias(event, depth)
        anchored = self.anchors[event.anchor]
        if anchored.__class__ is _Anchored:
            _surround(value, anchored.own)
        return value


def _surround(value: Value, own: Comments) -> None:
    """Put the comments of a collection as a whole into it."""
    if own == NONE or not isinstance(value, list):
        return
    if isinstance(value, Branch):
        value[:0] = [*_items(own.head), *_items(own.line)]
        value += _items(own.foot)
    else:
        value[:0] = [*_comments(own.head), *_comments(own.line)]
        value += _comments(own.foot)


def _comments(text: str, *, inline: bool = False) -> list[Comment]:
    return [Comment(line[1:], inline) for line in text.split("\n") if line] if text else []


def _items(text: str, *, inline: bool = False) -> Iterator[tuple[Comment, None]]:
    return ((comment, None) for comment in _comments(text, inline=inline))
