"""INI: sections of strings. A section's comment is its first item, a key's comment follows its key.

Metadata are the last section, `[sops]`, with flattened names; line breaks in them are written as the two characters
backslash and n. Source: getsops/sops stores/ini/store.go.
"""

from sealer.sops.envelope import METADATA_KEY, Envelope, put_metadata, take_metadata
from sealer.sops.errors import DocumentRefused, EnvelopeRefused, NotWritable
from sealer.sops.formats import ini_read, ini_write
from sealer.sops.formats.base import check_size
from sealer.sops.formats.flat import flatten, text_of, unflatten
from sealer.sops.formats.ini_read import Key, Section
from sealer.sops.formats.json import text as json_text
from sealer.sops.metadata import Metadata
from sealer.sops.tree import Branch, Branches, Comment, Value, to_bytes, to_text

_MARKS = (b"\xef\xbb\xbf", b"\xfe\xff", b"\xff\xfe")
"""Byte order marks; go-ini drops them, and reads no UTF-16 for all that."""


class Ini:
    """There is nothing to indent."""

    name = "ini"
    is_single_value = False

    def __init__(self, *, indent: int | None = None) -> None:
        del indent

    def read_plain(self, data: bytes) -> Branches:
        check_size(data)
        mark = next((mark for mark in _MARKS if data.startswith(mark)), b"")
        sections = ini_read.read(to_text(data.removeprefix(mark)))
        return [Branch((section.name, _branch(section)) for section in sections)]

    def read_encrypted(self, data: bytes) -> Envelope:
        try:
            branches = self.read_plain(data)
        except DocumentRefused as refusal:
            raise EnvelopeRefused(refusal.message) from None
        plain, raw = take_metadata(branches)
        items = [(key, str(value).replace("\\n", "\n")) for key, value in raw if not isinstance(key, Comment)]
        return Envelope(plain, Metadata.read(unflatten(items)))

    def write_plain(self, branches: Branches) -> bytes:
        items = [item for branch in branches for item in branch]
        return to_bytes(ini_write.write([_section(key, value) for key, value in items if not isinstance(key, Comment)]))

    def write_encrypted(self, envelope: Envelope) -> bytes:
        flat = flatten(envelope.metadata.write())
        raw = Branch((name, value.replace("\n", "\\n")) for name, value in flat)
        return self.write_plain(put_metadata(envelope.branches, raw))

    def write_value(self, value: Value) -> bytes:
        return json_text(value, "", "").encode()

    def is_encrypted(self, branches: Branches) -> bool:
        return branches[0].has(METADATA_KEY)


def _branch(section: Section) -> Branch:
    branch = Branch()
    if section.comment:
        branch.append((_comment(section.comment), None))
    for name, key in section.keys.items():
        branch.append((name, key.value))
        if key.comment:
            branch.append((_comment(key.comment), None))
    return branch


def _comment(text: str) -> Comment:
    """A comment without the sign before its first line; the signs of further lines are part of it."""
    return Comment(text.lstrip(f"{text[0]} ") if text[0] in "#;" else text)


def _section(name: str, value: Value) -> Section:
    if not isinstance(value, Branch):
        raise NotWritable(f"{name!a}: an INI file is made of sections, and this is none")
    if not name:
        raise NotWritable("a section of an INI file needs a name")
    section = Section(name)
    last: Key | None = None
    for index, (key, item) in enumerate(value):
        if isinstance(key, Comment):
            if not index:
                section.comment = key.text
            elif last:
                last.comment = key.text
            continue
        if not key or isinstance(item, list):
            what = "a section holds strings only" if key else "a key needs a name"
            raise NotWritable(f"{name!a}: {what} in an INI file")
        last = section.keys.setdefault(key, Key("", ""))
        last.value = text_of(item)
    return section
