"""What a process and its descendants use, read from /proc: time of all cores, and the most memory at a time.

A program that has its work done by children is measured with them, or it would look better than it is.
"""

import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

_CLOCK_TICKS: Final = os.sysconf("SC_CLK_TCK")
_SAMPLE_SECONDS: Final = 0.2
_FAMILY: Final = slice(11, 15)
"""utime, stime, cutime, cstime behind the name of a process in its `stat`. Source: proc_pid_stat(5)."""


def members(*pids: int) -> Iterator[int]:
    """These processes and all below them, as far as they are alive."""
    for pid in pids:
        yield pid
        for file in _files(Path(f"/proc/{pid}/task"), "*/children"):
            yield from members(*map(int, _text(file).split()))


def cpu_seconds(*pids: int) -> float:
    """User and kernel time of whole families so far: the living, and the dead for whom a living parent has waited."""
    ticks = 0
    for pid in members(*pids):
        fields = _text(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
        ticks += sum(map(int, fields[_FAMILY]))
    return ticks / _CLOCK_TICKS


def megabytes(*pids: int) -> float:
    """Memory of whole families now. What several of them share counts once (PSS)."""
    kilobytes = 0
    for pid in members(*pids):
        lines = _text(Path(f"/proc/{pid}/smaps_rollup")).splitlines()
        kilobytes += next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
    return kilobytes / 1024


class Peak:
    """The most memory that families had at a time, looked at five times a second. Use as a context manager."""

    def __init__(self, *pids: int) -> None:
        self._pids = pids
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._look, name="peak", daemon=True)
        self.megabytes = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._is_over.wait(_SAMPLE_SECONDS):
            self.megabytes = max(self.megabytes, megabytes(*self._pids))


def _files(folder: Path, pattern: str) -> Sequence[Path]:
    try:
        return list(folder.glob(pattern))
    except OSError:  # it ended while it was looked at
        return []


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
