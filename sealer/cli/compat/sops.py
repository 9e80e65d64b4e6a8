"""`sops`: the original's command line, its streams and its exit codes over our functions.

Errors are written as they are, log lines as `[CMD] level=warning msg="..."`, all to standard error. Where we differ on
purpose, docs/sops.md says so.
"""

import sys
from collections.abc import Mapping, Sequence

from sealer.cli.compat.goflag import Parsed
from sealer.cli.sops.command import run
from sealer.cli.terminal import printable

_COMPLETION = "--generate-bash-completion"
"""The last word of a line that the original's completion script wants completed."""


def call(words: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run one command line; the exit code."""
    if words[-1:] == [_COMPLETION]:
        from sealer.cli.sops.completion import offer

        offer(words[:-1], environ)
        return 0
    return run(words, environ, Original())


class Original:
    """Plain lines."""

    is_original = True

    def __init__(self) -> None:
        self._is_verbose = False

    def heed(self, parsed: Parsed) -> None:
        self._is_verbose = self._is_verbose or parsed.flag("verbose")

    def error(self, message: str, hint: str | None = None) -> None:
        del hint  # scripts read what the original says
        _say(message)

    def warning(self, message: str) -> None:
        self._log("warning", message)

    def done(self, message: str) -> None:
        _say(message)

    def info(self, message: str) -> None:
        if self._is_verbose:
            self._log("info", message)

    def _log(self, level: str, message: str) -> None:
        quoted = message.replace("\\", "\\\\").replace('"', '\\"')
        _say(f'[CMD]\t level={level} msg="{quoted}"')


def _say(text: str) -> None:
    if sys.stderr is None:
        return
    lines = ("\t".join(map(printable, line.split("\t"))) for line in text.split("\n"))
    try:
        sys.stderr.write("\n".join(lines) + "\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        return  # nobody can be told any more, and the work itself may still succeed
