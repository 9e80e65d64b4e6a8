"""A controller that dies right before a chosen write, as on a lost node: SIGKILL from within, at a fault point. Or it
is held there, so that the world can change in the middle of a pass.

The program is ours but for the hook of engine/faults.py, which a script beside it sets: the product itself has no such
switch. The test arms the trap while the controller runs or before it starts; it strikes once.
"""

import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

from engine import faults
from tests.kit.process import wait_until

_ARMED: Final = "armed"
_PASSED: Final = "passed"
_HELD: Final = "held"
_UNCOUNTED: Final = ("Event/", "Lease/")
"""Writes that come by the clock and by themselves, so that a count with them would never be the same twice."""
_SCRIPT: Final = """\
#!{python}
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, {root!r})
    from tests.kit.faults import run

    run(Path({folder!r}))
"""


class Trap:
    """The test's end of it: where the next death lies, and which writes were passed."""

    def __init__(self, folder: Path) -> None:
        """`folder` is for files of the trap alone."""
        folder.mkdir()
        self._folder = folder
        self._serial = 0
        self.program = folder / "kseal"
        """To be run in place of `kseal`."""
        root = str(Path(__file__).parents[2])
        self.program.write_text(_SCRIPT.format(python=sys.executable, root=root, folder=str(folder)))
        self.program.chmod(0o700)

    def arm(self, number: int, *, hold: bool = False) -> None:
        """The process dies at the `number`-th write from now on, counted from 1; with `hold` it writes nothing more
        until release()."""
        self._serial += 1
        (self._folder / _PASSED).unlink(missing_ok=True)
        unfinished = self._folder / ".armed"
        unfinished.write_text(f"{self._serial} {number} {_HELD if hold else ''}")
        unfinished.rename(self._folder / _ARMED)

    def disarm(self) -> bool:
        """Nobody dies any more. Returns whether somebody already did, or is about to."""
        try:
            (self._folder / _ARMED).unlink()
        except FileNotFoundError:
            return True
        return False

    def wait_held(self) -> None:
        """Wait until it stands right before the write."""
        wait_until((self._folder / _HELD).exists, "a write is held")

    def release(self) -> None:
        """Let it write."""
        (self._folder / _HELD).unlink()

    @property
    def has_struck(self) -> bool:
        """Whether the process died; of a trap that was armed and not disarmed."""
        return not (self._folder / _ARMED).exists()

    @property
    def passed(self) -> list[str]:
        """The writes since it was armed, the deadly one included."""
        file = self._folder / _PASSED
        return file.read_text().splitlines() if file.exists() else []


class _Striker:
    """The controller's end of it: counts, and dies. Called in any thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._armed = ""
        self._left = 0

    def __call__(self, point: str) -> None:
        if any(kind in point for kind in _UNCOUNTED):
            return
        with self._lock:
            with (self._folder / _PASSED).open("a") as passed:
                passed.write(f"{point}\n")
            try:
                armed = (self._folder / _ARMED).read_text()
            except FileNotFoundError:
                return
            if armed != self._armed:
                self._armed, self._left = armed, int(armed.split()[1])
            self._left -= 1
            if self._left == 0:
                with suppress(FileNotFoundError):  # disarmed in this moment
                    (self._folder / _ARMED).unlink()
                    self._strike()

    def _strike(self) -> None:
        """Others who come to a write wait for the lock."""
        if _HELD not in self._armed:
            os.kill(os.getpid(), signal.SIGKILL)
        held = self._folder / _HELD
        held.touch()
        wait_until(lambda: not held.exists(), "the write is released", limit_seconds=120)


def run(folder: Path) -> None:
    """Be `kseal` with the arguments of this process, and die where the trap says."""
    faults.hook = _Striker(folder)
    from sealer.cli.main import main

    sys.exit(main())
