"""Who built a Go program, read from the file itself: a program is known by its main package, not by its name.

A vendor's `kubectl` that dispatches to others, or a script called `sops`, must not pass for the original; and nothing
unknown should be run to find that out.
"""

import os
import struct
from pathlib import Path
from typing import BinaryIO, NamedTuple

_SECTION = b".go.buildinfo"
_MAGIC = b"\xff Go buildinf:"
_HEADER_BYTES = 32
_INLINE_STRINGS = 0x2  # flag: two length-prefixed strings follow the header (Go 1.18 and newer)
_SENTINEL_BYTES = 16  # before and after the module text
_LARGEST = 1 << 20


class BuildInfo(NamedTuple):
    """What the Go linker wrote about a program."""

    package: str
    """Import path of the main package, for instance `k8s.io/kubernetes/cmd/kubectl`."""
    version: str
    """Version of the main module, for instance `v1.36.3`; `(devel)` when it was built from a work tree."""


def read(path: Path) -> BuildInfo | None:
    """The build information of an ELF file; None when it is no ELF file, or no program of Go 1.18 or newer.

    Source: Go's debug/buildinfo, and the ELF-64 specification for the section table.
    """
    with path.open("rb") as file:
        try:
            section = _section(file)
        except (struct.error, ValueError, OverflowError):
            return None
    if not section.startswith(_MAGIC) or len(section) < _HEADER_BYTES or not section[15] & _INLINE_STRINGS:
        return None
    _, rest = _string(section[_HEADER_BYTES:])
    text, _ = _string(rest)
    return _parse(text[_SENTINEL_BYTES:-_SENTINEL_BYTES].decode(errors="replace"))


def _section(file: BinaryIO) -> bytes:
    """The bytes of `.go.buildinfo`, empty when there is none. Little-endian 64-bit ELF only."""
    header = file.read(64)
    if header[:6] != b"\x7fELF\x02\x01":
        raise ValueError("not a 64-bit little-endian ELF file")
    (table,) = struct.unpack_from("<Q", header, 0x28)
    size, count, names_index = struct.unpack_from("<HHH", header, 0x3A)
    sections = [_section_header(file, table + index * size) for index in range(count)]
    if names_index >= count:
        raise ValueError("the section names are missing")
    names = _bytes_at(file, *sections[names_index][1:])
    for name_offset, offset, length in sections:
        if names[name_offset:].startswith(_SECTION + b"\0"):
            return _bytes_at(file, offset, length)
    return b""


def _section_header(file: BinaryIO, position: int) -> tuple[int, int, int]:
    """Offset of the name in the names' section; offset and length of the content in the file."""
    data = _bytes_at(file, position, 64)
    (name,) = struct.unpack_from("<I", data, 0)
    offset, length = struct.unpack_from("<QQ", data, 0x18)
    return name, offset, length


def _bytes_at(file: BinaryIO, offset: int, length: int) -> bytes:
    if length > _LARGEST or offset + length > os.fstat(file.fileno()).st_size:
        raise ValueError("a section is larger than any build information, or than the file")
    file.seek(offset)
    return file.read(length)


def _string(data: bytes) -> tuple[bytes, bytes]:
    """A length as an unsigned LEB128 number, then that many bytes; and what follows."""
    length = shift = position = 0
    for position, byte in enumerate(data):  # noqa: B007 - the position is used below
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    start = position + 1
    return data[start : start + length], data[start + length :]


def _parse(text: str) -> BuildInfo | None:
    """Lines of `path<TAB>PACKAGE` and `mod<TAB>MODULE<TAB>VERSION<TAB>SUM` among others."""
    package = version = ""
    for line in text.splitlines():
        match line.split("\t"):
            case ["path", value, *_]:
                package = value
            case ["mod", _, value, *_]:
                version = value
            case _:
                continue
    return BuildInfo(package, version) if package else None
