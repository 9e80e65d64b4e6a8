"""`kseal sops VERB --help` shows examples that the verb reads; under the name `sops` only what that name takes."""

import shlex
from collections.abc import Mapping

import pytest

from sealer.cli import main
from sealer.cli.compat.goflag import parse_anywhere
from sealer.cli.sops import flags, verbs
from sealer.cli.sops.verbs import SopsVerb

ENVIRON: Mapping[str, str] = {}
BY_WORDS = {
    word + (f" {action}" if action else ""): verb
    for word in verbs.TABLE
    for action, verb in (verbs.actions(word).items() if word in verbs.WITH_ACTIONS else [("", verbs.verb(word))])
}


@pytest.mark.parametrize("words", BY_WORDS)
def test_each_verb_shows_examples_under_its_full_name(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.call_as("kseal", ["sops", *words.split(), "--help"], ENVIRON) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"NAME:\n   kseal sops {words} - ")
    assert main.call_as("kseal", ["sops", "help", *words.split()], ENVIRON) == 0
    assert capsys.readouterr().out == shown
    examples = shown.partition("EXAMPLES:\n")[2].partition("\n\n")[0].splitlines()
    assert examples
    assert all(example.startswith(f"   kseal sops {words}") for example in examples)


@pytest.mark.parametrize("verb", BY_WORDS.values(), ids=BY_WORDS)
def test_the_flags_of_examples_are_flags_of_the_verb(verb: SopsVerb) -> None:
    known = (*verb.flags, *verb.own_flags, *flags.SETTINGS, *flags.COMMON)
    for example in verb.examples:
        words = shlex.split(example.partition(" < ")[0])[2 + len(verb.name.split()) :]
        assert parse_anywhere(known, words, ENVIRON).given.keys() <= {flag.names[0] for flag in known}


@pytest.mark.parametrize("words", [name for name in BY_WORDS if name not in verbs.OURS])
def test_under_the_name_sops_nothing_is_shown_that_it_does_not_take(
    words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.call_as("sops", ["help", *words.split()], ENVIRON) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"NAME:\n   sops {words} - ")
    assert "kseal" not in shown
    assert "--config-beside-file" not in shown


def test_the_verbs_of_each_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.call_as("sops", ["--help"], ENVIRON) == 0
    assert "\n   verify " not in capsys.readouterr().out
    assert main.call_as("kseal", ["sops", "--help"], ENVIRON) == 0
    assert "\n   verify " in capsys.readouterr().out


def test_help_for_a_word_that_is_no_verb_names_those_that_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.call_as("kseal", ["sops", "help", "nonsense"], ENVIRON) == 3
    assert "decrypt" in capsys.readouterr().err
