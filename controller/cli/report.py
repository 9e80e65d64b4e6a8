"""Differences as text for a terminal, as Markdown for a comment on a pull request, as JSON for a program."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from controller.cli.colouring import coloured
from sealer.cli.listing import as_json
from sealer.cli.terminal import printable

if TYPE_CHECKING:
    from engine.diff import Difference

MARKDOWN_CHARACTERS: Final = 60_000
"""Of a whole comment: GitHub takes 65 536, GitLab and Gitea more."""
_OBJECT_CHARACTERS: Final = 12_000
"""Of one object in a comment; a large CRD would leave no room for the others."""
WORDS: Final = ("created", "configured", "deleted")
_MARKS: Final = {"created": "+", "configured": "~", "deleted": "-"}
_COLOURS: Final = {"+": "32", "-": "31", "@": "36", "~": "33"}
_LONGEST_FENCE: Final = 3


def text(found: "Sequence[Difference]", *, has_colour: bool) -> str:
    """Each object with its lines, then how many there are."""
    if not found:
        return ""
    blocks = []
    for one in found:
        mark = _MARKS[one.word]
        head = f"{mark} {printable(str(one.ref))} {one.word}"
        lines = [coloured(head, f"{_COLOURS[mark]};1") if has_colour else head]
        for line in map(printable, one.lines):
            colour = _COLOURS.get(line[:1])
            lines.append(coloured(f"  {line}", colour) if has_colour and colour else f"  {line}")
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + f"\n\n{counted(found)}\n"


def json(found: "Sequence[Difference]") -> str:
    """Counts, and the objects with their lines."""
    counts = Counter[str](one.word for one in found)
    shown: dict[str, Any] = {word: counts[word] for word in WORDS}
    shown["objects"] = [
        {
            "object": str(one.ref),
            "group": one.ref.group,
            "kind": one.ref.kind,
            "namespace": one.ref.namespace,
            "name": one.ref.name,
            "change": one.word,
            "lines": list(one.lines),
        }
        for one in found
    ]
    return as_json(shown)


def markdown(found: "Sequence[Difference]", *, title: str, limit: int = MARKDOWN_CHARACTERS) -> str:
    """A comment: what it is about, the counts, and each object to unfold. What is too long is cut, and it is said."""
    head = f"### {_inline(title)}\n\n"
    if not found:
        return head + "No differences.\n"
    head += f"**{counted(found)}**\n\n"
    left = limit - len(head) - 200  # room for the last line
    blocks: list[str] = []
    for number, one in enumerate(found):
        block = _details(one)
        if len(block) > left:
            block = _details(one, lines=False)
        if len(block) > left:
            rest = len(found) - number
            blocks.append(f"\n… and {rest} more, left out because a comment has a limit.\n")
            break
        left -= len(block)
        blocks.append(block)
    return head + "\n".join(blocks)


def counted(found: "Sequence[Difference]") -> str:
    """`2 created, 1 configured`; `no differences`."""
    counts = Counter[str](one.word for one in found)
    return ", ".join(f"{counts[word]} {word}" for word in WORDS if counts[word]) or "no differences"


def _details(one: "Difference", *, lines: bool = True) -> str:
    summary = f"{_MARKS[one.word]} <code>{_html(str(one.ref))}</code> {one.word}"
    sums = f"(+{_count(one, '+')} -{_count(one, '-')}"
    if not lines:
        return f"- {summary} {sums}, too long to be shown)\n"
    body = "\n".join(_within(map(printable, one.lines), _OBJECT_CHARACTERS))
    fence = "`" * max(_LONGEST_FENCE, _longest_run(body) + 1)
    head = f"<details>\n<summary>{summary} {sums})</summary>\n\n"
    return f"{head}{fence}diff\n{body}\n{fence}\n\n</details>\n"


def _count(one: "Difference", mark: str) -> int:
    return sum(1 for line in one.lines if line.startswith(mark))


def _within(lines: Iterator[str], limit: int) -> Iterator[str]:
    for line in lines:
        limit -= len(line) + 1
        if limit < 0:
            yield "… cut: too long for a comment"
            return
        yield line


def _longest_run(body: str) -> int:
    """Of back-ticks: a fence has to be longer than any in it."""
    longest = run = 0
    for character in body:
        run = run + 1 if character == "`" else 0
        longest = max(longest, run)
    return longest


def _html(words: str) -> str:
    return printable(words).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _inline(words: str) -> str:
    """One line of prose in which nothing is markup."""
    return "".join(f"\\{one}" if one in "\\`*_[]<>#|" else one for one in printable(words))
