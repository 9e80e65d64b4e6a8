"""Change values where they stand: what does not change keeps its bytes, with quotes, comments, blank lines, anchors.

An edit is made by putting the new spelling of each changed value into the text, and is only believed when the result
reads as the branches that were wanted. So whatever is not foreseen here ends in a reason, never in another document.
"""

from typing import NamedTuple

from engine.kube.documents import Limits
from engine.kube.yaml_read import built
from sealer.sops.errors import DocumentRefused
from sealer.sops.formats import yaml_emit, yaml_strings
from sealer.sops.formats.yaml_places import Place, PlaceReader, Shared, Top
from sealer.sops.formats.yaml_reading import read
from sealer.sops.tree import Branch, Branches, Comment, Scalar, Timestamp

_METADATA = "sops"
_COMMENT_RULES = ("unencrypted_comment_regex", "encrypted_comment_regex")
_BREAKS = "\n\r\x85\u2028\u2029"
_FLOW_MARKS = frozenset(",[]{}?:#")
_LARGEST_HINT = 9


class Edited(NamedTuple):
    """The new text, or None and why values cannot be changed where they stand."""

    text: bytes | None
    reason: str = ""


class _Unkept(Exception):
    """Why an edit in place is not possible."""


def edited(source: bytes, wanted: Branches, *, indent: int, limits: Limits) -> Edited:
    """The text with the wanted values in place of its own; `sops` items are added, replaced or taken out.

    Raises: DocumentRefused when the source cannot be read.
    """
    now = read(source, limits)
    tops, ends = built(source, limits, lambda data: _places(data, limits))
    if len(now) != len(wanted):
        return Edited(None, "the number of documents changes")
    try:
        text = source.decode()
        if text.startswith("\ufeff"):
            return Edited(None, "the text begins with a byte order mark")
        # A comment at the end of a document stays one when a blank line follows.
        for gap in ("", "\n"):
            editor = _Editor(text, indent, gap)
            for top, end, old, new in zip(tops, ends, now, wanted, strict=True):
                editor.document(top, end, old, new)
            result = editor.result().encode()
            if _reads_as(result, wanted, limits):
                return Edited(result)
    except UnicodeDecodeError:
        return Edited(None, "the text is not UTF-8")
    except _Unkept as reason:
        return Edited(None, str(reason))
    return Edited(None, "the text has a form that is not kept")


def _places(data: bytes, limits: Limits) -> tuple[list[Top], list[int]]:
    reader = PlaceReader(data, limits)
    reader.branches()
    return reader.tops, reader.ends


def _reads_as(result: bytes, wanted: Branches, limits: Limits) -> bool:
    try:
        got = read(result, limits)
    except DocumentRefused:
        return False
    return len(got) == len(wanted) and all(_is_same(a, b) for a, b in zip(got, wanted, strict=True))


def _is_same(got: object, wanted: object) -> bool:
    """Whether two values are equal, types included.

    The original turns an encrypted comment in a list into a string. In place it stays a comment, which decrypts alike.
    """
    if isinstance(got, Comment) and isinstance(wanted, str):
        return got.text == wanted
    if type(got) is not type(wanted):
        return False
    if isinstance(got, Branch) and isinstance(wanted, Branch):
        return len(got) == len(wanted) and all(
            old_key == new_key and _is_same(old, new)
            for (old_key, old), (new_key, new) in zip(got, wanted, strict=True)
        )
    if isinstance(got, list) and isinstance(wanted, list):
        return len(got) == len(wanted) and all(_is_same(old, new) for old, new in zip(got, wanted, strict=True))
    return got == wanted or (got != got and wanted != wanted)  # noqa: PLR0124 - NaN


class _Editor:
    """Collects changes of one text: from where, to where, and what comes there."""

    def __init__(self, text: str, indent: int, gap: str) -> None:
        """`gap` goes before metadata that are added."""
        self._text = text
        self._indent = indent
        self._gap = gap
        self._changes: list[tuple[int, int, str]] = []
        self._is_by_comments = False

    def result(self) -> str:
        parts = []
        at = 0
        for start, end, new in sorted(self._changes, key=lambda change: change[:2]):
            if start < at:
                raise _Unkept("two values stand in one place")
            parts += [self._text[at:start], new]
            at = end
        return "".join(parts) + self._text[at:]

    def document(self, top: Top, end: int, old: Branch, new: Branch) -> None:
        metadata = new.get(_METADATA)
        self._is_by_comments = isinstance(metadata, Branch) and any(metadata.has(rule) for rule in _COMMENT_RULES)
        had, has = old.has(_METADATA), new.has(_METADATA)
        self._branch(_without(top.branch), _without(old), _without(new))
        if has and not had:
            self._append(top, end, new)
        elif had and not _is_same(old.get(_METADATA), new.get(_METADATA)):
            self._replace(top, new)

    def _branch(self, places: Branch, old: Branch, new: Branch) -> None:
        if len(places) != len(new):
            raise _Unkept("keys are added or removed")
        for (place_key, place), (old_key, old_value), (new_key, new_value) in zip(places, old, new, strict=True):
            if isinstance(place_key, Comment) and isinstance(old_key, Comment) and isinstance(new_key, Comment):
                self._comment(place_key, old_key, new_key.text)
            elif old_key != new_key:
                raise _Unkept("keys change")
            else:
                self._value(place, old_value, new_value)

    def _value(self, place: object, old: object, new: object) -> None:
        if isinstance(place, Comment) and isinstance(old, Comment):
            if not isinstance(new, Comment | str):
                raise _Unkept("a comment becomes a value")
            if isinstance(new, str) and self._is_by_comments:
                raise _Unkept("comments decide what is encrypted, and one of a list becomes a value")
            self._comment(place, old, new.text if isinstance(new, Comment) else new)
        elif _is_same(old, new):
            return
        elif isinstance(place, Branch) and isinstance(old, Branch) and isinstance(new, Branch):
            self._branch(place, old, new)
        elif isinstance(place, list) and isinstance(old, list) and isinstance(new, list):
            if isinstance(new, Branch) or len(place) != len(new):
                raise _Unkept("items are added or removed")
            for place_item, old_item, new_item in zip(place, old, new, strict=True):
                self._value(place_item, old_item, new_item)
        elif isinstance(place, Shared):
            raise _Unkept("a value changes that an alias shares")
        elif isinstance(place, Place) and isinstance(new, str | int | float | Timestamp | None):
            self._scalar(place, new)
        else:
            raise _Unkept("the shape of a value changes")

    def _comment(self, place: Comment, old: Comment, new: str) -> None:
        if old.text != new:
            start = int(place.text) + 1
            self._changes.append((start, self._line_end(start), new))

    def _scalar(self, place: Place, new: Scalar) -> None:
        if isinstance(new, str) and yaml_strings.is_binary(new):
            raise _Unkept("a value is no text")
        start = self._behind_properties(place)
        spelled = _spelled(new, place)
        lead = "" if start == 0 or self._text[start - 1] in " \t[{" + _BREAKS else " "
        if spelled is None:
            self._block(place, start, lead, str(new))
        elif place.style in ("|", ">"):
            self._change_block(place, start, lead + spelled, "")
        else:
            self._changes.append((start, place.end, lead + spelled))

    def _change_block(self, place: Place, start: int, head: str, lines: str) -> None:
        """Put a head for the `|` of a block and lines below it for its own; a comment behind the `|` stays."""
        text = self._text
        behind = start + 1
        while text[behind : behind + 1] in tuple("+-0123456789"):
            behind += 1
        first = self._line_end(behind)
        self._changes.append((start, behind, head))
        content = place.start + len(text[place.start : place.end].rstrip(" \t" + _BREAKS))
        self._changes.append((first, max(first, content), lines))

    def _behind_properties(self, place: Place) -> int:
        """Where a scalar begins behind its anchor; a tag, which would tell of the old value, is taken out."""
        text, at = self._text, place.start
        while at < place.end and text[at] in "&!":
            begin = at
            while at < place.end and text[at] not in " \t" + _BREAKS:
                at += 1
            while at < place.end and text[at] in " \t":
                at += 1
            if text[begin] == "!":
                self._changes.append((begin, at, ""))
        return at

    def _block(self, place: Place, start: int, lead: str, new: str) -> None:
        """A string of several lines: its head where the value stood, its lines below."""
        pad = self._pad(place, start) if place.style else place.column + self._indent
        if pad - place.column > _LARGEST_HINT:
            pad = place.column + self._indent
        header, _, body = yaml_strings.literal(new, " " * pad, pad - place.column).partition("\n")
        lines = "\n" + body.removesuffix("\n")
        if place.style in ("|", ">"):
            self._change_block(place, start, lead + header, lines)
        else:
            line_end = self._line_end(place.end)
            lines += "\n" if line_end == len(self._text) and body.endswith("\n") else ""
            self._changes.append((start, place.end, lead + header))
            self._changes.append((line_end, line_end, lines))

    def _pad(self, place: Place, start: int) -> int:
        """The indentation of the first line of a block, when that is one."""
        at = self._line_end(start)
        line = self._text[at : place.end].lstrip(_BREAKS).split("\n", 1)[0]
        pad = len(line) - len(line.lstrip(" "))
        return pad if pad > place.column else place.column + self._indent

    def _append(self, top: Top, end: int, new: Branch) -> None:
        if not top.is_block:
            raise _Unkept("a document is no block to which metadata can be added")
        lead = "" if not end or self._text[end - 1] in _BREAKS else "\n"
        self._changes.append((end, end, lead + self._gap + self._metadata(new) + "\n"))

    def _replace(self, top: Top, new: Branch) -> None:
        text = self._text
        start, end = top.items[_METADATA]
        if not top.is_block or (start and text[start - 1] not in _BREAKS):
            raise _Unkept("the metadata do not stand in lines of their own")
        end = self._line_end(start + len(text[start:end].rstrip(" \t" + _BREAKS)))
        if new.has(_METADATA):
            self._changes.append((start, end, self._metadata(new)))
        else:
            end += 2 if text[end : end + 2] == "\r\n" else 1
            self._changes.append((start, end, ""))

    def _metadata(self, new: Branch) -> str:
        return yaml_emit.text([Branch([(_METADATA, new.get(_METADATA))])], self._indent).removesuffix("\n")

    def _line_end(self, at: int) -> int:
        text = self._text
        while at < len(text) and text[at] not in _BREAKS:
            at += 1
        return at


def _without(branch: Branch) -> Branch:
    return Branch(item for item in branch if item[0] != _METADATA)


def _spelled(new: Scalar, place: Place) -> str | None:
    """A value in one line, in the quotes of the old one; None when it is a block."""
    if not isinstance(new, str):
        return yaml_emit.scalar_text(new)
    inline = yaml_strings.inline(new)
    if inline is None:
        return yaml_strings.quoted(new) if place.is_flow or place.style in ("'", '"') else None
    if inline[0] == '"' or place.style == '"':
        return yaml_strings.quoted(new) if new else '""'
    if place.style == "'" or (place.is_flow and not _FLOW_MARKS.isdisjoint(new)):
        return "'" + new.replace("'", "''") + "'"
    return inline
