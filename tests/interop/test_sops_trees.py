"""What kseal makes of whole trees the real sops reads, its MAC verified; and what sops makes kseal finds whole."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.kit import real
from tests.kit.sopsteam import Team

pytestmark = pytest.mark.interop

FILES = {
    "a.yaml": "# head\npassword: hunter2\nlist:\n    - 1\n    # inner\n    - c: d\n"
    'open_unencrypted: plain\nempty: ""\nnull_one: null\n',
    "two.yaml": "a: 1\n---\nb: two\n",
    "b.json": '{\n\t"a": 1,\n\t"b": [\n\t\ttrue,\n\t\tnull\n\t]\n}\n',
    "c.env": "# note\nA=1\nB=two words\n",
    "d.ini": "[one]\nkey = value\n",
    "e.bin": "just text\nof two lines\n",
}


@pytest.fixture
def team(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Team:
    monkeypatch.chdir(tmp_path)
    team = Team(tmp_path, capsys)
    team.rules("{path_regex: tree/, age: 'ANN,BOB'}")
    for name, text in FILES.items():
        team.write(f"tree/{name}", text)
    return team


def they(team: Team, *words: str) -> subprocess.CompletedProcess[bytes]:
    environ = {"PATH": os.environ["PATH"], **team.environ, "SOPS_DISABLE_VERSION_CHECK": "true"}
    command = [str(real.require("sops")), *words]
    return subprocess.run(command, cwd=team.folder, env=environ, capture_output=True, timeout=60, check=False)


def they_read(team: Team) -> dict[str, str]:
    """The plain text of each file, as the real sops decrypts it."""
    read = {}
    for name in FILES:
        done = they(team, "decrypt", f"tree/{name}")
        assert done.returncode == 0, (name, done.stderr)
        read[name] = done.stdout.decode()
    return read


def test_sops_reads_a_tree_after_each_verb(team: Team) -> None:
    assert team.sops("encrypt", "-i", "-r", "tree").code == 0
    assert they_read(team) == FILES
    team.rules("{path_regex: tree/, age: ANN}")
    assert team.sops("updatekeys", "-r", "--yes", "tree").code == 0
    team.holders = (0,)
    assert they_read(team) == FILES
    team.holders = (1,)
    assert they(team, "decrypt", "tree/a.yaml").returncode == 128
    team.holders = (0,)
    assert team.sops("rotate", "-r", "--add-age", team.bob, "tree").code == 0
    team.holders = (1,)
    assert they_read(team) == FILES
    assert team.sops("decrypt", "-i", "-r", "tree").code == 0
    assert {name: (team.folder / "tree" / name).read_text() for name in FILES} == FILES


def test_sops_reads_two_key_groups_that_the_rules_put_in_the_place_of_one(team: Team) -> None:
    assert team.sops("encrypt", "-i", "-r", "tree").code == 0
    team.rules("{path_regex: tree/, shamir_threshold: 2, key_groups: [{age: [ANN]}, {age: [BOB]}]}")
    assert team.sops("updatekeys", "-r", "--yes", "tree").code == 0
    assert they_read(team) == FILES
    team.holders = (0,)
    assert they(team, "decrypt", "tree/a.yaml").returncode == 128
    assert team.sops("verify", "-r", "tree").code == 0


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("a.yaml", "hunter2", "hunter3"),
        ("b.json", "true", "false"),
        ("c.env", "two words", "three"),
        ("e.bin", "two", "2"),
    ],
)
def test_sops_reads_an_update(team: Team, name: str, old: str, new: str) -> None:
    assert team.sops("encrypt", "-i", f"tree/{name}").code == 0
    plain = team.write("plain", FILES[name].replace(old, new))
    form = {"a.yaml": "yaml", "b.json": "json", "c.env": "dotenv", "e.bin": "binary"}[name]
    assert team.sops("encrypt", "--update", f"tree/{name}", "--input-type", form, str(plain)).code == 0
    assert they(team, "decrypt", f"tree/{name}").stdout.decode() == FILES[name].replace(old, new)


def test_sops_reads_a_layout_that_was_kept(team: Team) -> None:
    text = "# head\na:   'quoted' # why\n\n\nb: {c: 1, d: [x, y]}\nanchor: &one two\nblock: >\n  folded\n  text\n"
    path = team.write("tree/a.yaml", text)
    for words in (["encrypt", "-i"], ["rotate", "-i"]):
        assert team.sops(*words, "--keep-layout", "tree/a.yaml") == (0, "", "")
    assert team.sops("set", "--keep-layout", "tree/a.yaml", '["a"]', '"changed"').code == 0
    assert path.read_text().splitlines()[2:4] == ["", ""]
    done = they(team, "decrypt", "--output-type", "json", "tree/a.yaml")
    assert done.returncode == 0, done.stderr
    assert re.sub(r"\s", "", done.stdout.decode()) == (
        '{"a":"changed","b":{"c":1,"d":["x","y"]},"anchor":"two","block":"foldedtext\\n"}'
    )


def test_what_sops_makes_is_whole(team: Team) -> None:
    for name in FILES:
        assert they(team, "encrypt", "--in-place", f"tree/{name}").returncode == 0
    assert team.sops("verify", "-r", "--mac", "require", "tree") == (0, "", "")
    for words in (["set", "tree/a.yaml", '["password"]', '"new"'], ["rotate", "-i", "tree/b.json"]):
        assert they(team, *words).returncode == 0
    assert team.sops("verify", "-r", "--mac", "require", "tree") == (0, "", "")


@pytest.mark.parametrize(
    "rule",
    ["encrypted_regex: '^pass'", "encrypted_suffix: word", "unencrypted_regex: list", "mac_only_encrypted: true"],
)
def test_what_sops_makes_by_each_rule_is_whole(team: Team, rule: str) -> None:
    team.rules(f"{{path_regex: tree/, age: ANN, {rule}}}")
    for name in ("a.yaml", "e.bin"):
        assert they(team, "encrypt", "--in-place", f"tree/{name}").returncode == 0
    assert team.sops("verify", "--mac", "require", "tree/a.yaml", "tree/e.bin") == (0, "", "")


@pytest.mark.parametrize("rule", ["encrypted_comment_regex: inner", "unencrypted_comment_regex: inner"])
def test_what_sops_makes_by_comments_is_whole(team: Team, rule: str) -> None:
    team.rules(f"{{path_regex: tree/, age: ANN, {rule}}}")
    team.write("tree/a.yaml", "# inner\na: 1\nb: 2\n")
    assert they(team, "encrypt", "--in-place", "tree/a.yaml").returncode == 0
    assert team.sops("verify", "--mac", "require", "tree/a.yaml") == (0, "", "")
