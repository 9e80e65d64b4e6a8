"""What can go wrong while real programs are found, built and started.

KitError
├── Unavailable     a program cannot be had on this machine; tests that need it are skipped (or fail, see conftest)
├── Misconfigured   the person asked for something that is not there; never a reason to skip
└── Died            a program started and ended, or did not become ready; carries the end of its log
"""

from engine.errors import KsealError


class KitError(KsealError):
    """Base of everything that tests/kit raises."""


class Unavailable(KitError):
    """`program` cannot be had here: the message gives each place that was tried, the hint says the cure."""

    def __init__(self, program: str, reason: str, cure: str) -> None:
        super().__init__(f"{program} is not to be had: {reason}", cure)
        self.program = program


class Misconfigured(KitError):
    """A path or a setting given by a person is wrong; falling through to another choice would hide it."""


class Died(KitError):
    """A child process ended or stayed silent when it should have become ready."""
