"""Change single values of an object where it stands in a text; every line that need not move stays as it is.

A patch is what RFC 7396 calls one, as a tree of dictionaries: a value replaces or adds, None removes. YAML in block
style keeps its comments and order, flow style and JSON keep theirs. The results are plain pieces of text, which the
caller puts in and reads again: nothing here decides that an edit was right.
"""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from engine.kube import json_write, yaml
from sealer.errors import FormatError
from sealer.rotation.marks import Spot

_STEP = "  "


class Edit(NamedTuple):
    """Put `piece` where `start:end` of the text stands."""

    start: int
    end: int
    piece: str


def applied(text: str, edits: list[Edit]) -> str:
    """The text after all edits, which do not overlap; of those at one place the first stands first."""
    for start, end, piece in sorted(edits, key=lambda edit: edit[:2], reverse=True):
        text = text[:start] + piece + text[end:]
    return text


def edits_of(text: str, root: Spot, patch: Mapping[str, Any]) -> list[Edit]:
    """The edits that make the object at `root` what the patch says.

    Raises: FormatError, naming the line, for a value that has no place of its own: one behind an alias or an anchor.
    """
    writer = _Writer(text)
    writer.change(root, patch)
    return writer.edits


def replacement(text: str, spot: Spot, raw: Mapping[str, Any]) -> Edit:
    """The edit that puts another object in the place of the one at `spot`, in the style of the place."""
    writer = _Writer(text)
    end = writer.end(spot)
    if writer.is_flow(spot):
        piece = json_write.text(raw).replace("\n", writer.break_ + writer.indent(spot.start))
    else:
        margin = " " * writer.column(spot.start)
        piece = writer.block(raw, margin).removeprefix(margin).removesuffix(writer.break_)
        if text[:end].endswith("\n"):
            piece += writer.break_
    return Edit(spot.start, end, piece)


class _Writer:
    """Collects the edits of one text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.break_ = "\r\n" if "\r\n" in text else "\n"
        self.edits: list[Edit] = []

    def change(self, spot: Spot, patch: Mapping[str, Any]) -> None:
        entries = self._entries(spot)
        missing: dict[str, Any] = {}
        for key, wanted in patch.items():
            child = entries.get(key)
            if child is None:
                if wanted is not None:
                    missing[key] = wanted
            elif wanted is None:
                self._remove(spot, entries, key)
            elif not isinstance(wanted, dict):
                self._replace(spot, child, wanted)
            elif child.children:
                self.change(child, wanted)
            else:
                self._fill(spot, child, wanted)
        if missing:
            self._insert(spot, entries, missing)

    def is_flow(self, spot: Spot) -> bool:
        return self.text[spot.start : spot.start + 1] in ("{", "[")

    def column(self, position: int) -> int:
        return position - self.text.rfind("\n", 0, position) - 1

    def indent(self, position: int) -> str:
        """The spaces at the beginning of a line."""
        line = self.text[self.text.rfind("\n", 0, position) + 1 : position]
        return line[: len(line) - len(line.lstrip(" \t"))]

    def end(self, spot: Spot) -> int:
        """Where a value ends; a block ends with the last thing in it."""
        children = list(spot.children.values()) if isinstance(spot.children, dict) else spot.children
        return self.end(children[-1]) if children and not self.is_flow(spot) else spot.end

    def block(self, raw: Mapping[str, Any], margin: str) -> str:
        """Entries as lines of a block mapping."""
        lines = yaml.write(raw).splitlines()
        return "".join((margin + line if line else line) + self.break_ for line in lines)

    def _entries(self, spot: Spot) -> dict[str, Spot]:
        if not isinstance(spot.children, dict) or not spot.is_bare or not spot.children:
            raise self._misplaced(spot)
        return spot.children

    def _replace(self, parent: Spot, child: Spot, wanted: Any) -> None:
        if child.children is not None or not child.is_bare:
            raise self._misplaced(child)
        old = self.text[child.start : child.end]
        piece = self._scalar(wanted, child.style, is_flow=self.is_flow(parent))
        if child.style in ("|", ">"):
            piece += old[len(old.rstrip()) :]
        elif not old:
            piece = " " + piece
        self.edits.append(Edit(child.start, child.end, piece))

    def _scalar(self, value: Any, style: str, *, is_flow: bool) -> str:
        if is_flow:
            return json_write.text(value)
        is_harmless = (
            isinstance(value, str) and value.isascii() and value.isprintable() and not set(value) & set("'\"\\")
        )
        if is_harmless and style in ("'", '"'):
            return style + str(value) + style
        line = yaml.write({"k": value}).removeprefix("k: ").removesuffix("\n")
        # What would take several lines, or is folded, stands in double quotes, where both readers know JSON's escapes.
        return json.dumps(value, ensure_ascii=False) if "\n" in line or line.startswith(("|", ">")) else line

    def _fill(self, parent: Spot, child: Spot, wanted: Mapping[str, Any]) -> None:
        """Put entries where the text has nothing or `{}`."""
        is_empty = child.children == {} or (child.text is not None and child.text in ("", "~", "null"))
        if not child.is_bare or not is_empty or child.key_start is None:
            raise self._misplaced(child)
        if self.is_flow(parent):
            inner = self.break_ + self.indent(child.key_start)
            self.edits.append(Edit(child.start, child.end, json_write.text(wanted).replace("\n", inner)))
            return
        margin = " " * self.column(child.key_start) + _STEP
        before = self.text[: child.start].rstrip(" ")
        lines = self.block(wanted, margin).removesuffix(self.break_)
        # A `{}` may stand on a line of its own, where the last item was removed.
        self.edits.append(Edit(len(before), child.end, lines if before.endswith("\n") else self.break_ + lines))

    def _insert(self, spot: Spot, entries: dict[str, Spot], new: Mapping[str, Any]) -> None:
        first, last = next(iter(entries.values())), list(entries.values())[-1]
        start, end = first.key_start or 0, self.end(last)
        if self.is_flow(spot):
            # What stands on one line stays there.
            has_lines = "\n" in self.text[spot.start : start]
            lead = self.break_ + self.indent(start) if has_lines else " "
            parts = [
                f",{lead}{json_write.text(key)}: "
                + (json_write.text(value).replace("\n", lead) if has_lines else json.dumps(value, ensure_ascii=False))
                for key, value in new.items()
            ]
            self.edits.append(Edit(end, end, "".join(parts)))
            return
        lines = self.block(new, " " * self.column(start))
        if self.text[:end].endswith("\n"):
            at = end
        else:
            at = self.text.find("\n", end) + 1
            if not at:  # the last line of a file that ends without a line break
                at, lines = len(self.text), self.break_ + lines.removesuffix(self.break_)
        self.edits.append(Edit(at, at, lines))

    def _remove(self, spot: Spot, entries: dict[str, Spot], key: str) -> None:
        keys = list(entries)
        index, child = keys.index(key), entries[key]
        start, end = child.key_start or 0, self.end(child)
        if self.is_flow(spot):
            if index + 1 < len(keys):
                end = entries[keys[index + 1]].key_start or end
            elif index:
                start = self.end(entries[keys[index - 1]])
            else:
                start, end = spot.start + 1, spot.end - 1
            self.edits.append(Edit(start, end, ""))
        elif len(keys) == 1:
            tail = self.break_ if self.text[:end].endswith("\n") else ""
            self.edits.append(Edit(start, end, "{}" + tail))
        else:
            # The next key of `- a: 1` moves up; everywhere else the lines go.
            margin = self.text.rfind("\n", 0, start) + 1
            is_alone = not self.text[margin:start].strip()
            stop = end if self.text[:end].endswith("\n") else self.text.find("\n", end) + 1 or len(self.text)
            if is_alone:
                self.edits.append(Edit(margin, stop, ""))
            else:
                self.edits.append(Edit(start, entries[keys[index + 1]].key_start or stop, ""))

    def _misplaced(self, spot: Spot) -> FormatError:
        return FormatError(
            f"line {spot.line}: a value stands behind an alias, an anchor, a merge or a tag",
            "write it out where it belongs",
        )
