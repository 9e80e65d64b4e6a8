"""Files as a command line names them: inputs to read whole, one output to write whole or not at all.

`os` and plain `open` instead of pathlib throughout: its import would cost `kseal seal` 3 ms.
"""
# ruff: noqa: PTH105, PTH108, PTH116, PTH118, PTH120, PTH123

import os
import stat
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from engine.errors import KsealError
from sealer.cli.misuse import Misused
from sealer.cli.terminal import escape_data

if TYPE_CHECKING:
    from typing import BinaryIO

STDIN = "-"
_PRIVATE = 0o600


class Input(NamedTuple):
    """The bytes of one input, and how messages call it."""

    source: str
    data: bytes


def read_inputs(paths: Sequence[str], *, example: str) -> list[Input]:
    """Every named input, or standard input when none is named.

    Raises: Misused when there is nothing to read but a terminal; KsealError for a file that cannot be read.
    """
    check_inputs(paths, example=example)
    return [_read(path) for path in paths or [STDIN]]


def read_inputs_even_typed(paths: Sequence[str]) -> list[Input]:
    """Every named input; a terminal is read as it is, for programs that say themselves that they wait for one.

    Raises: KsealError for a file that cannot be read.
    """
    return [_read(path) for path in paths]


def check_inputs(paths: Sequence[str], *, example: str) -> None:
    """Raises: Misused when no input is named and nobody pipes one in, or standard input is named twice."""
    if not paths and (sys.stdin is None or sys.stdin.isatty()):
        raise Misused("no file is named, and standard input is a terminal", hint=f"for example: {example}")
    if list(paths).count(STDIN) > 1:
        raise Misused("standard input can be read once only")


def write_output(text: str | bytes, path: str | None, *, is_plaintext: bool = False) -> None:
    """Write to a file, or to standard output when `path` is None or `-`. See `write_file`.

    Raises: KsealError; BrokenPipeError when the reader of standard output has gone.
    """
    if path is not None and path != STDIN:
        write_file(path, text.encode() if isinstance(text, str) else text, is_plaintext=is_plaintext)
        return
    if sys.stdout is None:
        raise KsealError("standard output is closed")
    data = text if isinstance(text, bytes) else (escape_data(text) if sys.stdout.isatty() else text).encode()
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise KsealError(f"standard output: {_reason(error)}") from error


def write_file(path: str, data: bytes, *, is_plaintext: bool = False) -> None:
    """Replace a file as a whole: a temporary file beside it, flushed to the disk, then renamed over it.

    A symbolic link stays, its target is replaced. The mode of an existing file is kept, a new file has 0600, and
    plaintext has 0600 always. What is no regular file (`/dev/stdout`, a pipe) is written to as it is.

    Raises: KsealError.
    """
    try:
        mode = _mode_of(path)
        if mode is not None and not stat.S_ISREG(mode):
            with open(path, "wb") as file:  # not its real path: that of /dev/stdout may be no path at all
                file.write(data)
            return
        _replace(os.path.realpath(path), data, _PRIVATE if mode is None or is_plaintext else stat.S_IMODE(mode))
    except OSError as error:
        raise KsealError(f"cannot write {path}: {_reason(error)}") from error


class FlushedTogether:
    """While it is entered, the folders of written files are flushed once, at its end: half of the waits for the disk.

    Until then a power cut may bring back the old file, whole. One at a time in a process.
    """

    __slots__ = ("_folders",)

    def __enter__(self) -> None:
        self._folders: set[str] = set()
        _waiting.append(self._folders)

    def __exit__(self, *_: object) -> None:
        """Raises: KsealError."""
        _waiting.remove(self._folders)
        for folder in sorted(self._folders):
            try:
                _flush_folder(folder)
            except OSError as error:
                raise KsealError(f"cannot write to {folder}: {_reason(error)}") from error


_waiting: list[set[str]] = []


def refuse_work_tree(path: str | None, *, is_forced: bool) -> None:
    """Refuse to write plaintext where the next commit may pick it up.

    Raises: Misused when the file would lie inside a Git work tree and nobody forces it.
    """
    if path is None or path == STDIN or is_forced:
        return
    folder = os.path.dirname(os.path.realpath(path))
    while True:
        if os.path.lexists(os.path.join(folder, ".git")):
            raise Misused(
                f"{path}: plaintext would lie inside the Git work tree {folder}",
                hint="write it elsewhere, or insist with --force",
            )
        parent = os.path.dirname(folder)
        if parent == folder:
            return
        folder = parent


def _read(path: str) -> Input:
    if path == STDIN:
        return Input("stdin", bounded(sys.stdin.buffer, "stdin") if sys.stdin is not None else b"")
    try:
        with open(path, "rb") as file:
            return Input(path, bounded(file, path))
    except OSError as error:
        raise KsealError(f"cannot read {path}: {_reason(error)}") from error


def bounded(file: "BinaryIO", source: str) -> bytes:
    """All of a file, unless it is more than any reader takes: what has no end would fill the memory first.

    Raises: KsealError, OSError.
    """
    from engine.kube.documents import DEFAULT

    data = file.read(DEFAULT.bytes + 1)
    if len(data) > DEFAULT.bytes:
        raise KsealError(f"{source}: more than the {DEFAULT.bytes} bytes that are read")
    return data


def _mode_of(path: str) -> int | None:
    try:
        return os.stat(path).st_mode
    except FileNotFoundError:
        return None


def _replace(target: str, data: bytes, mode: int) -> None:
    folder, name = os.path.split(target)
    temporary = os.path.join(folder, f".{name[:100]}.{os.urandom(6).hex()}.tmp")
    end_by_exception()
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _PRIVATE)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), mode)  # after the writing, so that nobody reads half of it
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:  # also for Ctrl-C: nothing half-written stays
        os.unlink(temporary)
        raise
    if _waiting:
        _waiting[-1].add(folder)
    else:
        _flush_folder(folder)


def end_by_exception() -> None:
    """Let SIGTERM and SIGHUP end the process by an exception, as Ctrl-C does, so that the temporary file goes too."""
    import signal
    import threading

    def stop(number: int, _frame: object) -> NoReturn:
        raise SystemExit(128 + number)

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, stop)


def _flush_folder(folder: str) -> None:
    """Make the rename itself survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
