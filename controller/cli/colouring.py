"""Colours in what is written to standard output: where they are wanted, and how they are written."""

import sys
from collections.abc import Mapping

from sealer.cli.verb import Given


def is_wanted(given: Given, environ: Mapping[str, str]) -> bool:
    """On a terminal, unless NO_COLOR is set or TERM is dumb; `--color` decides over that."""
    asked = given.text("color") or "auto"
    if asked != "auto":
        return asked == "always"
    is_plain = bool(environ.get("NO_COLOR")) or environ.get("TERM") == "dumb"
    return sys.stdout is not None and sys.stdout.isatty() and not is_plain


def coloured(text: str, colour: str) -> str:
    """`colour` is the number of one, as `32;1`."""
    return f"\x1b[{colour}m{text}\x1b[0m"
