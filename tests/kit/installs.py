"""Find text that would install `kseal` from a package index.

That name belongs to a stranger's program there; ours is the distribution `kseal-toolkit`. A hint, a document or a
script that asks an installer for the bare name would make people run somebody else's code beside their secrets.
"""

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

STRANGER: Final = "kseal"

_EXTRAS: Final = r"(?:\[[^\]]*\])?"
_VERSION: Final = r"(?:===?|~=|!=|[<>]=?)"
_LOCAL: Final = r"@(?:file:|git\+|https?:|\.|/)"
_COMMAND: Final = re.compile(
    r"""(?<![\w-])(?:
        pip[\d.]*(?:\s+-\S+)*\s+(?:install|download|wheel)
      | uv(?:\s+-\S+)*\s+(?:add|pip\s+install|tool\s+(?:install|upgrade|run))
      | uvx
      | pipx\s+(?:install|inject|run|upgrade|reinstall)
      | (?:poetry|pdm|rye|conda|mamba|micromamba|pipenv|pixi)\s+(?:add|install)
      | easy_install
    )(?![\w-])(?P<rest>.*)""",
    re.VERBOSE | re.IGNORECASE,
)
_RUNNER: Final = re.compile(r"uvx|uv\b.*\brun|pipx\s+run", re.IGNORECASE)
_SOURCE_OPTION: Final = re.compile(r"--(?:from|spec|with)$")
_COMMAND_END: Final = re.compile(r"\s(?:&&|\|\||[;|&]|\#|//)\s|;\s|$")
_WORD: Final = re.compile(rf"{STRANGER}{_EXTRAS}(?:(?:{_VERSION}|@).*)?", re.IGNORECASE)
_PINNED: Final = re.compile(rf"""\s*(?:-\s+)?["']?{STRANGER}{_EXTRAS}\s*{_VERSION}\s*["'\dv*]""", re.IGNORECASE)
_BARE: Final = re.compile(rf"\s*{STRANGER}{_EXTRAS}\s*(?:;.*|\#.*|--hash.*|\\)?", re.IGNORECASE)
_HINT: Final = re.compile(
    rf"""(?<![\w-])(?:pip[\d.]*|uvx?|pipx|poetry|pdm|rye|conda|mamba|micromamba|pipenv|pixi|easy_install)(?![\w-])
      | {STRANGER}{_EXTRAS}["'\s]*{_VERSION}""",
    re.VERBOSE | re.IGNORECASE,
)
"""What a file has in which a string could be such a line."""


def index_installs(name: str, text: str) -> Iterator[str]:
    """The lines (for Python also the strings) of the file `name` that would ask an index for the stranger's program."""
    is_requirements = re.search(r"(?:requirements|constraints)[^/]*(?:/[^/]*)?\.(?:txt|in)$", name)
    for line in _lines(name, text):
        if STRANGER not in line.lower():
            continue
        if _is_install(line) or _PINNED.match(line) or (is_requirements and _BARE.fullmatch(line)):
            yield line.strip()


def _lines(name: str, text: str) -> Iterator[str]:
    """Each line with its continuations joined; of Python also each string, whose pieces the parser joins."""
    yield from re.sub(r"\\\r?\n\s*", " ", text).splitlines()
    if name.endswith(".py") and _HINT.search(text):  # a parse of every file would take seconds
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.JoinedStr):
                yield from "".join(_text(part) or " " for part in node.values).splitlines()
            else:
                yield from _text(node).splitlines()


def _text(node: ast.AST) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _is_install(line: str) -> bool:
    """Is there a command in the line whose words name the stranger's program?"""
    found = _COMMAND.search(_plain(line))
    while found:
        rest = found["rest"]
        end = _COMMAND_END.search(rest)
        words = rest[: end.start() if end else None].split()
        if any(_WORD.fullmatch(word) and not re.search(_LOCAL, word) for word in _wanted(found.group(), words)):
            return True
        found = _COMMAND.search(rest)
    return False


def _plain(line: str) -> str:
    """The line as words: quotes and the signs of lists are blanks, `NAME @ URL` is one word, `--from=X` two."""
    whole_extras = re.sub(r"(?<=\w)\[[^\]]*\]", lambda extras: re.sub(r"[\s,]+", "+", extras.group()), line)
    options_apart = re.sub(r"(--(?:from|spec|with))=", r"\1 ", whole_extras)
    return re.sub(r"\s+@\s+", "@", re.sub(r"""["'`(),]|\[(?!\w)|(?<!\w)\]""", " ", options_apart))


def _wanted(command: str, words: list[str]) -> list[str]:
    """The words that may name a distribution: after `uvx --from X`, `kseal` is a command of X and none itself."""
    sources = [value for option, value in pairwise(words) if _SOURCE_OPTION.match(option)]
    is_explicit = any(option in ("--from", "--spec") for option in words)
    return sources if _RUNNER.match(command) and is_explicit else words
