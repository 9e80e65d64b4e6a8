"""`kseal sops encrypt --update`: what keeps its ciphertext, what keeps its bytes, and what is refused."""

import re
from pathlib import Path

import pytest

from tests.kit.sopsteam import Team

PLAIN = "password: hunter2\n# a note\nlist:\n    - one\n    - two\nuser: root\n"


@pytest.fixture(autouse=True)
def rules(team: Team) -> None:
    team.rules("{age: ANN}")


def lines(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if not re.match(r" +(mac|lastmodified):", line)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.yaml", PLAIN),
        ("a.yaml", "# head\na: 1 # inline\nb:\n    # inner\n    c: d\n---\ne: f\n# foot\n"),
        ("a.json", '{\n\t"a": 1,\n\t"b": [\n\t\t"c"\n\t]\n}\n'),
        ("a.env", "# note\nA=1\nB=two words\n"),
        ("a.ini", "[a]\n; note\nb = c\n"),
        ("a.bin", "some\ntext"),
    ],
)
def test_a_file_that_did_not_change_keeps_its_bytes(team: Team, name: str, text: str) -> None:
    path = team.encrypted(name, text)
    before = path.read_bytes(), path.stat().st_ino
    source = team.write(f"plain.{name}", text)
    assert team.sops("encrypt", "--update", name, str(source)).code == 0
    source.write_text(team.plain(name))
    assert team.sops("encrypt", "--update", name, str(source)).code == 0
    assert (path.read_bytes(), path.stat().st_ino) == before


def test_equal_values_keep_their_ciphertext(team: Team) -> None:
    path = team.encrypted("a.yaml", PLAIN)
    before = lines(path)
    team.rules("{age: BOB}")
    team.write("plain.yaml", PLAIN.replace("one", "three") + "new: value\n")
    assert team.sops("encrypt", "--update", "a.yaml", "plain.yaml").code == 0
    after = lines(path)
    assert len(set(before) - set(after)) == 1
    assert len(set(after) - set(before)) == 2
    assert team.recipients("a.yaml") == [team.ann]
    assert team.plain("a.yaml") == PLAIN.replace("one", "three") + "new: value\n"
    assert team.sops("verify", "--mac", "require", "-o", "json", "a.yaml").output.count('"right"') == 1


def test_an_update_may_go_elsewhere(team: Team) -> None:
    before = team.encrypted("a.yaml", PLAIN).read_bytes()
    team.write("plain.yaml", "a: 1\n")
    assert team.sops("encrypt", "--update", "a.yaml", "--output", "b.yaml", "plain.yaml").code == 0
    assert (team.folder / "a.yaml").read_bytes() == before
    assert team.plain("b.yaml") == "a: 1\n"


@pytest.mark.parametrize(
    ("plain", "code", "said"),
    [
        ("", 1, "the plain text is empty"),
        (" \n", 1, "the plain text is empty"),
        ("a: [\n", 2, "line"),
        ("sops: 1\n", 203, "encrypted already"),
    ],
)
def test_what_cannot_be_meant_leaves_the_file_alone(team: Team, plain: str, code: int, said: str) -> None:
    path = team.encrypted("a.yaml", PLAIN)
    before = path.read_bytes()
    team.write("plain.yaml", plain)
    done = team.sops("encrypt", "--update", "a.yaml", "plain.yaml")
    assert done.code == code
    assert said in done.error
    assert path.read_bytes() == before


def test_a_file_that_was_tampered_with_is_not_updated(team: Team) -> None:
    path = team.encrypted("a.yaml", PLAIN)
    path.write_text(re.sub(r"user: .*\n", "", path.read_text()))
    before = path.read_bytes()
    team.write("plain.yaml", PLAIN)
    assert team.sops("encrypt", "--update", "a.yaml", "plain.yaml").code == 51
    assert path.read_bytes() == before


def test_lines_that_mean_nothing_are_refused(team: Team) -> None:
    team.encrypted("a.yaml", PLAIN)
    assert team.sops("encrypt", "--update", "a.yaml", "a.yaml").code == 8
    assert team.sops("encrypt", "--update", "missing.yaml", "a.yaml").code == 100
    for words in (["b.yaml", "c.yaml"], ["--in-place", "b.yaml"], ["--recursive", "b.yaml"]):
        assert team.sops("encrypt", "--update", "a.yaml", *words).code == 2
