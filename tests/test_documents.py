"""What the documents say of flags, metrics, messages, variables and files is what the program has."""

import ast
import re
from collections.abc import Iterator
from datetime import timedelta

import click
import pytest

from controller.options import OPTIONS
from controller.runtime.metrics import PREFIX, Metrics
from tests.kit.tree import ROOT, texts

_LEAST_LETTERS = 8  # of a text with something filled in, to be recognised by
DOCUMENTS = {name: text for name, text in texts().items() if re.fullmatch(r"README\.md|docs/[^/]+\.md", name)}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_leads_somewhere(document: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", DOCUMENTS[document]):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / document).parent / path if path else ROOT / document
        assert file.exists(), target
        if anchor:
            assert anchor in _anchors(file.read_text()), target


def _anchors(text: str) -> set[str]:
    """The names that headings get."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def _table(document: str, heading: str) -> list[list[str]]:
    """The rows of the first table below a heading, cells without their back-ticks where they are one code span."""
    section = re.split(r"^#+ ", DOCUMENTS[document].split(f"# {heading}\n")[1], maxsplit=1, flags=re.MULTILINE)[0]
    rows = [line.strip("| ").split("|") for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in row] for row in rows]


def test_the_flags_of_the_controller_are_described_with_their_defaults() -> None:
    rows = [*_table("docs/controller.md", "Flags"), *_table("docs/deliveries.md", "Flags")]
    described = {row[0].strip("`"): row[1].strip("`") for row in rows}
    options = [option for option in OPTIONS if isinstance(option, click.Option)]
    assert described == {option.opts[0]: _default(option) for option in options}


def _default(option: click.Option) -> str:
    match option.default:
        case None | "":
            return ""
        case bool():
            return str(option.default).lower()
        case timedelta() | float():
            return f"{option.default:g}"
        case _:
            return str(option.default)


def test_the_metrics_are_described() -> None:
    described = {row[0].strip("`") for row in _table("docs/controller.md", "Metrics")}
    families = {family.name.removeprefix(f"{PREFIX}_") for family in Metrics("x").registry.collect()}
    counted = {name.removesuffix("_total") for name in described}
    assert counted == {name for name in families if not name.startswith(("process_", "python_"))}


def _messages() -> list[str]:
    """The messages in the tables of the troubleshooting page, without the examples in brackets."""
    headings = re.findall(r"^## (.+)$", DOCUMENTS["docs/troubleshooting.md"], re.MULTILINE)
    rows = [row for heading in headings for row in _table("docs/troubleshooting.md", heading)]
    return [re.sub(r" \(.*\)$", "", message) for row in rows for message in re.findall(r"`([^`]+)`", row[0])]


Pieces = tuple[str | None, ...]
"""A text of the program; what is filled in when it runs is None."""


@pytest.fixture(scope="module")
def spoken() -> dict[str, Pieces]:
    """Every text of the program as one, and in its pieces."""
    found = {}
    for name, text in texts().items():
        if not (name.endswith(".py") and name.startswith(("engine/", "sealer/", "controller/", "tests/kit/demo"))):
            continue
        for node in _nodes(ast.parse(text)):
            parts = [node] if isinstance(node, ast.Constant) else node.values if isinstance(node, ast.JoinedStr) else []
            values = [part.value if isinstance(part, ast.Constant) else None for part in parts]
            pieces = tuple(value if isinstance(value, str) else None for value in values)
            if sum(map(len, filter(None, pieces))) >= _LEAST_LETTERS:
                found["".join(piece or ".+" for piece in pieces)] = pieces
    return found


def _nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """As ast.walk, in half of its time."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        for value in vars(node).values():
            if isinstance(value, list):
                waiting += [one for one in value if isinstance(one, ast.AST)]
            elif isinstance(value, ast.AST):
                waiting.append(value)


@pytest.mark.parametrize("message", _messages())
def test_a_message_that_has_a_cure_is_still_said(message: str, spoken: dict[str, Pieces]) -> None:
    for part in filter(None, (part.strip() for part in message.split("..."))):
        assert any(part in text or _fits(part, pieces) for text, pieces in spoken.items()), part


def _fits(part: str, pieces: Pieces) -> bool:
    """Whether a part of a message has a text, with its holes filled in somehow."""
    if not all(piece in part for piece in pieces if piece):  # which leaves a handful
        return False
    return re.search("".join(re.escape(piece) if piece else ".+" for piece in pieces), part) is not None


def test_the_variables_of_the_test_ground_are_the_ones_that_are_read() -> None:
    described = set(re.findall(r"`(KSEAL_\w+)", DOCUMENTS["docs/test-ground.md"]))
    code = "".join(text for name, text in texts().items() if name.startswith("tests/") and name.endswith(".py"))
    assert {
        name for name in described if name not in ("KSEAL_TEST_NAME", "KSEAL_TEST_KUBECTL") and name not in code
    } == set()
