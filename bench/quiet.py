"""Waiting for the machine to be free: other work on it would be measured as ours, or as the peer's."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

_BUSY: Final = 0.1  # share of all cores
_SAMPLE_SECONDS: Final = 0.5


class Quiet:
    """Asked before each measurement; counts how often the machine was not free even so."""

    def __init__(self, say: Callable[[str], None], *, patience_seconds: float) -> None:
        """`patience_seconds` is for the whole run; with 0 nothing is waited for."""
        self._say = say
        self._patience = patience_seconds
        self.asked = self.in_vain = 0

    def wait(self) -> None:
        """Return when others use less than a tenth of the cores, or when patience is at its end."""
        self.asked += 1
        began = time.monotonic()
        has_told = False
        while self._patience > 0 and (share := _busy_share()) > _BUSY:
            if not has_told:
                self._say(f"other work takes {share:.0%} of the machine: waiting for it to end")
                has_told = True
            waited = time.monotonic() - began
            self._patience -= waited
            began += waited
        self.in_vain += self._patience <= 0

    def __str__(self) -> str:
        if not self.in_vain:
            return "The machine did nothing else when a measurement began."
        return f"Other work was on the machine, or may have been, at {self.in_vain} of {self.asked} measurements."


def _busy_share() -> float:
    """What part of all cores was used in the next half second, while we sleep. Linux only: 0 elsewhere."""
    try:
        before = _ticks()
        time.sleep(_SAMPLE_SECONDS)
        after = _ticks()
    except FileNotFoundError:
        return 0.0
    total = sum(after) - sum(before)
    idle = sum(after[3:5]) - sum(before[3:5])
    return 1 - idle / total if total else 0.0


def _ticks() -> list[int]:
    """user, nice, system, idle, iowait, irq, softirq, steal of all cores together. Source: proc_stat(5)."""
    return [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
