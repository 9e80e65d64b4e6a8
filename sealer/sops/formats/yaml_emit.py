"""From branches to YAML, to the byte as the original writes them, comments included.

yaml.v3's emitter keeps each comment until a place comes where its kind is written. Mostly that is the right place, and
where it is not, the comment moves to the next one: so places and order are followed here step by step.
Source: getsops/sops stores/yaml/store.go; go.yaml.in/yaml/v3 3.0.4, encode.go and emitterc.go.
"""

from collections.abc import Sequence
from math import isfinite

from engine.kube.go_numbers import yaml_text
from engine.kube.yaml_strings import is_long_key
from sealer.sops.errors import NotWritable
from sealer.sops.formats import yaml_strings
from sealer.sops.formats.base import LIMITS
from sealer.sops.tree import Branch, Branches, Comment, Timestamp, Value

_MERGE = "<<"
_NO_COMMENT = frozenset(map(chr, (*range(9), *range(0x0B, 0x20), 0x7F, 0x85, 0x2028, 0x2029, 0xFEFF)))
_NOTHING = ""
_HINTED = (" ", "\n")


def text(branches: Branches, indent: int) -> str:
    """The documents, `---` between them. Raises: NotWritable."""
    emitter = _Emitter(indent)
    for number, branch in enumerate(branches):
        emitter.document(branch, is_first=not number)
    return "".join(emitter.parts)


def value_text(value: Value, indent: int) -> str:
    """One value as a document of its own. Raises: NotWritable."""
    emitter = _Emitter(indent)
    emitter.document(value, is_first=True)
    return "".join(emitter.parts)


class _Own:
    """The comments that a collection has as a whole: those before its first item, or all when there is none."""

    __slots__ = ("first", "head", "is_empty")

    def __init__(self, value: "Branch | list[Value]") -> None:
        comments: list[Comment] = []
        for item in value:
            comment = item[0] if isinstance(item, tuple) else item
            if not isinstance(comment, Comment):
                break
            comments.append(comment)
        self.first = len(comments)
        """Where the first item stands; the length of the collection when there is none."""
        self.is_empty = self.first == len(value)
        self.head = [comment for comment in comments if not comment.inline]
        if self.is_empty:
            self.head += [comment for comment in comments if comment.inline]


class _Emitter:
    """Writes documents. `head`, `line`, `foot` and `tail` are comments that wait for their place."""

    __slots__ = (
        "column", "depth", "foot", "foot_indent", "head", "indention", "key_line", "line", "parts", "put", "step",
        "tail", "whitespace",
    )  # fmt: skip

    def __init__(self, step: int) -> None:
        self.parts: list[str] = []
        self.put = self.parts.append
        self.step = step
        self.depth = 0
        self.head = self.line = self.foot = self.tail = self.key_line = _NOTHING
        self.column = 0
        """Right only while nothing but indentation is on the line: no one asks otherwise."""
        self.whitespace = True
        self.indention = True
        """Whether nothing but indentation is on the line."""
        self.foot_indent = -1
        """The indentation of a comment that a blank line must follow; -1 when there is none."""

    def document(self, value: Value, *, is_first: bool) -> None:
        if not is_first:
            self.start_line(0)
            self.indicator("---", is_indention=False)
            self.start_line(0)
            if self.head:
                self.write_head(0)
                self.put_break()
        if isinstance(value, list):
            own = _Own(value)
            self.announce(head=_joined(own.head))
            self.write_head(0)
            self.write_line(0)
            self.write_foot(0)
            self.collection(value, own, 0, 0, (_NOTHING, _NOTHING))
        else:
            self.scalar(value, self.step, -1)
        self.foot_indent = 0
        self.write_foot(0)
        self.foot_indent = -1
        self.start_line(0)

    def collection(
        self, value: "Branch | list[Value]", own: _Own, indent: int, outer: int, end: tuple[str, str]
    ) -> None:
        """The items of a mapping or a list, and what comes at its end. `outer` is the indentation around it.

        `end` are a line comment and a foot comment of the whole.
        """
        line, foot = end
        self.depth += 1
        if self.depth > LIMITS.depth:
            raise NotWritable(f"more than {LIMITS.depth} lists and mappings inside each other")
        if own.is_empty:
            self.announce(line=line, foot=foot)
            self.empty("{}" if isinstance(value, Branch) else "[]", indent, outer)
        elif isinstance(value, Branch):
            tail = self.mapping(value, own.first, indent)
            self.announce(tail=tail, line=line, foot=foot)
            self.write_head(indent)
        else:
            self.sequence(value, own.first, indent)
            self.announce(line=line, foot=foot)
        self.depth -= 1

    def empty(self, brackets: str, indent: int, outer: int) -> None:
        self.indicator(brackets[0], is_space=True, is_indention=False)
        if brackets == "{}":
            self.write_head(indent)
        elif self.column == 0:
            self.start_line(outer)
        self.indicator(brackets[1], needs_space=False, is_indention=False)
        self.write_line(outer)
        self.write_foot(outer)

    def mapping(self, branch: Branch, first: int, indent: int) -> str:
        """Writes all items. Returns the comments behind the last one, which are written at the mapping's end."""
        heads: list[Comment] = []
        lines = [comment for comment, _ in branch[:first] if isinstance(comment, Comment) and comment.inline]
        lead = "\n" + " " * indent
        put = self.put
        for index in range(first, len(branch)):
            key, value = branch[index]
            if isinstance(key, Comment):
                (lines if key.inline else heads).append(key)
                continue
            if self.indention or heads or lines or self.waits():
                self.item(key, value, indent, _joined(heads), _joined(lines))
                heads, lines = [], []
                continue
            name = _key(key, value)
            scalar = None if isinstance(value, list) or name is None else scalar_text(value)
            if scalar is None:
                self.item(key, value, indent)
            else:
                put(f"{lead}{name}: {scalar}")
        return _joined(heads + lines)

    def item(self, key: str, value: Value, indent: int, head: str = _NOTHING, line: str = _NOTHING) -> None:
        """One item of a mapping, by all steps of the original."""
        inner = self.inner(indent)
        self.announce(head=head)
        self.write_head(indent)
        self.start_line(indent)
        if self.line:
            self.key_line, self.line = self.line, _NOTHING
        name = _key(key, value)
        if name is not None:
            self.content(name)
        else:
            self.indicator("?")
            self.scalar(key, inner, indent)
        own = _Own(value) if isinstance(value, list) else None
        if own:
            self.announce(head=_joined(own.head))
        else:
            self.announce(line=line)
        if name is not None:
            self.indicator(":", needs_space=False, is_indention=False)
        else:
            self.start_line(indent)
            self.indicator(":")
        self.meet_key_line(indent, is_one_line=own is None or own.is_empty)
        if own is None:
            self.scalar(value, inner, indent)
        self.after(own, indent)
        if own is not None and isinstance(value, list):
            self.collection(value, own, inner, indent, (line, _NOTHING))

    def after(self, own: _Own | None, indent: int) -> None:
        """Comments behind a scalar, or behind the `:` or `-` before a collection.

        The original writes them before `[]` and `{}`, too, which then stand at the margin, where no one can read them.
        """
        if own is None or not own.is_empty:
            self.write_line(indent)
            self.write_foot(indent)

    def meet_key_line(self, indent: int, *, is_one_line: bool) -> None:
        """What becomes of a line comment that came to stand at a key."""
        if not self.key_line:
            return
        if not is_one_line:
            kept, self.line = self.line, self.key_line
            self.write_line(indent)
            self.line, self.key_line = kept, _NOTHING
        elif not self.line:
            self.line, self.key_line = self.key_line, _NOTHING

    def sequence(self, items: "list[Value]", first: int, indent: int) -> None:
        inner = indent + 2
        heads: list[Comment] = []
        lines = [comment for comment in items[:first] if isinstance(comment, Comment) and comment.inline]
        last = next(index for index in range(len(items) - 1, -1, -1) if not isinstance(items[index], Comment))
        behind = [comment for comment in items[last + 1 :] if isinstance(comment, Comment)]
        foot = _joined([c for c in behind if not c.inline] + [c for c in behind if c.inline])
        for index in range(first, last + 1):
            value = items[index]
            if isinstance(value, Comment):
                (lines if value.inline else heads).append(value)
                continue
            own = _Own(value) if isinstance(value, list) else None
            head, line = _joined(heads + own.head if own else heads), _joined(lines)
            heads, lines = [], []
            at_end = foot if index == last else _NOTHING
            self.announce(head=head)
            if own is None:
                self.announce(line=line, foot=at_end)
            self.write_head(indent)
            self.start_line(indent)
            self.indicator("-")
            if own is None:
                self.scalar(value, inner, indent)
            self.after(own, indent)
            if own is not None and isinstance(value, list):
                self.collection(value, own, inner, indent, (line, at_end))

    def inner(self, indent: int) -> int:
        """The indentation of what stands in a mapping."""
        return self.step * ((indent + self.step) // self.step)

    def scalar(self, value: Value, inner: int, indent: int) -> None:
        """A scalar where it stands; a block is indented by `inner`."""
        written = scalar_text(value)
        if written is not None:
            self.content(written)
            return
        string = str(value)
        tag = _NOTHING
        if yaml_strings.is_binary(string):
            string, tag = yaml_strings.binary(string), "!!binary "
        if "\n" not in string:
            self.content(tag + string)
        elif string[0] in _HINTED and string.strip("\n") and inner - max(indent, 0) != self.step:
            # The original's hint is always its step, and wrong here: no one could read the block again.
            self.content(yaml_strings.quoted(string))
        else:
            header, _, body = yaml_strings.literal(string, " " * inner, self.step).partition("\n")
            self.content(tag + header)
            if self.line:
                # A second line, as the original writes it, would be the block's first.
                self.line = self.line.replace("\n", " ")
                self.write_line(inner)
            else:
                self.put_break()
            self.put(body)
            self.whitespace = True
            self.indention = body == _NOTHING or body[-1] == "\n"
            self.column = 0

    # The rest is what the original's emitter does with single characters.

    def waits(self) -> bool:
        return bool(self.head or self.line or self.foot or self.tail or self.key_line) or self.foot_indent >= 0

    def announce(
        self, *, head: str = _NOTHING, line: str = _NOTHING, foot: str = _NOTHING, tail: str = _NOTHING
    ) -> None:
        """Let comments wait for their place, instead of those of their kind that still wait."""
        self.head = head or self.head
        self.line = line or self.line
        self.foot = foot or self.foot
        self.tail = tail or self.tail

    def put_break(self) -> None:
        self.put("\n")
        self.column = 0
        self.indention = True

    def start_line(self, indent: int) -> None:
        if not self.indention or self.column > indent or (self.column == indent and not self.whitespace):
            self.put_break()
        if self.foot_indent == indent:
            self.put_break()
        if self.column < indent:
            self.put(" " * (indent - self.column))
            self.column = indent
        self.whitespace = True
        self.foot_indent = -1

    def indicator(
        self, what: str, *, needs_space: bool = True, is_space: bool = False, is_indention: bool = True
    ) -> None:
        if needs_space and not self.whitespace:
            self.put(" ")
            self.column += 1
        self.put(what)
        self.column += len(what)
        self.whitespace = is_space
        self.indention = self.indention and is_indention

    def content(self, what: str) -> None:
        self.put(what if self.whitespace else " " + what)
        self.whitespace = self.indention = False

    def write_head(self, indent: int) -> None:
        if self.tail:
            self.start_line(indent)
            self.comment(self.tail, indent)
            self.tail = _NOTHING
            self.foot_indent = indent
        if self.head:
            self.start_line(indent)
            self.comment(self.head, indent)
            self.head = _NOTHING

    def write_line(self, indent: int) -> None:
        if self.line:
            if not self.whitespace:
                self.put(" ")
            self.comment(self.line, indent)
            self.line = _NOTHING

    def write_foot(self, indent: int) -> None:
        if self.foot:
            self.start_line(indent)
            self.comment(self.foot, indent)
            self.foot = _NOTHING
            self.foot_indent = indent

    def comment(self, what: str, indent: int) -> None:
        """Lines that begin with `#`; one that does not gets it, so that no comment turns into content."""
        for number, line in enumerate(what.split("\n")):
            if number:
                self.put_break()
                if not line:
                    continue
                self.start_line(indent)
            self.put(line if line[0] == "#" else "# " + line)
            self.indention = False
        if not self.indention:
            self.put_break()
        self.whitespace = True


def _joined(comments: "Sequence[Comment]") -> str:
    """Comments as the lines of one. Raises: NotWritable."""
    if not comments:
        return _NOTHING
    result = "#" + "\n#".join([comment.text for comment in comments])
    if yaml_strings.is_binary(result) or not _NO_COMMENT.isdisjoint(result):
        raise NotWritable("a comment holds characters that YAML has no room for")
    return result


def _key(key: str, value: Value) -> str | None:
    """A key without its colon, or None when it needs a line of its own."""
    if key == _MERGE:
        return "!!merge <<" if _is_merged(value) else '"<<"'
    if yaml_strings.is_binary(key):
        coded = yaml_strings.binary(key)
        return None if "\n" in coded else "!!binary " + coded
    return None if is_long_key(key) else yaml_strings.inline(key)


def _is_merged(value: Value) -> bool:
    """Whether readers can merge the value; else a key `<<` is in quotes, and they can still read the document."""
    if isinstance(value, Branch):
        return True
    return isinstance(value, list) and all(isinstance(item, Branch | Comment) for item in value)


def scalar_text(value: Value) -> str | None:
    """A scalar in one line, or None when it needs more, or a tag."""
    if isinstance(value, str):
        return None if yaml_strings.is_binary(value) else yaml_strings.inline(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, Timestamp):
        return value.text
    raise NotWritable("a comment stands where a value is needed")


def _float(value: float) -> str:
    if not isfinite(value):
        return {"nan": ".nan", "inf": ".inf"}.get(str(value), "-.inf")
    return yaml_text(value) if value else str(value).removesuffix(".0")
