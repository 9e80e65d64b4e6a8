"""Help of every verb, and every command line that the help or a document shows: none has words that are not known."""

import re
import shlex
from contextlib import suppress

import click
import pytest

from sealer.cli import commands, main
from sealer.cli.verb import COMMON
from tests.kit.guides import DOCUMENTS

GROUP = commands._Verbs(name="kseal", context_settings=commands._SETTINGS)
VERBS = [name for name in GROUP.list_commands(click.Context(GROUP)) if name != "sops"]
"""All but `sops`, which reads its lines itself: test_sops_help.py."""
_SHELL = re.compile(r"\s*(?:\|\|?|&&|[<>]|;|\) >)\s.*")
"""What follows a command in a line of a shell."""


def lines(text: str) -> list[str]:
    """The calls of kseal in a text, each without what a shell does around it."""
    found = re.findall(r"(?:^|[\s|`(])(kseal [a-z].*)", text)
    return [_SHELL.sub("", re.sub(r" #.*", "", line)).rstrip(")") for line in found]


def spans(document: str) -> list[str]:
    """The calls of kseal between back-ticks, where a document tells instead of showing a block."""
    prose = re.sub(r"^```.*?^```$", "", DOCUMENTS[document], flags=re.MULTILINE | re.DOTALL)
    return [line for span in re.findall(r"`([^`]+)`", prose) for line in lines(span.replace("\n", " "))]


def check(line: str) -> None:
    """Raises: click.UsageError, Misused for a verb or an option that there is not."""
    words = shlex.split(line)[1:]
    if words[0] == "kubeseal":
        return
    name, command, rest = GROUP.resolve_command(click.Context(GROUP), words)
    assert command is not None
    assert name is not None
    if "..." in rest or rest == ["VERB"]:
        return
    with suppress(click.BadOptionUsage):  # `kseal seal --into` speaks of the option without its value
        command.make_context(name, list(rest), obj={})


def helped(verb: str) -> str:
    command = GROUP.get_command(click.Context(GROUP), verb)
    assert command is not None
    return command.get_help(click.Context(command, info_name=verb, parent=click.Context(GROUP, info_name="kseal")))


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_an_example_that_it_would_take(verb: str) -> None:
    calls = lines(re.split(r"\n *Examples?:\n", helped(verb))[1].split("\n\n")[0])
    assert calls != []
    assert {call.split()[1] for call in calls} == {verb}
    for call in calls:
        check(call)


def test_every_action_of_the_keys_has_an_example() -> None:
    examples = " ".join(main.builtin("keys").examples)
    for action in ("list", "renew", "retire", "backup", "restore"):
        assert f"kseal keys {action}" in examples


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb != "controller"])
def test_every_verb_takes_the_options_of_all(verb: str) -> None:
    shown = helped(verb)
    for option in COMMON:
        for name in option.names:
            assert re.search(rf"(?<!\S){name}\b", shown), name


@pytest.mark.parametrize("document", [name for name in DOCUMENTS if spans(name)])
def test_a_command_in_the_prose_of_a_document_has_known_words(document: str) -> None:
    for line in spans(document):
        check(line)


@pytest.mark.parametrize("line", ["kseal sael x", "kseal seal --crt c.pem x", "kseal keys list --repos ."])
def test_an_unknown_word_would_be_noticed(line: str) -> None:
    with pytest.raises(Exception, match=r"no verb|[Nn]o such option"):
        check(line)
