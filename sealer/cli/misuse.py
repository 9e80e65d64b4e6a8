"""Calls that are refused before anything is tried: exit code 2."""

from engine.errors import KsealError


class Misused(KsealError):
    """The command line cannot mean anything that may be done."""
