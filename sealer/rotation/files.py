"""Find the SealedSecrets of a file and put new ciphertext where the old one stands; every other byte stays.

The text is outlined beside being read, so that each sealed item has a place. What the outline cannot place (an item
that comes by an alias or a merge, or carries an anchor or a tag) is never edited. After an edit the new text is read
again and compared with what was meant: a file that would mean anything else is refused.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, cast

from engine.kube import manifest
from engine.kube.documents import DEFAULT, Limits
from sealer.errors import FormatError
from sealer.reseal import V1_DATA
from sealer.rotation import marks
from sealer.rotation.tree import mentions
from sealer.sealedsecret import API_VERSION, KIND

_MARK = "\ufeff"
_WORDS = (KIND, API_VERSION.partition("/")[0])
_SPEC, _SEALED = ("spec",), ("spec", "encryptedData")
_OTHER_BREAKS = re.compile("[\n\r\x85\u2028\u2029]")


class Found(NamedTuple):
    """One SealedSecret of a file: its raw object, and the line on which it begins."""

    raw: Mapping[str, Any]
    line: int
    spot: marks.Spot

    @property
    def ref(self) -> str:
        """How reports call it, whatever its metadata looks like."""
        given = self.raw.get("metadata")
        metadata = given if isinstance(given, Mapping) else {}
        parts = [part for part in (metadata.get("namespace"), metadata.get("name")) if isinstance(part, str) and part]
        return "/".join(parts) or "(no name)"

    @property
    def items(self) -> tuple[str, ...]:
        """The path to the mapping in which its ciphertext stands; in the deprecated form that is the spec itself."""
        return _SPEC if self.raw["spec"].get(V1_DATA) else _SEALED


class SealedFile:
    """The SealedSecrets of one file, in their order, and the text in which they stand."""

    __slots__ = ("_documents", "_limits", "_mark", "_text", "found", "source")

    def __init__(self, data: bytes, *, source: str, limits: Limits = DEFAULT) -> None:
        """Raises: DocumentError for a text that cannot be read; FormatError for one that cannot be edited."""
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise FormatError(f"{source}: line 1: UTF-16 text is not edited", "convert the file to UTF-8")
        self.source = source
        self._limits = limits
        documents, form = manifest.documents(data, source, limits)
        whole = data.decode()
        self._mark = _MARK if whole.startswith(_MARK) else ""
        self._text = whole.removeprefix(_MARK)
        roots = marks.of_json(self._text) if form is manifest.Form.JSON else marks.of_yaml(self._text)
        self._documents = [document.value for document in documents]
        self.found: tuple[Found, ...] = tuple(
            found for document in documents for found in _objects(document.value, roots[document.number - 1])
        )

    def replaced(self, new: Mapping[int, Mapping[str, str]]) -> bytes:
        """The file with new ciphertext: by index into `found`, by item.

        Raises: FormatError, naming file and line, where an item has no place of its own to be written to.
        """
        edits = [
            self._edit(self.found[index], key, text) for index, items in new.items() for key, text in items.items()
        ]
        text = self._text
        for start, end, piece in sorted(edits, reverse=True):
            text = text[:start] + piece + text[end:]
        data = (self._mark + text).encode()
        self._check(data, new)
        return data

    def _edit(self, found: Found, key: str, text: str) -> tuple[int, int, str]:
        spot = found.spot.at(*found.items, key)
        if spot is None or spot.text is None or not spot.is_bare:
            line = (spot or found.spot.at(*found.items) or found.spot).line
            raise FormatError(
                f'{self.source}: line {line}: the item "{key}" stands behind an alias, an anchor, a merge or a tag',
                "write the item out where it belongs",
            )
        written = _written(self._text[spot.start : spot.end], spot.style, text)
        if written is None:
            raise FormatError(
                f'{self.source}: line {spot.line}: the item "{key}" is a block that is empty or has mixed line ends',
                "write its text on one line, as a plain string",
            )
        return spot.start, spot.end, written

    def _check(self, data: bytes, new: Mapping[int, Mapping[str, str]]) -> None:
        """Read the new text and compare: new items where they were meant to be, everything else as before."""
        after = SealedFile(data, source=self.source, limits=self._limits)
        before = SealedFile((self._mark + self._text).encode(), source=self.source, limits=self._limits)
        for index, items in new.items():
            if index >= len(after.found) or after.found[index].ref != self.found[index].ref:
                raise self._unsafe(index)
            old_items, new_items = (_at(file.found[index]) for file in (before, after))
            for key, text in items.items():
                if _joined(new_items.get(key)) != text:
                    raise self._unsafe(index)
                old_items[key] = new_items[key]
        if before._documents != after._documents:
            raise self._unsafe(next(iter(new), 0))

    def _unsafe(self, index: int) -> FormatError:
        return FormatError(
            f"{self.source}: line {self.found[index].line}: {self.found[index].ref} cannot be edited in place safely",
            "write its items as plain or quoted strings",
        )


def _at(found: Found) -> dict[str, Any]:
    value: Any = found.raw
    for key in found.items:
        value = value[key]
    return cast(dict[str, Any], value)


def may_hold_sealed(data: bytes) -> bool:
    """Whether it pays to read a text: those that never write the kind and its group hold no SealedSecret. Escaped
    (`Sealed\\u0053ecret`) they would go unseen, which no tool writes."""
    return all(mentions(data, word) for word in _WORDS)


def _objects(value: object, spot: marks.Spot, kind: str = "", api_version: str = "") -> Iterator[Found]:
    """The SealedSecrets of a document; the items of lists in place of them, at any depth."""
    if not isinstance(value, dict):
        return
    found_kind, found_version = value.get("kind", kind), value.get("apiVersion", api_version)
    items = value.get("items")
    if isinstance(found_kind, str) and found_kind.endswith("List") and isinstance(items, list):
        of_items = found_kind.removesuffix("List")
        for index, item in enumerate(items):
            place = spot.at("items", index) or marks.Spot(spot.start, spot.end, spot.line, is_bare=False)
            yield from _objects(item, place, of_items, str(found_version) if of_items else "")
    elif (found_kind, found_version) == (KIND, API_VERSION):
        value.setdefault("kind", KIND)  # items of a typed list do not repeat what the list says
        value.setdefault("apiVersion", API_VERSION)
        yield Found(value, spot.line, spot)


def _joined(text: object) -> str | None:
    """A ciphertext without the line ends that its block style brings; the reader of base64 skips them."""
    return text.replace("\n", "").replace("\r", "") if isinstance(text, str) else None


def _written(old: str, style: str, text: str) -> str | None:
    """A ciphertext in the style of the one before, None for a block without lines to put it into, or whose lines end
    this way and that. Base64 needs no escapes in any style."""
    if style in ("", "'", '"'):
        return style + text + style
    break_ = "\r\n" if "\r\n" in old else "\n"
    if _OTHER_BREAKS.search(old.replace(break_, "")):
        return None
    header, *lines = old.split(break_)
    content = [line for line in lines if line.strip()]
    if not content:
        return None
    indent = content[0][: len(content[0]) - len(content[0].lstrip(" "))]
    tail = lines[len(lines) - _count_of_empty(lines) :]
    # A folded text would have its line ends read as spaces, which no base64 reader takes.
    width = len(content[0]) - len(indent) if style == "|" and len(content) > 1 else len(text)
    pieces = [indent + text[at : at + width] for at in range(0, len(text), width)]
    return break_.join([header, *pieces, *tail])


def _count_of_empty(lines: Sequence[str]) -> int:
    """How many lines at the end are empty; the last of them only says that the line before it ended."""
    return next((count for count, line in enumerate(reversed(lines)) if line.strip()), len(lines))
