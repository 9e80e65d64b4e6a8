"""`kseal sops` over several files and folders: each done whole, failures named, nothing else touched."""

import subprocess

import pytest

from tests.kit.sopsteam import CONFIG_MAP, SECRET, Team, changed

RULE = "{path_regex: enc/, age: 'ANN,BOB'}"
ANN_ALONE = "{path_regex: enc/, age: ANN}"


@pytest.fixture(autouse=True)
def tree(team: Team) -> None:
    """Files of five formats that the rule means, and others."""
    team.rules(RULE)
    for name, text in {
        "enc/a.yaml": "password: hunter2\n",
        "enc/deep/b.json": '{\n\t"a": 1\n}\n',
        "enc/deep/.env": "A=1\n",
        "enc/c.ini": "[a]\nb = c\n",
        "enc/d.bin": "text",
        "enc/map.yaml": CONFIG_MAP,
        "enc/secret.yaml": SECRET,
        "readme.md": "text\n",
        "enc/.git/e.yaml": "a: 1\n",
        "elsewhere.yaml": "a: 1\n",
    }.items():
        team.write(name, text)
    (team.folder / "enc" / "link.yaml").symlink_to("../elsewhere.yaml")


MEANT = ["enc/a.yaml", "enc/c.ini", "enc/d.bin", "enc/deep/.env", "enc/deep/b.json", "enc/secret.yaml"]


def test_a_tree_is_encrypted_as_rules_mean_it_and_decrypted_again(team: Team) -> None:
    before = team.files()
    assert team.sops("encrypt", "--in-place", "--recursive", ".") == (0, "", "")
    encrypted = team.files()
    assert changed(before, encrypted) == MEANT
    assert team.sops("verify", "-r", "--mac", "require", ".").code == 0
    assert team.sops("encrypt", "-i", "-r", ".").code == 0
    assert team.files() == encrypted
    assert team.sops("decrypt", "-i", "-r", "--force", ".").code == 0
    after = team.files()
    assert {name for name in MEANT if after[name] != before[name]} <= {"enc/c.ini"}
    assert changed(encrypted, after) == MEANT


def test_a_tree_that_no_rule_means_is_not_left_plain_without_a_word(team: Team) -> None:
    team.write("open.yaml", f"creation_rules: [{{age: {team.ann}}}]\n")
    team.write("plain/a.yaml", "a: 1\n")
    before = team.files()
    code, output, error = team.sops("--config", "open.yaml", "encrypt", "-i", "-r", "plain")
    assert (code, output, team.files()) == (0, "", before)
    assert "warning: nothing is encrypted: a rule without path_regex" in error
    assert team.sops("--config", "open.yaml", "encrypt", "-i", "plain/a.yaml") == (0, "", "")
    assert team.sops("--config", "open.yaml", "encrypt", "-i", "-r", "plain") == (0, "", "")


def test_keys_of_a_tree_follow_the_rules(team: Team) -> None:
    team.sops("encrypt", "-i", "-r", ".")
    before = team.files()
    assert team.sops("updatekeys", "-r", "--dry-run", ".") == (0, "", "")
    team.rules(ANN_ALONE)
    looked = team.sops("updatekeys", "-r", "--dry-run", ".")
    assert looked.code == 3
    assert sorted(line.split() for line in looked.output.splitlines()[1:]) == [
        [name, "would", "change", f"-{team.bob}", "new", "data", "key"] for name in MEANT
    ]
    assert changed(before, team.files()) == [".sops.yaml"]
    done = team.sops("updatekeys", "-r", "--yes", ".")
    assert done.code == 0
    assert done.output.count(" changed ") == len(MEANT)
    after = team.files()
    assert changed(before, after) == sorted([".sops.yaml", *MEANT])
    team.holders = (1,)
    assert team.sops("verify", "-r", "--mac", "require", ".").code == 1
    team.holders = (0,)
    assert team.sops("verify", "-r", "--mac", "require", ".").code == 0
    assert team.sops("updatekeys", "-r", "--yes", ".") == (0, "", "")
    assert team.files() == after


@pytest.mark.parametrize("words", [["-r", "enc"], ["enc/a.yaml"]])
def test_whoever_leaves_cannot_use_the_data_key_that_they_know(team: Team, words: list[str]) -> None:
    team.sops("encrypt", "-i", "enc/a.yaml")
    before = team.envelope("enc/a.yaml").branches
    team.rules(ANN_ALONE)
    team.sops("updatekeys", "--yes", *words)
    after = team.envelope("enc/a.yaml")
    assert after.branches != before
    assert team.recipients("enc/a.yaml") == [team.ann]
    assert team.plain("enc/a.yaml") == "password: hunter2\n"


@pytest.mark.parametrize("words", [["-r", "enc"], ["enc/a.yaml"]])
def test_the_data_key_stays_where_it_is_asked_to_or_somebody_joins(team: Team, words: list[str]) -> None:
    team.sops("encrypt", "-i", "enc/a.yaml")
    before = team.envelope("enc/a.yaml")
    team.rules(ANN_ALONE)
    team.sops("updatekeys", "--yes", "--keep-data-key", *words)
    assert team.recipients("enc/a.yaml") == [team.ann]
    team.rules(RULE)
    team.sops("updatekeys", "--yes", *words)
    after = team.envelope("enc/a.yaml")
    assert team.recipients("enc/a.yaml") == [team.ann, team.bob]
    assert (after.branches, after.metadata.mac) == (before.branches, before.metadata.mac)


def test_nobody_who_answers_changes_nothing(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    team.sops("encrypt", "-i", "-r", ".")
    team.rules(ANN_ALONE)
    before = team.files()
    monkeypatch.setattr("sys.stdin", None)
    done = team.sops("updatekeys", "-r", ".")
    assert done.code == 1
    assert "nobody answers" in done.error
    assert team.files() == before


def test_data_keys_of_a_tree_are_rotated(team: Team) -> None:
    team.sops("encrypt", "-i", "-r", ".")
    before = team.files()
    assert team.sops("rotate", "-r", "--dry-run", ".").code == 3
    assert team.files() == before
    done = team.sops("rotate", "-r", "--rm-age", team.bob, ".")
    assert done.code == 0
    assert changed(before, team.files()) == MEANT
    assert {tuple(team.recipients(name)) for name in MEANT} == {(team.ann,)}
    assert team.plain("enc/a.yaml") == "password: hunter2\n"


def test_what_goes_wrong_with_one_file_does_not_keep_the_others_from_it(team: Team) -> None:
    team.sops("encrypt", "-i", "-r", ".")
    before = team.files()
    broken = team.folder / "enc" / "a.yaml"
    broken.write_text(broken.read_text().replace("password: ENC", "user: ENC"))
    kept = broken.read_bytes()
    done = team.sops("rotate", "-r", "enc", "missing.yaml", "readme.md")
    assert done.code == 1
    assert 'kseal: error: enc/a.yaml: ["user"]: changed or moved' in done.error
    assert "kseal: error: missing.yaml: no such file" in done.error
    assert "kseal: error: readme.md: " in done.error
    assert "hunter2" not in done.error
    assert broken.read_bytes() == kept
    assert changed(before, team.files()) == MEANT


def test_plaintext_is_not_laid_into_a_work_tree_unless_by_force(team: Team) -> None:
    team.sops("encrypt", "-i", "-r", ".")
    subprocess.run(["git", "init", "--quiet", team.folder], check=True)
    before = team.files()
    assert team.sops("decrypt", "-i", "-r", "enc").code == 2
    assert team.files() == before
    assert team.sops("decrypt", "-i", "-r", "--force", "enc").code == 0
    assert team.files()["enc/a.yaml"] == b"password: hunter2\n"


@pytest.mark.parametrize(
    "words",
    [
        ["decrypt", "enc/a.yaml", "enc/d.bin"],
        ["decrypt", "-i", "enc"],
        ["encrypt", "-r", "enc"],
        ["rotate", "-r"],
        ["rotate", "-r", "--output", "x", "enc"],
        ["decrypt", "-i", "-r", "--extract", '["a"]', "enc"],
    ],
)
def test_lines_that_would_mix_files_up_are_refused(team: Team, words: list[str]) -> None:
    before = team.files()
    assert team.sops(*words).code == 2
    assert team.files() == before


def test_the_layout_is_kept_on_request(team: Team) -> None:
    text = "# head\na:   'quoted' # why\n\n\nb: {c: 1, d: [x, y]}\nanchor: &one two\n"
    path = team.write("enc/a.yaml", text)
    assert team.sops("encrypt", "-i", "--keep-layout", "enc/a.yaml").code == 0
    assert path.read_text().splitlines()[2:4] == ["", ""]
    assert team.sops("set", "--keep-layout", "enc/a.yaml", '["b"]["c"]', '"z"').code == 0
    assert team.sops("rotate", "-i", "--keep-layout", "enc/a.yaml").code == 0
    assert team.sops("verify", "--mac", "require", "enc/a.yaml").code == 0
    assert team.sops("decrypt", "-i", "--force", "--keep-layout", "enc/a.yaml").code == 0
    assert path.read_text().startswith("# head\na:   'quoted' # why\n\n\nb: {c: 'z', d: [")
    done = team.sops("encrypt", "-i", "--keep-layout", "enc/deep/b.json")
    assert (done.code, done.error) == (
        0,
        "kseal: warning: the layout is not kept: that of json is always the same\n",
    )
