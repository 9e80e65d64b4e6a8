"""A master key is known by one text, the same that the original shows and compares."""

import pytest

from sealer.sops.recipients.base import FIELDS, MasterKey

ARN = "arn:aws:kms:eu-west-1:123456789012:key/one"
ROLE = "arn:aws:iam::123456789012:role/deploy"


@pytest.mark.parametrize(
    ("kind", "fields", "identity"),
    [
        ("age", {"recipient": "age1abc"}, "age1abc"),
        ("pgp", {"fp": "ABCD"}, "ABCD"),
        ("gcp_kms", {"resource_id": "projects/p/locations/l"}, "projects/p/locations/l"),
        ("hckms", {"key_id": "region:uuid"}, "region:uuid"),
        ("azure_kv", {"vault_url": "https://v", "name": "n", "version": "1"}, "https://v/keys/n/1"),
        (
            "hc_vault",
            {"vault_address": "https://v:8200", "engine_path": "a/transit", "key_name": "k"},
            "https://v:8200/v1/a/transit/keys/k",
        ),
        ("kms", {"arn": ARN, "aws_profile": ""}, ARN),
        ("kms", {"arn": ARN, "role": ROLE}, f"{ARN}+{ROLE}"),
        ("kms", {"arn": ARN, "context": {"b": "2", "a": "1"}}, f"{ARN}|a:1,b:2"),
        ("kms", {"arn": ARN, "context": {"a": "1"}, "aws_profile": "dev"}, f"{ARN}|a:1|dev"),
        ("kms", {"arn": ARN, "aws_profile": "dev"}, f"{ARN}||dev"),
    ],
)
def test_an_identity_names_the_key_and_not_its_wrapping(kind: str, fields: dict[str, str], identity: str) -> None:
    key = MasterKey(kind, fields, "wrapped", "2026-01-02T03:04:05Z")
    assert key.identity == identity
    assert key.wrapping("again", "2027-01-01T00:00:00Z").identity == identity


def test_a_key_keeps_the_time_of_its_creation_and_age_keys_have_none() -> None:
    now = "2026-01-02T03:04:05Z"
    assert MasterKey("pgp", {"fp": "A"}).wrapping("x", now).created_at == now
    assert MasterKey("pgp", {"fp": "A"}, "x", "2020-01-01T00:00:00Z").wrapping("y", now).created_at[:4] == "2020"
    assert MasterKey("age", {"recipient": "age1"}).wrapping("x", now).created_at is None


def test_every_kind_of_the_format_has_an_identity() -> None:
    for kind, fields in FIELDS.items():
        key = MasterKey(kind, {name: "x" for name in fields if name != "context"})
        assert "x" in key.identity
