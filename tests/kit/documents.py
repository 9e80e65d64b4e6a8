"""The code blocks of our documents: which there are, and what each command of them promises to print.

Fences with the language `sh` are lines to run; `console` shows commands after `$ ` and what they print. `DISPLAYED`
names the languages that are only to be read. There is no other language, so that no block is forgotten by accident.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from tests.kit.errors import Misconfigured

EXECUTED: Final = frozenset({"sh", "console"})
DISPLAYED: Final = frozenset({"text", "yaml", "json"})

_FENCE: Final = re.compile(r"(?P<indent> *)(?P<fence>`{3,})(?P<language>[^\s`]*)\s*$")


class Block(NamedTuple):
    """One fenced block; `line` is where its first line stands in the document."""

    document: str
    line: int
    language: str
    text: str

    @property
    def place(self) -> str:
        """For messages: `docs/start.md:12`."""
        return f"{self.document}:{self.line}"


class Command(NamedTuple):
    """Something to type; `expected` is what is shown below it, None where the document shows nothing."""

    text: str
    expected: str | None
    place: str


def blocks(document: str, text: str) -> list[Block]:
    """All fenced blocks of a Markdown text. Raises: Misconfigured for a block that nothing ends, or of no language."""
    found: list[Block] = []
    opened: re.Match[str] | None = None
    start, lines = 0, list[str]()
    for number, line in enumerate(text.splitlines(), 1):
        fence = _FENCE.fullmatch(line)
        if opened is None:
            if fence:
                opened, start, lines = fence, number + 1, []
        elif fence and not fence["language"] and fence["fence"] == opened["fence"]:
            content = "".join(f"{line.removeprefix(opened['indent'])}\n" for line in lines)
            found.append(Block(document, start, opened["language"], content))
            opened = None
        else:
            lines.append(line)
    if opened is not None:
        raise Misconfigured(f"{document}:{start}: a code block is not closed")
    return found


def commands(block: Block) -> Iterator[Command]:
    """What a block has people type, in order. Raises: Misconfigured for a `console` block without a command."""
    if block.language == "sh":
        for text, line in _typed(block.text):
            yield Command(text, None, f"{block.document}:{block.line + line}")
        return
    parts = re.split(r"^\$ ", block.text, flags=re.MULTILINE)
    if parts[0] or len(parts) == 1:
        raise Misconfigured(f"{block.place}: a console block begins with `$ ` and a command")
    for part in parts[1:]:
        text, line = next(_typed(part))
        shown = "".join(f"{row}\n" for row in part.splitlines()[text.count("\n") + line + 1 :])
        yield Command(text, shown, block.place)


def _typed(text: str) -> Iterator[tuple[str, int]]:
    """Each command of a script with the number of its first line; backslashes and here-documents hold it together."""
    rows = iter(enumerate(text.splitlines()))
    for number, row in rows:
        if not row.strip() or row.startswith("#"):
            continue
        command = [row]
        while command[-1].endswith("\\"):
            command.append(next(rows)[1])
        if marker := re.search(r"<<-?\s*'?(\w+)'?", command[-1]):
            while command[-1].strip() != marker[1]:
                command.append(next(rows)[1])
        yield "\n".join(command), number


def matches(shown: str, printed: str) -> bool:
    """Does the output look as shown? `...` stands for anything: within a line, or alone on a line for any lines."""
    pattern = ""
    for row in shown.rstrip("\n").split("\n"):
        if row.strip() == "...":
            pattern += r"(?:.*\n)*?"
        else:
            pattern += r".*".join(re.escape(part) for part in row.rstrip().split("...")) + r"[ \t]*\n"
    return re.fullmatch(pattern, printed.rstrip("\n") + "\n") is not None
