"""The original sops and ours side by side: lines that cannot be read, help, version and completion."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kit.sopsground import SopsGround, make_ground

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def ground(program: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> SopsGround:
    return make_ground(tmp_path_factory.mktemp("ground"), program("sops"), program("age-keygen"))


@pytest.mark.parametrize(
    "words",
    [
        ["-i", "-in-place", "-d", "e.yaml"],
        ["--nonsense"],
        ["decrypt", "--nonsense", "e.yaml"],
        ["decrypt", "---i", "e.yaml"],
        ["decrypt", "--extract"],
        ["--indent", "x", "-d", "e.yaml"],
        ["decrypt", "--in-place=maybe", "e.yaml"],
        ["encrypt", "--shamir-secret-sharing-threshold", "x", "p.yaml"],
    ],
)
def test_a_line_that_cannot_be_read(ground: SopsGround, words: list[str]) -> None:
    theirs, ours = (ground.run(is_ours, words) for is_ours in (False, True))
    assert ours.code == theirs.code == 1
    assert ours.output.splitlines()[0] == theirs.output.splitlines()[0]
    assert ours.error
    assert theirs.error


@pytest.mark.parametrize(
    "words", [["--help"], ["-h"], ["help"], ["decrypt", "-h"], ["encrypt", "--help"], ["groups"], ["help", "set"]]
)
def test_help_goes_to_standard_output(ground: SopsGround, words: list[str]) -> None:
    theirs, ours = (ground.run(is_ours, words) for is_ours in (False, True))
    assert (ours.code, theirs.code) == (0, 0)
    assert ours.output.startswith("NAME:\n   sops")
    assert (ours.error, theirs.error) == ("", "")


def test_there_is_no_help_for_what_is_no_verb(ground: SopsGround) -> None:
    assert ground.run(True, ["help", "nonsense"]).code == ground.run(False, ["help", "nonsense"]).code == 3


def test_the_version(ground: SopsGround) -> None:
    theirs, ours = (ground.run(is_ours, ["--version", "--disable-version-check"]) for is_ours in (False, True))
    assert ours.output.startswith(theirs.output.strip() + " (kseal ")
    assert ours.output == ground.run(True, ["-v"]).output


@pytest.mark.parametrize(
    "words", [[], ["decrypt"], ["decrypt", "x"], ["groups"], ["groups", "add"], ["groups", "add", "--a"], ["e"]]
)
def test_the_original_completion_script_is_answered(ground: SopsGround, words: list[str]) -> None:
    theirs, ours = (ground.run(is_ours, [*words, "--generate-bash-completion"]) for is_ours in (False, True))
    assert (ours.code, theirs.code) == (0, 0)
    assert set(ours.output.split()) == set(theirs.output.split()) - {"help", "h"}
