"""The person at the terminal, for whom plug-ins and key files have questions."""

import sys

from engine.sensitive import Sensitive
from sealer.cli.terminal import printable

_TERMINAL = "/dev/tty"


class AtTerminal:
    """Asks at the terminal of the process, whatever its streams are; without one there is no answer."""

    def secret(self, prompt: str) -> Sensitive | None:
        """A passphrase, not shown while it is typed."""
        from getpass import GetPassWarning, getpass
        from warnings import catch_warnings, simplefilter

        try:
            with open(_TERMINAL, "rb"), catch_warnings():  # noqa: PTH123  # pathlib would cost 3 ms
                simplefilter("error", GetPassWarning)  # better no answer than one that is seen
                return Sensitive(getpass(_question(prompt)).encode())
        except (OSError, EOFError, GetPassWarning, UnicodeError):  # the last has what was typed, which is no text
            return None

    def text(self, prompt: str) -> str | None:
        """A line."""
        try:
            with open(_TERMINAL, "w", encoding="utf-8", errors="replace") as shown:  # noqa: PTH123  # the same
                shown.write(_question(prompt))
            with open(_TERMINAL, encoding="utf-8", errors="replace") as typed:  # noqa: PTH123  # the same
                line = typed.readline()
        except OSError:
            return None
        return line.rstrip("\n") if line else None

    def confirm(self, prompt: str, yes: str, no: str | None) -> bool | None:
        """One of two words, or just the first by Enter."""
        while True:
            answer = self.text(f"{prompt} ({yes}/{no})" if no else f"{prompt} ({yes})")
            if answer is None:
                return None
            if answer.strip().casefold() == yes.casefold() or (no is None and not answer.strip()):
                return True
            if no is not None and answer.strip().casefold() == no.casefold():
                return False

    def tell(self, message: str) -> None:
        """On standard error."""
        if sys.stderr is not None:
            sys.stderr.write(f"{printable(message)}\n")
            sys.stderr.flush()


def person_at_terminal() -> AtTerminal:
    """Whoever is there, or will be."""
    return AtTerminal()


def _question(prompt: str) -> str:
    return f"{printable(prompt.rstrip(': '))}: "
