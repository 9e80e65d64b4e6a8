"""What the documents have people type does what they show.

Every block in `sh` or `console` is run in order, each document in a folder and a cluster of its own. The few commands
for which something else is done stand in tests/kit/reader.py; flags, metrics and messages in test_documents.py.
"""

import pytest

from tests.kit.documents import DISPLAYED, EXECUTED, Block, Command, blocks, commands, matches
from tests.kit.guides import DOCUMENTS, follow
from tests.kit.reader import Reader


@pytest.mark.cluster
@pytest.mark.netns
def test_the_readme_does_what_it_shows(reader: Reader) -> None:
    follow("README.md", reader)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_block_is_executed_or_of_a_language_that_is_only_read(document: str) -> None:
    for block in blocks(document, DOCUMENTS[document]):
        assert block.language in EXECUTED | DISPLAYED, block.place


def test_a_block_without_a_language_or_an_end_is_noticed() -> None:
    assert [block.language for block in blocks("x", "```\nls\n```\n")] == [""]
    with pytest.raises(Exception, match="not closed"):
        blocks("x", "```sh\nls\n")


@pytest.mark.parametrize(
    ("shown", "printed", "is_same"),
    [
        ("a\n", "a\n", True),
        ("a\n", "b\n", False),
        ("a\n", "a\nb\n", False),
        ("in ... s\n", "in 0.3 s\n", True),
        ("a\n...\nd\n", "a\nb\nc\nd\n", True),
        ("a\n...\nd\n", "a\nd\n", True),
        ("a.c\n", "abc\n", False),
    ],
)
def test_shown_output_is_compared(shown: str, printed: str, is_same: bool) -> None:
    assert matches(shown, printed) is is_same


def test_commands_are_taken_from_a_block_with_what_they_print() -> None:
    block = Block("x.md", 1, "console", "$ a \\\n    | b\nprinted\n$ c\n")
    assert list(commands(block)) == [Command("a \\\n    | b", "printed\n", "x.md:1"), Command("c", "", "x.md:1")]
    script = Block("x.md", 5, "sh", "# a comment\none\n\ncat <<EOF\ntwo\nEOF\n")
    assert list(commands(script)) == [
        Command("one", None, "x.md:6"),
        Command("cat <<EOF\ntwo\nEOF", None, "x.md:8"),
    ]
