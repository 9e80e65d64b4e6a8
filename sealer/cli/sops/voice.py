"""How a call speaks to the person: in our manners here, as scripts expect it of the original in compat/sops.py."""

from collections.abc import Mapping
from typing import Protocol

from sealer.cli.compat.goflag import Parsed
from sealer.cli.misuse import Misused
from sealer.cli.terminal import COLOURS, Terminal


class Voice(Protocol):
    """What is said besides data. Multi-line errors keep their lines only where the original has them."""

    is_original: bool

    def heed(self, parsed: Parsed) -> None:
        """Take over what a line says about how much is to be said."""

    def error(self, message: str, hint: str | None = None) -> None:
        """Why the call fails."""

    def warning(self, message: str) -> None:
        """What may not be meant."""

    def done(self, message: str) -> None:
        """What happened to a file, where several may be concerned."""

    def info(self, message: str) -> None:
        """Only if asked for."""


class Ours:
    """`kseal: error|warning|hint: ...`"""

    is_original = False

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._terminal = Terminal(environ)

    def heed(self, parsed: Parsed) -> None:
        """Raises: Misused."""
        colour = parsed.text("color") or "auto"
        if colour not in COLOURS:
            known = ", ".join(map(repr, COLOURS))
            raise Misused(f"invalid value for '--color': {colour!r} is not one of {known}", "see kseal sops --help")
        self._terminal = Terminal(
            self._environ,
            colour=colour,
            is_quiet=parsed.flag("quiet"),
            is_verbose=parsed.flag("verbose"),
        )

    def error(self, message: str, hint: str | None = None) -> None:
        first, *rest = message.removeprefix("Error: ").removeprefix("error: ").split("\n")
        self._terminal.error("; ".join([first, *(line.strip() for line in rest if line.strip())]), hint)

    def warning(self, message: str) -> None:
        self._terminal.warning(message)

    def done(self, message: str) -> None:
        self._terminal.info(message)

    def info(self, message: str) -> None:
        self._terminal.info(message)
