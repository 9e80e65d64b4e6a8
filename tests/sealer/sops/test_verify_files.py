"""`kseal sops verify`: what it says of files, with keys and without, and of which it says nothing."""

import json
import re

import pytest

from tests.kit.sopsteam import CONFIG_MAP, SECRET, Team

BY_PATH = "{path_regex: enc/, age: 'ANN,BOB'}"
BY_NAME = "{path_regex: manifests/, age: 'ANN,BOB', encrypted_regex: '^(data|stringData)$'}"
PLAIN = "password: hunter2\n# a note\nlist:\n  - one\n  - two\nport: 5432\nopen_unencrypted: yes\n"


@pytest.fixture(autouse=True)
def rules(team: Team) -> None:
    team.rules(BY_PATH, BY_NAME)


def test_nothing_is_said_when_all_is_right(team: Team) -> None:
    team.encrypted("enc/a.yaml", PLAIN)
    team.encrypted("enc/b.env", "A=1\n")
    team.encrypted("enc/c.bin", "anything")
    team.encrypted("manifests/secret.yaml", SECRET)
    team.write("manifests/map.yaml", CONFIG_MAP)
    team.write("readme.md", "not meant by any rule\n")
    assert team.sops("verify", "--recursive", ".") == (0, "", "")
    team.holders = ()
    assert team.sops("verify", "--recursive", ".") == (0, "", "")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("enc/a.yaml", PLAIN),
        ("enc/a.env", "A=1\n"),
        ("enc/a.ini", "[a]\nb = c\n"),
        ("enc/a.json", '{"a": 1}'),
        ("enc/a.bin", "text"),
        ("enc/broken.yaml", "a: [\n"),
        ("manifests/secret.yaml", SECRET),
        ("manifests/both.yaml", f"{CONFIG_MAP}---\n{SECRET}"),
        (
            "manifests/list.json",
            json.dumps({"apiVersion": "v1", "kind": "List", "items": [{"kind": "Secret", "data": {"a": "b"}}]}),
        ),
    ],
)
def test_a_plain_file_that_a_rule_means_is_named(team: Team, name: str, text: str) -> None:
    team.write(name, text)
    done = team.sops("verify", "--recursive", ".")
    assert (done.code, done.output) == (1, "")
    assert f"kseal: error: {name}: not encrypted, though the rule for it says so" in done.error


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("manifests/map.yaml", CONFIG_MAP),
        ("enc/null.yaml", "a: null\nb: ''\n"),
        ("enc/open.yaml", "a_unencrypted: 1\n"),
        ("elsewhere/a.yaml", PLAIN),
        ("elsewhere/secret.yaml", SECRET),
    ],
)
def test_a_plain_file_in_which_a_rule_selects_nothing_is_right(team: Team, name: str, text: str) -> None:
    team.write(name, text)
    assert team.sops("verify", "--recursive", ".").code == 0


def test_a_rule_for_all_files_means_secrets_alone(team: Team) -> None:
    team.rules("{age: ANN}")
    team.write("readme.md", "text\n")
    team.write("values.yaml", "a: 1\n")
    assert team.sops("verify", "--recursive", ".").code == 0
    team.write("secret.yaml", SECRET)
    done = team.sops("verify", "--recursive", ".")
    assert done.code == 1
    assert re.findall(r"error: (\S+):", done.error) == ["secret.yaml"]


def test_recipients_are_held_against_the_rule_without_any_key(team: Team) -> None:
    team.encrypted("enc/a.yaml", PLAIN)
    team.holders = ()
    team.rules("{path_regex: enc/, age: ANN}")
    assert f"error: enc/a.yaml: extra recipient: age {team.bob}\n" in team.sops("verify", "enc/a.yaml").error
    team.encrypted("enc/b.yaml", PLAIN)
    team.rules(BY_PATH)
    done = team.sops("verify", "enc/b.yaml")
    assert (done.code, done.error) == (1, f"kseal: error: enc/b.yaml: missing recipient: age {team.bob}\n")


def test_the_threshold_and_the_groups_are_held_against_the_rule(team: Team) -> None:
    team.rules("{shamir_threshold: 2, key_groups: [{age: [ANN]}, {age: [BOB]}]}")
    team.encrypted("a.yaml", PLAIN)
    assert team.sops("verify", "a.yaml").code == 0
    team.rules("{shamir_threshold: 3, key_groups: [{age: [ANN]}, {age: [BOB]}, {age: [ANN, BOB]}]}")
    assert team.sops("verify", "a.yaml").error.count("missing recipient") == 2


def test_another_selection_than_the_rules_is_named(team: Team) -> None:
    team.encrypted("enc/a.yaml", PLAIN)
    team.rules("{path_regex: enc/, age: 'ANN,BOB', encrypted_regex: '^pass'}")
    done = team.sops("verify", "enc/a.yaml")
    assert done.code == 1
    assert 'selects by unencrypted_suffix "_unencrypted", and the rule by encrypted_regex "^pass"' in done.error


def test_an_encrypted_file_without_a_rule_is_named(team: Team) -> None:
    team.encrypted("enc/a.yaml", PLAIN)
    team.rules("{path_regex: other, age: ANN}")
    assert "no matching creation rules" in team.sops("verify", "enc/a.yaml").error


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (r"password: ENC.*", "password: hunter2", '["password"]: the value is not encrypted'),
        (r"port: ENC.*", "port: 5432", '["port"]: the value is not encrypted'),
        (r"#ENC.*", "# a note", "the document: a comment is not encrypted"),
        (r"(password: ENC\S+),tag:.*", r"\1", '["password"]: the value is encrypted, but damaged'),
        (r"open_unencrypted: .*", "open_unencrypted: ENC[AES256_GCM,data:x]", "though the rule of the file leaves it"),
        (r"( +)mac: ENC.*", r"\1mac: ''", "there is no MAC"),
        (r"( +)mac: ENC.*", r"\1mac: ENC[AES256_GCM,data", "the MAC is damaged"),
        (r"version: .*", "version: next", "`version` is not the version of a release"),
        (r"-----END AGE ENCRYPTED FILE-----", "", "what it wraps is damaged"),
        (r"(?s)sops:.*", "", "values are encrypted, but the metadata are missing"),
    ],
)
def test_damage_is_found_without_any_key(team: Team, old: str, new: str, said: str) -> None:
    path = team.encrypted("enc/a.yaml", PLAIN)
    team.holders = ()
    text, count = re.subn(old, new, path.read_text())
    assert count
    path.write_text(text)
    done = team.sops("verify", "enc/a.yaml")
    assert done.code == 1
    assert said in done.error
    assert "hunter2" not in done.error


def test_swapped_values_are_found_with_a_key_only(team: Team) -> None:
    path = team.encrypted("enc/a.yaml", "a: one\nb: two\n")
    first, second = re.findall(r"^[ab]: (.*)$", path.read_text(), re.MULTILINE)
    path.write_text(path.read_text().replace(first, "@@").replace(second, first).replace("@@", second))
    assert team.sops("verify", "--mac", "skip", "enc/a.yaml").code == 0
    done = team.sops("verify", "enc/a.yaml")
    assert done.code == 1
    assert '["a"]: changed or moved since it was encrypted' in done.error


def test_a_removed_value_breaks_the_mac(team: Team) -> None:
    path = team.encrypted("enc/a.yaml", "a: one\nb: two\n")
    path.write_text(re.sub(r"b: .*\n", "", path.read_text()))
    assert "MAC mismatch" in team.sops("verify", "enc/a.yaml").error
    team.holders = ()
    assert team.sops("verify", "enc/a.yaml").code == 0
    done = team.sops("verify", "--mac", "require", "enc/a.yaml")
    assert (done.code, done.error.count("\n")) == (1, 1)
    assert "the MAC is not checked: cannot get the data key" in done.error


def test_listings_say_what_was_checked(team: Team) -> None:
    team.encrypted("enc/a.yaml", PLAIN)
    team.write("enc/b.yaml", PLAIN)
    done = team.sops("verify", "-r", "-o", "json", ".")
    assert done.code == 1
    assert json.loads(done.output) == [
        {"file": "enc/a.yaml", "state": "encrypted", "mac": "right", "ok": True, "problems": []},
        {
            "file": "enc/b.yaml",
            "state": "plain",
            "mac": "-",
            "ok": False,
            "problems": ["not encrypted, though the rule for it says so"],
        },
    ]
    assert [line.split()[:3] for line in team.sops("verify", "-r", "-o", "table", ".").output.splitlines()[1:]] == [
        ["enc/a.yaml", "encrypted", "right"],
        ["enc/b.yaml", "plain", "-"],
    ]


def test_rules_that_cannot_be_used_never_pass(team: Team) -> None:
    team.write("enc/a.yaml", PLAIN)
    team.write(".sops.yaml", "creation_rules: [")
    assert team.sops("verify", "enc/a.yaml").code == 1
    team.rules("{path_regex: '(?=x)', age: ANN}")
    assert "can not compile regexp" in team.sops("verify", "enc/a.yaml").error
    team.rules("{path_regex: enc/, age: ANN, encrypted_regex: '(?!x)'}")
    assert "no pattern in Go's syntax" in team.sops("verify", "enc/a.yaml").error


def test_lines_that_mean_nothing_are_refused(team: Team) -> None:
    team.write("enc/a.yaml", PLAIN)
    for words in (["--mac", "maybe", "enc/a.yaml"], ["-o", "yaml", "enc/a.yaml"], ["enc"], []):
        assert team.sops("verify", *words).code == 2
    assert "no such file" in team.sops("verify", "missing.yaml").error


def test_to_the_original_verify_is_a_file(team: Team) -> None:
    from sealer.cli.compat import sops

    path = team.encrypted("enc/a.yaml", PLAIN)
    before = path.read_bytes()
    assert sops.call(["-d", "verify"], team.environ) == 100
    assert path.read_bytes() == before
