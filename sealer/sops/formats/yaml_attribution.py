"""Which node each comment belongs to: yaml.v3's parser, reduced to what it does with comments.

A comment waits at its place until the parser looks at a token there or behind, and goes to the next event that takes
comments. Scalars and aliases take all, starts of collections only heads, ends lines and feet.

Source: go.yaml.in/yaml/v3 3.0.4, parserc.go. One method for each of its states; documents that break the grammar
end the walk, because libyaml's own parser refuses them.
"""

from collections.abc import Callable
from typing import NamedTuple

from sealer.sops.formats.yaml_comments import (
    ALIAS,
    ANCHOR,
    BLOCK_END,
    BLOCK_MAPPING,
    BLOCK_SEQUENCE,
    COMMA,
    DIRECTIVE,
    END,
    ENTRY,
    KEY,
    SCALAR,
    START,
    STOP,
    TAG,
    VALUE,
    Scan,
)


class Comments(NamedTuple):
    """The comments of a node; each may be of several lines, each line with its `#`."""

    head: str = ""
    line: str = ""
    foot: str = ""


NONE = Comments()
_DOCUMENT = frozenset((DIRECTIVE, START, STOP, END))


class Attribution:
    """The comments of all nodes of a stream, by the place in the text where a node begins."""

    def __init__(self, scan: Scan) -> None:
        self.scalars: dict[int, Comments] = {}
        """Of scalars and aliases."""
        self.starts: dict[int, str] = {}
        """Head comments of collections."""
        self.ends: dict[int, Comments] = {}
        """Line and foot comments of collections, by where they begin."""
        self.documents: list[Comments] = []
        """Head and foot of each document."""
        _Walk(scan, self)

    def of(self, event: "object") -> Comments:
        """The comments of the scalar or alias of an event."""
        mark = event.start_mark  # type: ignore[attr-defined]  # PyYAML's events have no common type
        return self.scalars.get(mark.index, NONE)


class _Walk:
    """A walk over the tokens. Every state is a method, which says what the next state is."""

    def __init__(self, scan: Scan, result: Attribution) -> None:
        self._codes = scan.codes
        self._starts = scan.starts
        self._comments = scan.comments
        self._result = result
        self._next_comment = 0
        self._at = 0
        self._head: list[str] = []
        self._line: list[str] = []
        self._foot: list[str] = []
        self._stem = self._document_head = ""
        self._states: list[Callable[[], None]] = []
        self._open: list[int] = []
        self._state = self._first_document
        self._skip()  # the start of the stream
        while self._at < len(self._codes):
            self._state()

    def _peek(self) -> str:
        """The next token. Comments bound to its place or before are taken up."""
        code, start = self._codes[self._at], self._starts[self._at]
        while self._next_comment < len(self._comments):
            place, role, text = self._comments[self._next_comment]
            if start < place or (role == "head" and code == BLOCK_END):
                break  # an end has no head: the comment waits for what follows
            (self._head if role == "head" else self._line if role == "line" else self._foot).append(text)
            self._next_comment += 1
        return code

    def _skip(self) -> None:
        self._at += 1

    def _next(self) -> str:
        """The token behind the next one."""
        self._at += 1
        return self._peek()

    def _take(self) -> Comments:
        self._stem = ""
        if not (self._head or self._line or self._foot):
            return NONE
        taken = Comments("\n".join(self._head), "\n".join(self._line), "\n".join(self._foot))
        self._head, self._line, self._foot = [], [], []
        return taken

    def _give_up(self) -> None:
        self._at = len(self._codes)

    def _pop(self) -> None:
        self._state = self._states.pop()

    def _first_document(self) -> None:
        if self._peek() in _DOCUMENT:
            self._document()
            return
        self._document_head = self._split_head()
        self._states.append(self._document_end)
        self._state = self._block_node

    def _split_head(self) -> str:
        """Cut what stands above the last blank line off the head of the first node: it is the document's."""
        head = "\n".join(self._head)
        for at in range(len(head) - 1, 0, -1):
            if head[at] == "\n":
                if at == len(head) - 1:
                    self._head = []
                    return head[:at]
                if head[at - 1] == "\n":
                    self._head = [head[at + 1 :]]
                    return head[: at - 1]
        return ""

    def _document(self) -> None:
        code = self._peek()
        while code == STOP:
            code = self._next()
        while code == DIRECTIVE:
            code = self._next()
        if code != START:
            self._give_up()
            return
        self._skip()
        self._document_head = ""
        self._states.append(self._document_end)
        self._state = self._document_content

    def _document_content(self) -> None:
        if self._peek() in _DOCUMENT:
            self._pop()
        else:
            self._block_node()

    def _document_end(self) -> None:
        if self._peek() == STOP:
            self._skip()
        taken = self._take()
        self._result.documents.append(Comments(self._document_head, "", taken.foot or taken.head))
        self._state = self._document

    def _block_node(self) -> None:
        self._node()

    def _node(self, *, is_indentless: bool = False) -> None:
        code, start = self._peek(), self._starts[self._at]
        if code == ALIAS:
            self._scalar(start)
            return
        has_properties = False
        while code in (ANCHOR, TAG):
            has_properties = True
            code = self._next()
        if code == SCALAR:
            self._scalar(start)
        elif code == ENTRY and is_indentless:
            self._begin(start, "", self._indentless_entry)
        elif code in ("[", "{"):
            self._begin(start, self._take().head, self._flow_list_first if code == "[" else self._flow_map_first)
        elif code in (BLOCK_SEQUENCE, BLOCK_MAPPING):
            stem, self._stem = self._stem, ""
            self._skip()
            self._begin(start, stem, self._block_list if code == BLOCK_SEQUENCE else self._block_map)
        elif has_properties:
            self._pop()
        else:
            self._give_up()

    def _scalar(self, start: int) -> None:
        taken = self._take()
        if taken != NONE:
            self._result.scalars[start] = taken
        self._skip()
        self._pop()

    def _begin(self, start: int, head: str, state: Callable[[], None]) -> None:
        if head:
            self._result.starts[start] = head
        self._open.append(start)
        self._state = state

    def _end(self, taken: Comments = NONE) -> None:
        start = self._open.pop()
        if taken != NONE:
            self._result.ends[start] = taken
        self._pop()

    def _block_list(self) -> None:
        code = self._peek()
        if code == ENTRY:
            code = self._entry()
            if code in (ENTRY, BLOCK_END):
                self._state = self._block_list
            else:
                self._states.append(self._block_list)
                self._node()
        elif code == BLOCK_END:
            self._end()
            self._skip()
        else:
            self._give_up()

    def _indentless_entry(self) -> None:
        if self._peek() == ENTRY:
            if self._entry() in (ENTRY, KEY, VALUE, BLOCK_END):
                self._state = self._indentless_entry
            else:
                self._states.append(self._indentless_entry)
                self._node()
        else:
            self._end()

    def _entry(self) -> str:
        """Go behind a `-`. A head above it is that of the collection that begins there, not of its first item."""
        above = len(self._head)
        code = self._next()
        if above and code in (BLOCK_SEQUENCE, BLOCK_MAPPING):
            self._stem, self._head = "\n".join(self._head[:above]), self._head[above:]
        return code

    def _block_map(self) -> None:
        code = self._peek()
        if code == KEY:
            if self._next() in (KEY, VALUE, BLOCK_END):
                self._state = self._block_value
            else:
                self._states.append(self._block_value)
                self._node(is_indentless=True)
        elif code == BLOCK_END:
            self._end(self._take())
            self._skip()
        else:
            self._give_up()

    def _block_value(self) -> None:
        if self._peek() == VALUE and self._next() not in (KEY, VALUE, BLOCK_END):
            self._states.append(self._block_map)
            self._node(is_indentless=True)
        else:
            self._state = self._block_map

    def _flow_list_first(self) -> None:
        self._skip()
        self._flow_item(self._peek())

    def _flow_list(self) -> None:
        code = self._peek()
        self._flow_item(self._next() if code == COMMA else code)

    def _flow_item(self, code: str) -> None:
        if code == "]":
            self._end(self._take())
            self._skip()
        elif code == KEY:
            self._open.append(-1)  # the mapping of one pair has no comments of its own
            self._skip()
            self._state = self._pair_key
        else:
            self._states.append(self._flow_list)
            self._node()

    def _pair_key(self) -> None:
        if self._peek() in (VALUE, COMMA, "]"):
            self._skip()
            self._state = self._pair_value
        else:
            self._states.append(self._pair_value)
            self._node()

    def _pair_value(self) -> None:
        if self._peek() == VALUE and self._next() not in (COMMA, "]"):
            self._states.append(self._pair_end)
            self._node()
        else:
            self._state = self._pair_end

    def _pair_end(self) -> None:
        self._peek()
        self._open.pop()
        self._state = self._flow_list

    def _flow_map_first(self) -> None:
        self._skip()
        self._flow_key(self._peek())

    def _flow_map(self) -> None:
        code = self._peek()
        self._flow_key(self._next() if code == COMMA else code)

    def _flow_key(self, code: str) -> None:
        if code == "}":
            self._end(self._take())
            self._skip()
        elif code == KEY:
            if self._next() in (VALUE, COMMA, "}"):
                self._state = self._flow_value
            else:
                self._states.append(self._flow_value)
                self._node()
        else:
            self._states.append(self._flow_empty_value)
            self._node()

    def _flow_value(self) -> None:
        if self._peek() == VALUE and self._next() not in (COMMA, "}"):
            self._states.append(self._flow_map)
            self._node()
        else:
            self._state = self._flow_map

    def _flow_empty_value(self) -> None:
        self._peek()
        self._state = self._flow_map
