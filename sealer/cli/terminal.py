"""What is said to a person: errors, warnings, hints, progress. Standard output belongs to the data alone."""

import sys
import time
from collections.abc import Mapping
from typing import Final, TextIO

_COLOURS = {"error": "31;1", "warning": "33;1", "hint": "36", "info": "2"}
PROGRESS_AFTER_SECONDS = 1.0
_PROGRESS_EVERY_SECONDS = 0.1


COLOURS: Final = ("auto", "always", "never")


class Terminal:
    """The person's side of one call: `kseal: error|warning|hint: ...` on standard error.

    `colour` is auto, always or never; auto means on a terminal, unless NO_COLOR is set or TERM is dumb.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        *,
        colour: str = "auto",
        is_quiet: bool = False,
        is_verbose: bool = False,
        stream: TextIO | None = None,
    ) -> None:
        self._stream = stream or sys.stderr
        self._is_quiet = is_quiet
        self.is_verbose = is_verbose and not is_quiet
        self.is_watched = self._stream is not None and self._stream.isatty()
        plain = environ.get("NO_COLOR") or environ.get("TERM") == "dumb"
        self._has_colour = colour == "always" or (colour == "auto" and self.is_watched and not plain)
        self._progress_is_shown = False

    def error(self, message: str, hint: str | None = None) -> None:
        """Said even when quiet; its hint is not."""
        self._say("error", message)
        if hint:
            self.hint(hint)

    def warning(self, message: str, hint: str | None = None) -> None:
        if not self._is_quiet:
            self._say("warning", message)
        if hint:
            self.hint(hint)

    def hint(self, message: str) -> None:
        if not self._is_quiet:
            self._say("hint", message)

    def info(self, message: str) -> None:
        """Only with --verbose."""
        if self.is_verbose:
            self._say("info", message)

    def progress(self, what: str, total: int) -> "Progress":
        """A line that counts up to `total`, once the work has taken a second, where somebody watches."""
        return Progress(self, what, total if self.is_watched and not self._is_quiet else 0)

    def overwrite(self, line: str) -> None:
        """Show a line that the next one replaces; an empty line removes it."""
        if line or self._progress_is_shown:
            self._write("\r\x1b[K" + line)
        self._progress_is_shown = bool(line)

    def _say(self, kind: str, message: str) -> None:
        self.overwrite("")
        mark = f"\x1b[{_COLOURS[kind]}m{kind}:\x1b[0m" if self._has_colour else f"{kind}:"
        self._write(f"kseal: {mark} {printable(message)}\n")

    def _write(self, text: str) -> None:
        if self._stream is None:  # started with standard error closed
            return
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            self._stream = None  # nobody can be told any more, and the work itself may still succeed


class Progress:
    """Counts steps; cheap enough to be called for each."""

    __slots__ = ("_done", "_next_time", "_terminal", "_total", "_what")

    def __init__(self, terminal: Terminal, what: str, total: int) -> None:
        self._terminal, self._what, self._total, self._done = terminal, what, total, 0
        self._next_time = time.monotonic() + PROGRESS_AFTER_SECONDS

    def step(self) -> None:
        """One more is done."""
        self._done += 1
        now = time.monotonic() if self._total else 0.0
        if self._total and now >= self._next_time:
            self._next_time = now + _PROGRESS_EVERY_SECONDS
            self._terminal.overwrite(f"kseal: {self._what} {self._done} of {self._total}")

    def end(self) -> None:
        """Remove the line."""
        self._terminal.overwrite("")


def printable(text: str) -> str:
    r"""One line without anything that a terminal obeys: escape sequences, line ends, characters that change the
    direction of text. They are shown as Python writes them, `\x1b`."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode("ascii") for c in text)


def escape_data(text: str) -> str:
    r"""Data on its way to a terminal: control characters inside YAML and JSON strings become `\u001b`, which both
    formats read back as the same character. Line ends and tabs stay."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" or c > "\x9f" else f"\\u{ord(c):04x}" for c in text)
