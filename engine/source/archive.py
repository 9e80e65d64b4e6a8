"""Artifacts as archives: tar in gzip, regular files and folders only, the same bytes for the same files.

The writer's form is that of Flux: an entry for each folder and the root as ".", no owners, no times, modes 0600, 0700
and 0750. The reader is for archives of strangers and is our own: what is counted is counted before it is kept, and no
name leads outside. Symbolic links are passed by, as Flux does; all else that is neither file nor folder is refused.
Source: POSIX.1-2017 pax, "ustar Interchange Format"; fluxcd/pkg artifact/storage/archive.go, tar/untar.go.
"""

import hashlib
import os
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from engine.source.base import ARCHIVE_FAILED, SourceError
from engine.source.tree import Entry, Tree

_BLOCK: Final = 512
_CHUNK: Final = 1 << 16
_MODES: Final = {False: 0o600, True: 0o700}
_FOLDER_MODE: Final = 0o750
_END: Final = b"\0" * _BLOCK * 2
_LARGEST_HEADER: Final = 1 << 16
"""Bytes of one extended header; it carries a name."""
_LONGEST_NAME: Final = 4_096
_GZIP: Final = zlib.MAX_WBITS | 16
_GZIP_HEADER: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"""No name and no time, so that equal files give equal bytes."""


class Limits(NamedTuple):
    """What a source may need at most."""

    compressed: int = 50 << 20
    unpacked: int = 512 << 20
    entries: int = 50_000
    depth: int = 64


DEFAULT_LIMITS: Final = Limits()


def pack(
    files: Iterable[tuple[str, bool, bytes]], target: BinaryIO, *, largest: int = DEFAULT_LIMITS.compressed
) -> None:
    """Write files (path, is_executable, content), in the order in which they come, each after its folders.

    Raises: SourceError when the target cannot be written, for a path that is none, and for an archive of more than
    `largest` bytes, which no reader would take.
    """
    written = len(_GZIP_HEADER)
    try:
        target.write(_GZIP_HEADER)
        for part in _deflated(_tar(files)):
            written += target.write(part)
            if written > largest:
                raise SourceError(
                    f"the archive is larger than {largest} bytes",
                    "leave files out with spec.ignore, .sourceignore or spec.sparseCheckout",
                    reason=ARCHIVE_FAILED,
                )
    except OSError as error:
        raise SourceError(
            f"the archive cannot be written: {(error.strerror or str(error)).lower()}", reason=ARCHIVE_FAILED
        ) from error


def unpack(source: BinaryIO, folder: Path, limits: Limits) -> Tree:
    """Extract into a folder, which is made and must not exist yet. The source may be a stranger's.

    Raises: SourceError for what is no such archive, goes over the limits or leads elsewhere, and for a disk that takes
    no more. The folder is not whole then.
    """
    try:
        folder.mkdir(mode=0o700)
        return _Unpacking(folder, limits).all_of(_Inflated(source, limits))
    except zlib.error as error:
        raise _refused("it is no gzip, or damaged") from error
    except OSError as error:
        raise _refused(f"cannot be extracted: {(error.strerror or str(error)).lower()}") from error


def _deflated(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The body of a gzip, and what ends it."""
    deflate = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    check, size = 0, 0
    for part in parts:
        check, size = zlib.crc32(part, check), size + len(part)
        yield deflate.compress(part)
    yield deflate.flush()
    yield check.to_bytes(4, "little") + (size & 0xFFFF_FFFF).to_bytes(4, "little")


def _tar(files: Iterable[tuple[str, bool, bytes]]) -> Iterator[bytes]:
    yield _header(".", 0, _FOLDER_MODE, b"5")
    written: set[str] = set()
    for path, is_executable, content in files:
        check_path(path)
        at = path.find("/")
        while at >= 0:
            if path[:at] not in written:
                written.add(path[:at])
                yield _header(path[:at], 0, _FOLDER_MODE, b"5")
            at = path.find("/", at + 1)
        yield _header(path, len(content), _MODES[is_executable], b"0")
        yield content
        if short := -len(content) % _BLOCK:
            yield b"\0" * short
    yield _END


def _header(path: str, size: int, mode: int, kind: bytes) -> bytes:
    name = path.encode("utf-8", "surrogateescape")
    if len(name) <= 100 and path.isascii() and size < 1 << 33:
        return _ustar(name, size, mode, kind)
    record = _record(b"path", name) + (_record(b"size", b"%d" % size) if size >= 1 << 33 else b"")
    extended = _ustar(b"PaxHeaders.0/file", len(record), 0o600, b"x") + record + b"\0" * (-len(record) % _BLOCK)
    return extended + _ustar(name[:100], size if size < 1 << 33 else 0, mode, kind)


def _ustar(name: bytes, size: int, mode: int, kind: bytes) -> bytes:
    before = b"%s%07o\x000000000\x000000000\x00%011o\x0000000000000\x00" % (name.ljust(100, b"\0"), mode, size)
    after = (kind + b"\0" * 100 + b"ustar\x0000").ljust(356, b"\0")
    return before + b"%06o\0 " % (sum(before) + sum(after) + 8 * 0x20) + after


def _record(key: bytes, value: bytes) -> bytes:
    """`LENGTH KEY=VALUE\\n`, the length counting itself."""
    rest = len(key) + len(value) + 3
    length = rest + len(str(rest))
    length = rest + len(str(length))
    return b"%d %s=%s\n" % (length, key, value)


def check_path(path: str) -> str:
    """Raises: SourceError for a path that is empty, absolute, or leads out."""
    if len(path) > _LONGEST_NAME or "\0" in path or any(part in ("", ".", "..") for part in path.split("/")):
        raise _refused(f"the path {path[:200]!r} is not one of a file inside")
    return path


class _Inflated:
    """The tar inside a gzip, read piece by piece; both sizes are counted."""

    def __init__(self, source: BinaryIO, limits: Limits) -> None:
        self._source = source
        self._limits = limits
        self._inflate = zlib.decompressobj(_GZIP)
        self._ready = bytearray()
        self._packed = 0
        self._unpacked = 0

    def exactly(self, count: int) -> bytes:
        """Raises: SourceError when there is less."""
        while len(self._ready) < count:
            if not self._more():
                raise _refused("it breaks off")
        found = bytes(self._ready[:count])
        del self._ready[:count]
        return found

    def pieces(self, count: int) -> Iterator[bytes]:
        """So many bytes, a part at a time."""
        while count:
            piece = self.exactly(min(count, _CHUNK))
            count -= len(piece)
            yield piece

    def drain(self) -> None:
        """To the end, so that the checksum was seen and nothing hides behind. Raises: SourceError."""
        while not any(self._ready):
            self._ready.clear()
            if not self._more():
                return
        raise _refused("something follows behind its end")

    def _more(self) -> bool:
        data = self._inflate.unconsumed_tail or self._inflate.unused_data
        if not data:
            data = self._source.read(_CHUNK)
            self._packed += len(data)
            if self._packed > self._limits.compressed:
                raise _refused(f"it is larger than {self._limits.compressed} bytes")
            if not data:
                if not self._inflate.eof:
                    raise _refused("it breaks off")
                return False
        if self._inflate.eof:
            self._inflate = zlib.decompressobj(_GZIP)  # a gzip may have several members
        made = self._inflate.decompress(data, _CHUNK)
        self._unpacked += len(made)
        if self._unpacked > self._limits.unpacked + _BLOCK * 2 * self._limits.entries:
            raise _refused(f"unpacked it is larger than {self._limits.unpacked} bytes")
        self._ready += made
        return True


class _Head(NamedTuple):
    name: bytes
    size: int
    is_executable: bool
    kind: bytes


class _Unpacking:
    """What was extracted so far."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        self._folder = folder
        self._limits = limits
        self._files: dict[str, Entry] = {}
        self._folders: set[str] = set()
        self._count = 0
        self._size = 0

    def all_of(self, source: _Inflated) -> Tree:
        name: bytes | None = None
        size: int | None = None
        while (head := _read_head(source)) is not None:
            self._count += 1
            if self._count > self._limits.entries * 2:  # an extended header may stand before each
                raise _refused(f"it has more than {self._limits.entries} entries")
            if head.kind in (b"x", b"g", b"L", b"K"):
                content = _padded(source, head.size)
                if head.kind == b"x":
                    name, size = _extended(content, name, size)
                elif head.kind == b"L":
                    name = content.rstrip(b"\0")
                continue
            self._one(head._replace(name=name or head.name, size=head.size if size is None else size), source)
            name = size = None
        source.drain()
        return Tree(self._folder, self._files, folders=self._folders)

    def _one(self, head: _Head, source: _Inflated) -> None:
        self._size += head.size
        if self._size > self._limits.unpacked:
            raise _refused(f"unpacked it is larger than {self._limits.unpacked} bytes")
        path = _inside(head.name)
        if head.kind == b"5":
            self._make_folders(path)
            if head.size:
                raise _refused(f"the folder {path!r} has content")
        elif head.kind in (b"0", b"\0", b"7"):
            self._make_file(path, head, source)
        elif head.kind != b"2":
            raise _refused(f"{path!r} is neither a file nor a folder")
        elif head.size:
            raise _refused(f"the link {path!r} has content")

    def _make_folders(self, path: str) -> None:
        if not path or path in self._folders:
            return
        if path.count("/") >= self._limits.depth:
            raise _refused(f"{path[:200]!r} is deeper than {self._limits.depth} folders")
        above = path.rpartition("/")[0]
        self._make_folders(above)
        if path in self._files:
            raise _refused(f"{path!r} is both a file and a folder")
        self._folders.add(path)
        if len(self._files) + len(self._folders) > self._limits.entries:
            raise _refused(f"it has more than {self._limits.entries} entries")
        (self._folder / path).mkdir(mode=0o750)

    def _make_file(self, path: str, head: _Head, source: _Inflated) -> None:
        check_path(path)
        self._make_folders(path.rpartition("/")[0])
        if path in self._files or path in self._folders:
            raise _refused(f"{path!r} is there twice")
        if len(self._files) + len(self._folders) >= self._limits.entries:
            raise _refused(f"it has more than {self._limits.entries} entries")
        digest = hashlib.sha256()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(f"{self._folder}/{path}", flags, _MODES[head.is_executable])
        try:
            for piece in source.pieces(head.size):
                digest.update(piece)
                _write(descriptor, piece)
        finally:
            os.close(descriptor)
        source.exactly(-head.size % _BLOCK)
        self._files[path] = Entry(digest.hexdigest(), head.size, head.is_executable)


def _write(descriptor: int, piece: bytes) -> None:
    while piece:
        piece = piece[os.write(descriptor, piece) :]


def _read_head(source: _Inflated) -> _Head | None:
    """The next header; None at the end, which is a block of zeros."""
    block = source.exactly(_BLOCK)
    if not any(block):
        return None
    if _number(block[148:156]) != sum(block) - sum(block[148:156]) + 8 * 0x20:
        raise _refused("it is no tar, or damaged")
    name = block[:100].partition(b"\0")[0]
    if block[257:263] == b"ustar\0" and (prefix := block[345:500].partition(b"\0")[0]):
        name = prefix + b"/" + name
    kind = block[156:157]
    if kind in (b"0", b"\0") and name.endswith(b"/"):  # as the oldest archives have folders
        kind = b"5"
    return _Head(name, _number(block[124:136]), bool(_number(block[100:108]) & 0o111), kind)


def _number(field: bytes) -> int:
    """Octal digits; or, with the first bit set, the bytes themselves. Raises: SourceError."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    text = field.strip(b" \0")
    if not text:
        return 0
    if not text.isdigit() or b"8" in text or b"9" in text:
        raise _refused("it is no tar, or damaged")
    return int(text, 8)


def _padded(source: _Inflated, size: int) -> bytes:
    if size > _LARGEST_HEADER:
        raise _refused("one of its headers is too large")
    content = source.exactly(size)
    source.exactly(-size % _BLOCK)
    return content


def _extended(content: bytes, name: bytes | None, size: int | None) -> tuple[bytes | None, int | None]:
    """The name and the size that an extended header gives."""
    while content:
        digits, _, _ = content.partition(b" ")
        if not digits.isdigit() or len(digits) > 6:
            raise _refused("one of its headers is damaged")
        length = int(digits)
        key, found, value = content[len(digits) + 1 : length - 1].partition(b"=")
        if not found or length > len(content) or content[length - 1 : length] != b"\n":
            raise _refused("one of its headers is damaged")
        if key == b"path":
            name = value
        elif key == b"size":
            if not value.isdigit() or len(value) > 15:
                raise _refused("one of its headers is damaged")
            size = int(value)
        elif key.startswith(b"GNU.sparse"):
            raise _refused("it has a file with holes")
        content = content[length:]
    return name, size


def _inside(name: bytes) -> str:
    """The path of an entry, without the `./` before it and the `/` behind. Raises: SourceError."""
    path = name.decode("utf-8", "surrogateescape").rstrip("/") if name != b"/" else "/"
    while path.startswith("./"):
        path = path[2:]
    return "" if path in ("", ".") else check_path(path)


def _refused(why: str) -> SourceError:
    return SourceError(f"the archive is refused: {why}", reason=ARCHIVE_FAILED)
