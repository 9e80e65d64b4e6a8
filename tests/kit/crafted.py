"""Crafted files for the tests of tests/kit itself: programs that need no compiler, and never run by accident."""

import struct
from pathlib import Path

_SENTINEL = b"\x30\x77\xaf\x0c\x92\x74\x08\x02\x41\xe1\xc1\x07\xe6\xd6\x18\xe6"
_SENTINEL_END = b"\xf9\x32\x43\x31\x86\x18\x20\x72\x00\x82\x42\x10\x41\x16\xd8\xf2"


def go_program(path: Path, package: str, version: str) -> Path:
    """A file that reads as a Go program of this main package and module version, and cannot be run."""
    text = f"path\t{package}\nmod\texample.test/module\t{version}\th1:abc=\n".encode()
    content = _string(b"go1.26.6") + _string(_SENTINEL + text + _SENTINEL_END)
    build_info = (b"\xff Go buildinf:" + bytes([8, 2])).ljust(32, b"\0") + content
    path.write_bytes(_elf([(b".go.buildinfo", build_info)]))
    path.chmod(0o755)
    return path


def script(path: Path, text: str) -> Path:
    """An executable shell script."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def _string(data: bytes) -> bytes:
    """Length as an unsigned LEB128 number of two bytes, then the data."""
    return bytes([len(data) & 0x7F | 0x80, len(data) >> 7]) + data


def _elf(sections: list[tuple[bytes, bytes]]) -> bytes:
    """A 64-bit little-endian ELF file of nothing but these sections and the section of their names."""
    names = b"\0" + b"".join(name + b"\0" for name, _ in sections) + b".shstrtab\0"
    content, headers = b"", bytes(64)
    for name, data in [*sections, (b".shstrtab", names)]:
        place = struct.pack("<QQ", 64 + len(content), len(data))
        headers += struct.pack("<II", names.index(name + b"\0"), 1) + bytes(16) + place + bytes(24)
        content += data
    header = b"\x7fELF\x02\x01\x01".ljust(0x28, b"\0") + struct.pack("<Q", 64 + len(content))
    header = header.ljust(0x3A, b"\0") + struct.pack("<HHH", 64, len(sections) + 2, len(sections) + 1)
    return header + content + headers
