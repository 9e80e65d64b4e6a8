"""The `sops` mapping: what every release wrote is understood, what is written is in the newest order."""

from typing import Any

import pytest

from sealer.sops.errors import EnvelopeRefused, SopsError
from sealer.sops.metadata import Metadata
from sealer.sops.recipients.base import MasterKey
from sealer.sops.selection import Selection
from sealer.sops.tree import Branch, Comment, Timestamp, Value

TIME = "2024-01-02T03:04:05Z"
AGE = {"recipient": "age1x", "enc": "armor"}
PGP = {"fp": "AB", "created_at": TIME, "enc": "armor"}
KMS = {"arn": "arn:aws:kms:eu-west-1:1:key/x", "created_at": TIME, "enc": "e", "aws_profile": ""}


def branch(value: Any) -> Any:
    """Mappings as branches, in their order."""
    if isinstance(value, dict):
        return Branch((key, branch(item)) for key, item in value.items())
    return [branch(item) for item in value] if isinstance(value, list) else value


def plain(value: Value) -> Any:
    if isinstance(value, Branch):
        return {key: plain(item) for key, item in value}
    return [plain(item) for item in value] if isinstance(value, list) else value


def raw(**fields: Any) -> Branch:
    made: Branch = branch({"age": [AGE], "lastmodified": TIME, "mac": "m", "version": "3.13.3"} | fields)
    return made


def test_what_is_written_is_sorted_in_every_mapping() -> None:
    kms = KMS | {"role": "r", "context": {"z": "1", "a": "2"}}
    metadata = Metadata.read(raw(kms=[kms], pgp=[PGP], shamir_threshold=2, encrypted_regex="^data$",
                                 mac_only_encrypted=True))  # fmt: skip
    assert list(plain(metadata.write()).items()) == [
        ("age", [{"enc": "armor", "recipient": "age1x"}]),
        ("encrypted_regex", "^data$"),
        ("kms", [{"arn": KMS["arn"], "aws_profile": "", "context": {"a": "2", "z": "1"}, "created_at": TIME,
                  "enc": "e", "role": "r"}]),
        ("lastmodified", TIME),
        ("mac", "m"),
        ("mac_only_encrypted", True),
        ("pgp", [{"created_at": TIME, "enc": "armor", "fp": "AB"}]),
        ("shamir_threshold", 2),
        ("version", "3.13.3"),
    ]  # fmt: skip
    (entry,) = plain(metadata.write())["kms"]
    assert list(entry) == sorted(entry)
    assert list(entry["context"]) == ["a", "z"]


def test_the_keys_of_a_group_are_loaded_in_one_order() -> None:
    lists = {
        "age": [AGE],
        "pgp": [PGP],
        "hc_vault": [{"vault_address": "v", "engine_path": "e", "key_name": "k", "created_at": TIME, "enc": "x"}],
        "azure_kv": [{"vault_url": "u", "name": "n", "version": "v", "created_at": TIME, "enc": "x"}],
        "hckms": [{"key_id": "r:i", "created_at": TIME, "enc": "x"}],
        "gcp_kms": [{"resource_id": "r", "created_at": TIME, "enc": "x"}],
        "kms": [KMS],
    }
    metadata = Metadata.read(raw(**lists))
    assert [key.kind for key in metadata.key_groups[0]] == [
        *("kms", "gcp_kms", "hckms", "azure_kv", "hc_vault", "pgp", "age")
    ]
    assert {kind: plain(metadata.write())[kind] for kind in lists} == lists


def test_several_groups_name_two_of_their_lists_even_when_these_are_empty() -> None:
    metadata = Metadata.read(raw(age=[], key_groups=[{"age": [AGE]}, {"pgp": [PGP], "age": None}]))
    assert [[key.kind for key in group] for group in metadata.key_groups] == [["age"], ["pgp"]]
    written = plain(metadata.write())
    assert [list(group) for group in written["key_groups"]] == [["age", "hc_vault"], ["age", "hc_vault", "pgp"]]
    assert "age" not in written


def test_groups_are_ignored_beside_a_list_that_is_not_empty() -> None:
    assert len(Metadata.read(raw(key_groups=[{"pgp": [PGP]}, {"pgp": [PGP]}])).key_groups) == 1


def test_what_older_releases_wrote_is_understood() -> None:
    old = raw(
        kms=[], gcp_kms=None, azure_kv={}, pgp=[PGP], shamir_threshold="2", mac_only_encrypted="true",
        lastmodified=Timestamp("2024-01-02T03:04:05.123Z"), version=3.9, unheard_of={"x": 1}, encrypted_suffix="",
    )  # fmt: skip
    old.insert(0, (Comment(" a comment"), None))
    metadata = Metadata.read(old)
    assert (metadata.shamir_threshold, metadata.last_modified, metadata.version) == (2, TIME, "3.9")
    assert metadata.selection == Selection(unencrypted_suffix="_unencrypted", mac_only_encrypted=True)


def test_a_time_keeps_its_offset_and_loses_its_fraction() -> None:
    assert Metadata.read(raw(lastmodified="2024-01-02T03:04:05.5+02:00")).last_modified == "2024-01-02T03:04:05+02:00"
    assert Metadata.read(raw(lastmodified="2024-01-02T03:04:05+00:00")).last_modified == TIME


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"age": []}, "no keys found"),
        ({"age": "text"}, "age: not a list"),
        ({"age": ["text"]}, r"age\[0\]: not a mapping"),
        ({"age": [{"recipient": ["x"]}]}, r"age\[0\]\.recipient: not text"),
        ({"age": [AGE] * 1001}, "more than 1000"),
        ({"age": [], "key_groups": [{"age": [AGE] * 600}] * 2}, "more than 1000"),
        ({"age": [], "key_groups": "x"}, "key_groups: not a list"),
        ({"age": [], "key_groups": [[]]}, r"key_groups\[0\]: not a mapping"),
        ({"age": [], "key_groups": [{"pgp": [{"fp": "x"}]}]}, r"key_groups\[0\]\.pgp\[0\]\.created_at: not a time"),
        ({"kms": [KMS | {"context": "x"}]}, r"kms\[0\]\.context: not a mapping"),
        ({"lastmodified": "yesterday"}, "lastmodified: not a time"),
        ({"lastmodified": None}, "lastmodified: not a time"),
        ({"mac": {"a": "b"}}, "mac: not text"),
        ({"shamir_threshold": "-1"}, "shamir_threshold: not a number"),
        ({"shamir_threshold": 10**30}, "shamir_threshold: not a number"),
        ({"mac_only_encrypted": "perhaps"}, "mac_only_encrypted: neither"),
    ],
)
def test_what_cannot_be_understood_is_named(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(EnvelopeRefused, match=says) as refused:
        Metadata.read(raw(**fields))
    assert refused.value.code == 1


def test_two_rules_at_once_are_refused() -> None:
    with pytest.raises(SopsError, match="more than one of"):
        Metadata.read(raw(encrypted_suffix="a", encrypted_regex="b"))


@pytest.mark.parametrize("version", ["3.13.3", "v3.0.0", "3.9", "1.17", "1.x", "3.8.0-rc.1", "3.8.0+build-7"])
def test_versions_of_releases_are_known(version: str) -> None:
    Metadata.read(raw(version=version)).check_version()


@pytest.mark.parametrize("version", ["", "x", "3.", "3.1.2.3", "3.1-", "3.1.2-a_b", "vv3"])
def test_other_versions_are_refused(version: str) -> None:
    with pytest.raises(EnvelopeRefused, match="version"):
        Metadata.read(raw(version=version)).check_version()


def test_a_change_makes_another_one() -> None:
    metadata = Metadata([[MasterKey("age", {"recipient": "age1x"})]], selection=Selection())
    changed = metadata.changed(key_groups=[[], []], shamir_threshold=2, mac="m", last_modified=TIME, version="3.0.0")
    assert (changed.key_groups, changed.shamir_threshold, changed.mac) == ([[], []], 2, "m")
    assert (len(metadata.key_groups[0]), metadata.mac, metadata.version) == (1, "", "3.13.3")
