"""Where comments are bound to: what yaml.v3 finds between tokens. libyaml's C scanner drops it.

A comment is bound to a place of the text, and goes to the first token at or behind that place. What stands behind a
token on its line is a line comment of it. In the lines below, blank lines and indentation decide what is a foot of
the token before and what is a head of the next one.

Source: go.yaml.in/yaml/v3 3.0.4, scannerc.go, yaml_parser_scan_line_comment, yaml_parser_scan_comments and
yaml_parser_unroll_indent. Odd rules are kept, since files of the original show them.
"""

from typing import Any, NamedTuple

from engine.kube import libyaml
from engine.kube.documents import Limits
from engine.kube.yaml_budget import Refusal

_BREAKS = frozenset("\n\r\x85\u2028\u2029")
_END = "\0"
_ENDS = _BREAKS | {_END}
_BLANKS = frozenset(" \t")
_SPACE = _BLANKS | _BREAKS
_TOKENS_OF_A_NODE = 6  # an entry's `-` or `?` and `:`, an anchor, a tag, the node's start and end
_REACH = 512  # yaml.v3 looks no further for the next comment of a group

STREAM, END, DIRECTIVE, START, STOP = "S", "E", "%", "D", "d"
BLOCK_MAPPING, BLOCK_SEQUENCE, BLOCK_END = "B", "Q", "X"
ENTRY, COMMA, KEY, VALUE, ALIAS, ANCHOR, TAG, SCALAR = "-", ",", "K", "V", "*", "&", "!", "s"

_CODES = {
    libyaml.StreamStartToken: STREAM,
    libyaml.StreamEndToken: END,
    libyaml.DirectiveToken: DIRECTIVE,
    libyaml.DocumentStartToken: START,
    libyaml.DocumentEndToken: STOP,
    libyaml.BlockMappingStartToken: BLOCK_MAPPING,
    libyaml.BlockSequenceStartToken: BLOCK_SEQUENCE,
    libyaml.BlockEndToken: BLOCK_END,
    libyaml.FlowSequenceStartToken: "[",
    libyaml.FlowSequenceEndToken: "]",
    libyaml.FlowMappingStartToken: "{",
    libyaml.FlowMappingEndToken: "}",
    libyaml.BlockEntryToken: ENTRY,
    libyaml.FlowEntryToken: COMMA,
    libyaml.KeyToken: KEY,
    libyaml.ValueToken: VALUE,
    libyaml.AliasToken: ALIAS,
    libyaml.AnchorToken: ANCHOR,
    libyaml.TagToken: TAG,
    libyaml.ScalarToken: SCALAR,
}
_WITHOUT_LINE = frozenset((STREAM, END, DIRECTIVE, START, STOP, ENTRY))
_DOCUMENT = frozenset((END, DIRECTIVE, START, STOP))


class Bound(NamedTuple):
    """A comment, perhaps of several lines, with the place that it is bound to. Its role is head, line or foot."""

    place: int
    role: str
    text: str


class _Spot(NamedTuple):
    """Where in a gap a comment stood; `since` is where the search for it began."""

    start: int
    column: int
    since: int
    end: int


class Scan:
    """The tokens of a text, as codes with their places, and the comments between them in the order of the text.

    Tokens are met in the order of yaml.v3: a simple key is known for one only at its colon, so until then the
    indentation of a mapping that begins with it is not in force.
    """

    def __init__(self, data: bytes, text: str, limits: Limits, *, marks_places: bool = False) -> None:
        """`text` is `data` decoded. With `marks_places` comments have their places for text.

        Raises: yaml.YAMLError, as the C scanner does; Refusal for more tokens than the nodes of the limits can have,
        and for what is deeper: libyaml slows down with each level.
        """
        self._limits = limits
        self._most = (limits.nodes + 1) * _TOKENS_OF_A_NODE
        self.codes: list[str] = []
        self.starts: list[int] = []
        self.comments: list[Bound] = []
        self._text = text + _END + _END
        self._marks_places = marks_places
        self._second_line = next((at for at, character in enumerate(text, 1) if character in _BREAKS), len(text) + 1)
        self._indents: list[int] = []
        self._flow = 0
        self._simple_keys: list[tuple[int, int | None]] = []
        self._held: int | None = None  # the column of a block whose start was the last token
        self._ends: list[int] = []  # indexes of the ends of blocks since the last token of the text
        self._mark = 0  # where yaml.v3 begins to look for the next token
        self._last, self._last_start, self._before_last = STREAM, 0, 0
        self._run(libyaml.CParser(data).get_token)

    def _run(self, next_token: Any) -> None:
        codes, starts, text = self.codes, self.starts, self._text
        while (token := next_token()) is not None:
            code = _CODES[token.__class__]
            start = token.start_mark.index
            if code == BLOCK_END:
                self._ends.append(len(codes))
            elif code in (BLOCK_MAPPING, BLOCK_SEQUENCE):
                self._held = token.start_mark.column
            elif code == KEY and token.end_mark.index == start:
                self._simple_keys.append((self._flow, self._held))
                self._held = None
            else:
                gap = self._gap() if text.find("#", self._mark, start) >= 0 else []
                queued = self._last_start
                if self._ends:
                    queued = self._close(code, start, gap)
                is_behind = text[start] == (COMMA if self._flow else ":")
                self._open(code)
                self._before_last, self._last, self._last_start = self._last_start, code, start
                self._pass(token, code, queued if is_behind else start)
                if len(codes) > self._most:
                    raise Refusal(token, f"more than {self._limits.nodes} values")
                if self._flow + len(self._indents) > self._limits.depth:
                    raise Refusal(token, f"more than {self._limits.depth} lists and mappings inside each other")
            codes.append(code)
            starts.append(start)

    def _open(self, code: str) -> None:
        """Put the indentation in force that a token brings."""
        column = self._held
        self._held = None
        if code == VALUE and self._simple_keys and self._simple_keys[-1][0] == self._flow:
            _, column = self._simple_keys.pop()
        if column is not None:
            self._indents.append(column)
        if code in ("[", "{"):
            self._flow += 1
        elif code in ("]", "}"):
            self._flow -= 1

    def _close(self, code: str, start: int, gap: list[_Spot]) -> int:
        """Place the ends of blocks before a token: a comment at the indentation of a block still belongs to it.

        Returns the place of the last of them.
        """
        column = start - _line_start(self._text, start)
        end = self._mark - 1
        for index in self._ends:
            indent = self._indents.pop()
            if code in _DOCUMENT and indent <= column:
                end, column = start - 1, -1
            stop = end
            for spot in reversed(gap):
                if spot.end < stop:
                    break
                if spot.column == indent:
                    end = spot.start
                stop = spot.since
            self.starts[index] = end
        self._ends = []
        return end

    def _pass(self, token: Any, code: str, place: int) -> None:
        """Go behind a token, and behind a comment on its line."""
        text = self._text
        at = end = token.end_mark.index
        is_block = code == SCALAR and token.style in ("|", ">")
        if is_block:
            self._header(token.start_mark.index)
        while text[at] in _BLANKS:
            at += 1
        if text[at] == "#" and not is_block and code not in _WITHOUT_LINE and at - end < _REACH:
            end = _line_end(text, at)
            self.comments.append(Bound(place, "line", f"#{at}" if self._marks_places else text[at:end]))
        elif is_block or (code == SCALAR and not token.style):
            # Scalars that end where a line begins further left are read up to what stands there.
            while text[at] in _SPACE:
                at += 1
            end = at
        self._mark = end

    def _header(self, start: int) -> None:
        """A comment behind the `|` or `>` of a block."""
        text = self._text
        at = start + 1
        while text[at] in "+-0123456789 \t":
            at += 1
        if text[at] == "#":
            said = f"#{at}" if self._marks_places else text[at : _line_end(text, at)]
            self.comments.append(Bound(start, "line", said))

    def _gap(self) -> list[_Spot]:
        """The comments from where yaml.v3 stands to the next token."""
        text, at = self._text, self._mark
        context = _Context(
            since=at,
            place=self._before_last if self._last == COMMA else self._last_start,
            may_have_foot=self._last != VALUE,
            indent=self._indents[-1] if self._indents else 0,
            is_flow=self._flow > 0,
            is_below=at >= self._second_line,
            marks_places=self._marks_places,
        )
        spots: list[_Spot] = []
        while True:
            while text[at] in _BLANKS:
                at += 1
            if text[at] == "#":
                group = _Group(text, at, at - _line_start(text, at), context)
                self.comments += group.found
                spots += group.spots
                at = group.end
            if text[at] not in _BREAKS:
                return spots
            at += 2 if text[at : at + 2] == "\r\n" else 1


class _Group:
    """The comments, from a `#` on, that yaml.v3 takes in with one look: feet of what was, and a head of what comes."""

    def __init__(self, text: str, at: int, column: int, context: "_Context") -> None:
        self.found: list[Bound] = []
        self.spots: list[_Spot] = []
        self._text = text
        self._context = context
        self._since = context.since
        self._place = context.place
        self._lines: list[str] = []
        self._start, self._column, self._line = at, column, 0
        self.end = self._read(at, column)
        """Behind the last comment."""

    def _read(self, at: int, column: int) -> int:
        text, context = self._text, self._context
        breaks = _breaks_before(text, at)
        foot_line = 1 - breaks + (breaks == 0 and column > 1) if context.is_below else -1
        is_close = breaks <= 1  # no blank line so far
        was_blank = False
        line_start = at - column
        line = true_line = 0  # both counted from that of the first comment; yaml.v3 falls one behind after each
        mark = at
        while at - mark < _REACH:
            character = text[at]
            if character in _BLANKS:
                at += 1
                continue
            is_closing = context.is_flow and character in "]}"
            if is_closing or character in _ENDS:
                is_foot = is_close and ((self._line == foot_line and context.may_have_foot) or self._is_dedented())
                if is_closing or (is_foot and not was_blank):
                    self._end_foot(at, self._start if self._is_dedented() else self._place)
                elif not was_blank and self._lines and character != _END:
                    self._lines.append("")
                if character not in _BREAKS:
                    break
                is_close, was_blank = False, True
                line += 1
                true_line += text[at - 1 : at + 1] != "\r\n"
                at += 1
                line_start = at
                continue
            if at - line_start < context.indent and at - line_start != self._column:
                self._end_foot(at, self._place)
            if character != "#":
                break
            if not self._lines:
                self._start, self._column, self._line = at, at - line_start, line
            was_blank = False
            mark = _line_end(text, at)
            self._lines.append(f"#{at}" if context.marks_places else text[at:mark])
            line = true_line
            true_line += 1
            at = line_start = mark + 1
        if self._lines:
            self._end(at - 1, self._start, "head")
        return mark

    def _is_dedented(self) -> bool:
        return self._column < self._context.indent

    def _end_foot(self, at: int, place: int) -> None:
        if self._lines:
            self._end(at, place, "foot")
            self._since = self._place = at
            self._lines = []

    def _end(self, at: int, place: int, role: str) -> None:
        self.found.append(Bound(place, role, "\n".join(self._lines)))
        self.spots.append(_Spot(self._start, self._column, self._since, at))


class _Context(NamedTuple):
    """What stands before a gap."""

    since: int
    """Where the search for comments began."""
    place: int
    """The token whose foot a comment may be."""
    may_have_foot: bool
    indent: int
    is_flow: bool
    is_below: bool
    """Whether the search began below the first line."""
    marks_places: bool


def _line_start(text: str, at: int) -> int:
    while at > 0 and text[at - 1] not in _BREAKS:
        at -= 1
    return at


def _line_end(text: str, at: int) -> int:
    while text[at] not in _ENDS:
        at += 1
    return at


def _breaks_before(text: str, at: int) -> int:
    """How many lines end between a place and the last character before it."""
    breaks = 0
    while at > 0 and (character := text[at - 1]) in _SPACE:
        breaks += character in _BREAKS and text[at - 1 : at + 1] != "\r\n"
        at -= 1
    return breaks
