"""What the demo prints: parts, numbered and timed steps, and the commands as one could type them."""

import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TextIO

_INDENT = "    "
_BOLD, _CYAN, _DIM, _GREEN, _RED, _YELLOW, _RESET = "1", "36", "2", "32", "31", "33", "0"
_WIDTH_OF_FILES = 110
_SHOWN_LINES = 14


class Step:
    """One numbered step; `result` is what its last line says."""

    def __init__(self) -> None:
        self.result = "done"


class Screen:
    """A stream for people. `width` is where long lines of output are cut."""

    def __init__(self, out: TextIO, *, is_coloured: bool = False, width: int = _WIDTH_OF_FILES) -> None:
        self._out = out
        self._is_coloured = is_coloured
        self._width = width
        self._steps = 0

    @classmethod
    def of(cls, out: TextIO, environ: Mapping[str, str]) -> "Screen":
        """Colours only on a terminal that knows them, and never against NO_COLOR (https://no-color.org)."""
        if not out.isatty():
            return cls(out)
        is_coloured = not environ.get("NO_COLOR") and environ.get("TERM", "dumb") != "dumb"
        return cls(out, is_coloured=is_coloured, width=shutil.get_terminal_size().columns)

    def say(self, text: str = "") -> None:
        """A paragraph."""
        self._write(text)

    def part(self, text: str) -> None:
        """The heading of several steps."""
        self._write(f"\n{self._painted(text, _BOLD)}")

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Number and title before, the result and the time that it took after. An error is timed and goes on."""
        self._steps += 1
        self._write(f"\n{self._painted(f'{self._steps:2}. {title}', _BOLD)}")
        step, started = Step(), time.monotonic()
        try:
            yield step
        except BaseException as error:
            word = "stopped" if isinstance(error, KeyboardInterrupt) else "failed"
            self._write(f"{_INDENT}{self._painted(word, _RED)} after {time.monotonic() - started:.1f} s")
            raise
        self._write(f"{_INDENT}{self._painted('ok', _GREEN)} in {time.monotonic() - started:.1f} s: {step.result}")

    def command(self, line: str) -> None:
        """A command that is run now, as one could type it."""
        first, *others = line.splitlines()
        for text in (f"$ {first}", *others):
            self._write(_INDENT + self._painted(text, _CYAN))

    def output(self, text: str) -> None:
        """What a command said: the first lines, long ones cut, control characters made harmless."""
        lines = text.rstrip().splitlines()
        for line in lines[:_SHOWN_LINES]:
            plain = "".join(letter if letter.isprintable() else "?" for letter in line)
            room = self._width - 2 * len(_INDENT)
            self._write(2 * _INDENT + self._painted(plain if len(plain) <= room else f"{plain[: room - 3]}...", _DIM))
        if len(lines) > _SHOWN_LINES:
            self._write(2 * _INDENT + self._painted(f"... {len(lines) - _SHOWN_LINES} more lines", _DIM))

    def notice(self, text: str) -> None:
        """Something that the reader should not overlook, but no error."""
        self._write(self._painted(text, _YELLOW))

    def error(self, message: str, hint: str | None) -> None:
        """Why it ended early, and the cure."""
        self._write(f"\n{self._painted('kseal demo: error:', _RED)} {message}")
        if hint:
            self._write(f"{self._painted('kseal demo: hint:', _YELLOW)} {hint}")

    def _painted(self, text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[{_RESET}m" if self._is_coloured and text else text

    def _write(self, text: str) -> None:
        try:
            print(text, file=self._out, flush=True)
        except BrokenPipeError:
            # Nobody reads any more (`make demo | head`). The clean-up still has to be done, so this is not the end.
            self._out = open_nowhere()


def open_nowhere() -> TextIO:
    """A stream that forgets. Standard output goes there too, so that the interpreter's exit does not fail on it."""
    sys.stdout = open("/dev/null", "w", encoding="utf-8")  # noqa: PTH123, SIM115 - it lives until the process ends
    return sys.stdout
