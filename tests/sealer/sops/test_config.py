"""`.sops.yaml`: found, read, and asked about a file."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import KsealError
from sealer.sops import config, configfile
from sealer.sops.config import Config, Rule
from sealer.sops.errors import ConfigError, SopsError
from sealer.sops.selection import Selection

ONE = "age1nk9yhq64ggtj987mwu9jtv9zzlf6eghqp0efzk9kj8d8jf76wvvsy8lpyd"
TWO = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa"
ARN = "arn:aws:kms:eu-west-1:111122223333:key/1"


def read(text: str) -> Config:
    return config.loads(text.encode(), "/repo/.sops.yaml")


def rule(text: str, path: str = "/repo/a.yaml") -> Rule:
    found = read(text).rule_for(path)
    assert found is not None
    return found


def identities(found: Rule) -> list[list[str]]:
    return [[f"{key.kind}:{key.identity}" for key in group] for group in found.groups]


@pytest.mark.parametrize("text", ["", "stores: {}", "creation_rules:", "destination_rules: [{}]", "# nothing\n"])
def test_without_creation_rules_it_is_as_if_there_were_no_file(text: str) -> None:
    assert read(text).rule_for("/repo/a.yaml") is None


@pytest.mark.parametrize("text", ["creation_rules: []", "creation_rules: [{path_regex: b}]"])
def test_rules_that_do_not_match_are_an_error(text: str) -> None:
    with pytest.raises(ConfigError, match="no matching creation rules found") as caught:
        read(text).rule_for("/repo/a.yaml")
    assert caught.value.code == 1


def test_the_first_rule_that_matches_counts() -> None:
    text = f"creation_rules: [{{path_regex: '^prod/', age: {ONE}}}, {{age: {TWO}}}, {{path_regex: '(', age: {ONE}}}]"
    assert identities(rule(text, "/repo/prod/a.yaml")) == [[f"age:{ONE}"]]
    assert identities(rule(text, "/repo/x/prod/a.yaml")) == [[f"age:{TWO}"]]
    assert identities(rule(text, "/elsewhere/prod/a.yaml")) == [[f"age:{TWO}"]], "outside, the whole path counts"


def test_a_pattern_that_go_would_not_read_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"creation_rules\[0\].path_regex: can not compile regexp"):
        read("creation_rules: [{path_regex: 'a(?!b)'}]").rule_for("/repo/a.yaml")


def test_keys_of_a_flat_rule_come_in_the_original_order() -> None:
    text = f"""
creation_rules:
  - kms: {ARN}+arn:aws:iam::111122223333:role/r
    aws_profile: p
    hc_vault_transit_uri: https://vault:8200/v1/a/transit/keys/k
    azure_keyvault: https://v.vault.azure.net/keys/k/1
    gcp_kms: [projects/p/locations/l/keyRings/r/cryptoKeys/k]
    hckms: ["eu:uuid"]
    pgp: "AAAA BBBB,, CCCC ,"
    age:
      - {ONE}
      - {TWO}
"""
    assert identities(rule(text)) == [
        [
            f"age:{ONE}",
            f"age:{TWO}",
            "pgp:AAAABBBB",
            "pgp:CCCC",
            f"kms:{ARN}+arn:aws:iam::111122223333:role/r||p",
            "gcp_kms:projects/p/locations/l/keyRings/r/cryptoKeys/k",
            "hckms:eu:uuid",
            "azure_kv:https://v.vault.azure.net/keys/k/1",
            "hc_vault:https://vault:8200/v1/a/transit/keys/k",
        ]
    ]


def test_the_encryption_context_of_a_call_goes_to_flat_keys() -> None:
    found = read(f"creation_rules: [{{kms: '{ARN}'}}]").rule_for("/repo/a", context={"b": "2", "a": "1"})
    assert found is not None
    assert identities(found) == [[f"kms:{ARN}|a:1,b:2"]]


def test_key_groups_replace_flat_keys_and_merge_others_in_first_each_key_once() -> None:
    text = f"""
creation_rules:
  - age: {ONE}
    shamir_threshold: 2
    key_groups:
      - merge:
          - age: [{TWO}]
            merge: [{{pgp: [EEEE]}}]
          - age: [{TWO}]
        age: ["{TWO},{ONE}"]
        kms: [{{arn: "{ARN}", role: "arn:r", context: {{k: v}}, aws_profile: p}}]
      - azure_keyvault: [{{vaultUrl: "https://v", key: k, version: "1"}}]
        gcp_kms: [{{resource_id: g}}]
        hckms: [{{key_id: "r:u"}}]
        hc_vault: ["https://vault/v1/t/keys/k"]
"""
    found = rule(text)
    assert identities(found) == [
        ["pgp:EEEE", f"age:{TWO}", f"age:{ONE}", f"kms:{ARN}+arn:r|k:v|p"],
        ["gcp_kms:g", "hckms:r:u", "azure_kv:https://v/keys/k/1", "hc_vault:https://vault/v1/t/keys/k"],
    ]
    assert found.shamir_threshold == 2


def test_a_rule_without_keys_has_one_empty_group() -> None:
    assert rule("creation_rules: [{}]").groups == [[]]


def test_nulls_in_lists_are_no_members_as_in_go() -> None:
    with pytest.raises(ConfigError, match="no matching creation rules found"):
        rule("creation_rules: [null]")
    assert identities(rule(f"creation_rules: [null, {{key_groups: [null, {{age: [null, {ONE}]}}]}}]")) == [
        [f"age:{ONE}"]
    ]
    with pytest.raises(ConfigError, match=r"age\[0\]: expected a string"):
        rule(f"creation_rules: [{{age: [null, {ONE}]}}]")


@pytest.mark.parametrize(("word", "means"), [("yes", True), ("On", True), ("n", False), ("OFF", False)])
def test_flags_also_come_in_the_words_of_old_yaml(word: str, means: bool) -> None:
    assert rule(f"creation_rules: [{{mac_only_encrypted: {word}}}]").selection.mac_only_encrypted is means


def test_the_selection_of_a_rule() -> None:
    found = rule("creation_rules: [{encrypted_regex: '^data$', mac_only_encrypted: true}]")
    assert found.selection == Selection(encrypted_regex="^data$", mac_only_encrypted=True)
    assert rule("creation_rules: [{}]").selection == Selection()


def test_two_selections_in_a_rule_are_an_error() -> None:
    with pytest.raises(ConfigError, match=r"cannot use more than one of .* for the same rule") as caught:
        rule("creation_rules: [{encrypted_regex: a, encrypted_suffix: b}]")
    assert caught.value.hint == "/repo/.sops.yaml: creation_rules[0] has encrypted_suffix, encrypted_regex"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("creation_rules: {a: b}", "creation_rules: expected a list, got a mapping"),
        ("creation_rules: [x]", "creation_rules[0]: expected a mapping, got a string"),
        ("- a", ": expected a mapping, got a list"),
        ("creation_rules: [{age: 5}]", "creation_rules[0].age: expected a list, got a number"),
        ("creation_rules: [{age: [5]}]", "creation_rules[0].age[0]: expected a string, got a number; quote it"),
        ("creation_rules: [{hckms: 'r:u'}]", "creation_rules[0].hckms: expected a list, got a string"),
        ("creation_rules: [{shamir_threshold: '2'}]", "[0].shamir_threshold: expected a number, got a string"),
        ("creation_rules: [{shamir_threshold: true}]", "[0].shamir_threshold: expected a number, got true or false"),
        ("creation_rules: [{mac_only_encrypted: 'true'}]", "mac_only_encrypted: expected true or false, got a string"),
        ("creation_rules: [{key_groups: [{merge: [{age: a}]}]}]", "[0].key_groups[0].merge[0].age: expected a list"),
        ("creation_rules: [{key_groups: [{kms: [{context: {a: 1}}]}]}]", "kms[0].context.a: expected a string"),
    ],
)
def test_a_field_of_the_wrong_type_is_named_and_its_value_is_not(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(text).rule_for("/repo/a.yaml")
    assert message in str(caught.value)
    assert "/repo/.sops.yaml" in str(caught.value)


@pytest.mark.parametrize(
    "text", ["age: nonsense", "hc_vault_transit_uri: nonsense", "azure_keyvault: nonsense", "hckms: [nonsense]"]
)
def test_what_names_no_key_is_an_error(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        rule(f"creation_rules: [{{{text}}}]")
    assert str(caught.value).startswith(f"/repo/.sops.yaml: creation_rules[0].{text.partition(':')[0]}: ")


@pytest.mark.parametrize("text", ["age: [nonsense]", "hc_vault: [nonsense]", "hckms: [{key_id: nonsense}]"])
def test_what_names_no_key_in_a_group_is_an_error(text: str) -> None:
    with pytest.raises(ConfigError, match=r"creation_rules\[0\]\.key_groups\[0\]\."):
        rule(f"creation_rules: [{{key_groups: [{{{text}}}]}}]")


def test_a_destination_rule() -> None:
    text = f"""
destination_rules:
  - path_regex: ^s3/
    s3_bucket: b
    s3_prefix: p/
    omit_extensions: true
  - vault_path: v
    vault_address: https://vault
    vault_kv_version: 1
    recreation_rule: {{age: {ONE}, encrypted_suffix: x}}
"""
    first, second = read(text).destination_for("s3/a.yaml"), read(text).destination_for("other")
    assert (first.kind, first.fields) == ("s3", {"s3_bucket": "b", "s3_prefix": "p/", "vault_kv_version": "0"})
    assert first.omit_extensions
    assert first.recreation.groups == [[]]
    assert (second.kind, second.fields["vault_kv_version"]) == ("vault", "1")
    assert identities(second.recreation) == [[f"age:{ONE}"]]


def test_a_destination_must_match_and_be_one() -> None:
    with pytest.raises(ConfigError, match="no matching destination found"):
        read("destination_rules: [{path_regex: b}]").destination_for("a")
    with pytest.raises(ConfigError, match="more than one destinations"):
        read("destination_rules: [{s3_bucket: a, gcs_bucket: b}]").destination_for("a")
    assert read("destination_rules: [{}]").destination_for("a").kind is None


def test_how_stores_indent() -> None:
    found = read("stores: {yaml: {indent: 2}, json: {indent: 0}, json_binary: {}, ini: {indent: 9}}")
    indents = [found.indent(name) for name in ("yaml", "json", "binary")]
    assert indents == [2, 0, None]
    assert read("stores: {yaml: {indent: 0}, json: {indent: -1}}").indent("yaml") is None
    assert read("stores: {yaml: {indent: 0}, json: {indent: -1}}").indent("json") is None


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("yaml: {indent: x}", "yaml", "stores.yaml.indent: expected a number"),
        ("yaml: {indent: -1}", "yaml", "Negative indentation"),
        ("json: {indent: -2}", "json", "smaller than -1"),
        ("json: {indent: 1000000}", "json", "more than 64"),
    ],
)
def test_an_impossible_indentation_is_refused(text: str, name: str, message: str) -> None:
    with pytest.raises(SopsError, match=message):
        read(f"stores: {{{text}}}").indent(name)


@pytest.mark.parametrize(
    "text", ["a: &a [x]\nb: [" + "*a," * 30_000 + "]", "[" * 100, "a" * (1 << 20) + "a", "a: [", "\0"]
)
def test_a_hostile_file_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="error loading config"):
        read(text)


@settings(max_examples=50)
@given(st.text(st.characters(codec="utf-8"), max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read(text).rule_for("/repo/a.yaml")
    except KsealError as error:
        assert "\n" not in error.message  # noqa: PT017  # not reached for most texts


class TestFinding:
    def test_in_the_folder_or_above(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "a" / "b").mkdir(parents=True)
        monkeypatch.chdir(tmp_path / "a" / "b")
        assert configfile.find().path is None
        (tmp_path / ".sops.yaml").touch()
        assert configfile.find().path == "../../.sops.yaml"
        (tmp_path / "a" / "b" / ".sops.yaml").touch()
        assert configfile.find().path == ".sops.yaml"
        assert configfile.find(str(tmp_path / "a")).path == os.fspath(tmp_path / ".sops.yaml")

    def test_the_other_suffix_is_warned_of(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "a").mkdir()
        (tmp_path / "a" / ".sops.yml").touch()
        monkeypatch.chdir(tmp_path / "a")
        found = configfile.find()
        assert found.path is None
        warning = 'ignoring ".sops.yml" when searching for config file; the config file must be called ".sops.yaml"'
        assert found.warning == warning
        (tmp_path / ".sops.yaml").touch()
        assert configfile.find().warning == warning + '; using "../.sops.yaml" instead'

    def test_a_file_is_loaded_with_its_folder(self, tmp_path: Path) -> None:
        (tmp_path / ".sops.yaml").write_text(f"creation_rules: [{{path_regex: ^a, age: {ONE}}}]")
        found = config.load(str(tmp_path / ".sops.yaml")).rule_for(str(tmp_path / "a.yaml"))
        assert found is not None
        assert identities(found) == [[f"age:{ONE}"]]

    def test_one_that_is_not_there(self) -> None:
        with pytest.raises(ConfigError, match="could not read config file: open nope: no such file"):
            config.load("nope")
