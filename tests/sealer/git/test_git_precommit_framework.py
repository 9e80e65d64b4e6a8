"""The hook that this repository offers to pre-commit is one that the program has."""

import yaml

from sealer.cli import git, plain
from tests.kit.tree import ROOT


def test_the_offered_hook_is_a_line_of_ours() -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    program, verb, *words = hook["entry"].split()
    given = plain.parse(git.VERB, words)
    assert (program, verb) == ("kseal", git.VERB.name)
    assert given is not None
    assert git._action(given) == ("pre-commit", ())
    assert hook["pass_filenames"] is False  # staged content is read from the index, whatever the work tree says
