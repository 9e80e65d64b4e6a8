"""Keys as rules and flags spell them become the fields that the metadata has."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import KsealError
from sealer.sops.recipients import bech32, spelling

ARN = "arn:aws:kms:eu-west-1:123456789012:key/one"
ROLE = "arn:aws:iam::123456789012:role/de+ploy"
RECIPIENT = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"


@pytest.mark.parametrize(
    ("kind", "text", "fields"),
    [
        ("age", f" {RECIPIENT} ", {"recipient": RECIPIENT}),
        ("pgp", "85D7 7543 B3D6 24B6!", {"fp": "85D77543B3D624B6!"}),
        ("kms", f"{ARN} + {ROLE}", {"arn": ARN, "role": ROLE, "aws_profile": ""}),
        ("gcp_kms", "projects/p/locations/l", {"resource_id": "projects/p/locations/l"}),
        ("hckms", " tr-west-1:uuid ", {"key_id": "tr-west-1:uuid"}),
        ("azure_kv", "https://v.net/keys/n/1", {"vault_url": "https://v.net", "name": "n", "version": "1"}),
        ("azure_kv", "https://v.net/keys/n", {"vault_url": "https://v.net", "name": "n", "version": ""}),
        ("azure_kv", "https://v.net/keys/n/", {"vault_url": "https://v.net", "name": "n", "version": ""}),
        (
            "hc_vault",
            "https://v:8200/v1/team/a/transit/keys/k",
            {"vault_address": "https://v:8200", "engine_path": "team/a/transit", "key_name": "k"},
        ),
    ],
)
def test_a_key_is_read_as_the_original_reads_it(kind: str, text: str, fields: dict[str, Any]) -> None:
    key = spelling.parse(kind, text)
    assert (key.fields, key.enc, key.created_at) == (fields, "", None)


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        ("age", "age1x", "is no age recipient"),
        ("age", RECIPIENT[:-1] + "q", "wrong checksum"),
        ("age", "age1pq1" + "q" * 58, "is no age recipient"),
        ("age", "ssh-dss AAAA", "is no age recipient"),
        ("age", "ssh-ed25519 AAAA", "is no age recipient"),
        ("age", bech32.encode("age1../x", bytes(32)), "no plugin can be called"),
        ("hc_vault", "v:8200/v1/transit/keys/k", "names no key in Vault"),
        ("hc_vault", "https://v/prefix/v1/transit/keys/k", "names no key in Vault"),
        ("hc_vault", "https://v/v1/transit/k", "names no key in Vault"),
        ("azure_kv", "http://v/keys/n", "names no key in Azure"),
        ("azure_kv", "https://v/keys/n/1/2", "names no key in Azure"),
        ("azure_kv", "https://v/x/keys/n/1", "names no key in Azure"),
        ("hckms", "region:", "names no key in Huawei"),
        ("pgp", "A" * 20_000, "more than 16384"),
    ],
)
def test_what_names_no_key_is_refused_with_its_text(kind: str, text: str, said: str) -> None:
    with pytest.raises(KsealError, match=said):
        spelling.parse(kind, text)


def test_a_list_is_split_at_commas_and_its_members_trimmed() -> None:
    assert spelling.split(" a, b ,,\nc\n") == ["a", "b", "c"]


def test_an_encryption_context_is_pairs_of_texts() -> None:
    assert spelling.parse_context("a:1,b:2") == {"a": "1", "b": "2"}
    for wrong in ("a", "a:1,b", "a:b:c"):
        with pytest.raises(KsealError, match="is not KEY:VALUE"):
            spelling.parse_context(wrong)
    assert spelling.parse("kms", ARN, context={"a": "1"}, aws_profile="dev").identity == f"{ARN}|a:1|dev"


@settings(max_examples=50)
@given(st.binary(max_size=80))
def test_bech32_comes_back_and_a_changed_letter_is_noticed(data: bytes) -> None:
    text = bech32.encode("age", data)
    assert bech32.decode(text) == ("age", data)
    assert bech32.decode(text.upper()) == ("AGE", data)
    changed = text[:-1] + ("q" if text[-1] != "q" else "p")
    with pytest.raises(ValueError, match="checksum"):
        bech32.decode(changed)


@settings(max_examples=50)
@given(st.text(max_size=60))
def test_any_text_is_bech32_or_refused(text: str) -> None:
    try:
        name, data = bech32.decode(text)
    except ValueError:
        return
    assert bech32.encode(name.lower(), data) == text.lower()
