"""Keys out of a Secret of a cluster: its names, its fallback, and everything that does not count there."""

import os
from collections.abc import Mapping
from pathlib import Path

import pyrage
import pytest

from engine.errors import KsealError
from sealer.sops.cluster_keys import ClusterKeys, SecretData
from sealer.sops.recipients import spelling
from sealer.sops.recipients.age import AgeService
from sealer.sops.recipients.base import KeyService, MasterKey
from sealer.sops.recipients.lookup import Given

IDENTITY = pyrage.x25519.Identity.generate()
ARN = "arn:aws:kms:eu-west-1:123456789012:key/one"
KINDS = {
    "kms": spelling.parse("kms", ARN),
    "hc_vault": spelling.parse("hc_vault", "https://vault.example.com:8200/v1/transit/keys/k"),
    "azure_kv": spelling.parse("azure_kv", "https://v.vault.azure.net/keys/k/1"),
    "gcp_kms": spelling.parse("gcp_kms", "projects/p/locations/l/keyRings/r/cryptoKeys/k"),
}


class Recorded:
    """Stands for a provider: what it was made from is what it unwraps."""

    def __init__(self, kind: str, environ: Mapping[str, str]) -> None:
        self.said = f"{kind} {dict(sorted(environ.items()))}"

    def wrap(self, key: MasterKey, data: bytes) -> str:
        raise AssertionError(f"nothing is wrapped: {key.kind}, {len(data)} bytes")

    def unwrap(self, key: MasterKey) -> bytes:
        return self.said.encode() if key.kind in self.said else b""


def keys(items: Mapping[str, bytes], **settings: object) -> ClusterKeys:
    return ClusterKeys(SecretData("Secret/a/b", items), make=Recorded, **settings)  # type: ignore[arg-type]  # by name


def wrapped() -> MasterKey:
    key = MasterKey("age", {"recipient": str(IDENTITY.to_public())})
    return key.wrapping(AgeService(Given({})).wrap(key, b"data key"), "")


def opens(services: Mapping[str, KeyService]) -> bool:
    try:
        return services["age"].unwrap(wrapped()) == b"data key"
    except KsealError:
        return False


def test_every_item_with_age_identities_counts() -> None:
    other = str(pyrage.x25519.Identity.generate()).encode()
    assert opens(keys({"a.agekey": other, "z.agekey": b"# mine\n" + str(IDENTITY).encode()}))
    assert not opens(keys({"keys.txt": str(IDENTITY).encode()}))


def test_the_fallback_counts_only_without_a_secret_and_only_for_age() -> None:
    fallback = SecretData("Secret/flux/all", {"x.agekey": str(IDENTITY).encode(), "sops.vault-token": b"t"})
    assert opens(ClusterKeys(None, fallback=fallback))
    assert not opens(ClusterKeys(SecretData("Secret/a/b", {}), fallback=fallback))
    with pytest.raises(KsealError, match=r"no credentials for keys of kind hc_vault in Secret/flux/all"):
        ClusterKeys(None, fallback=fallback, make=Recorded)["hc_vault"]


def test_nothing_of_the_environment_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "keys.txt"
    file.write_text(str(IDENTITY))
    environ = {
        "SOPS_AGE_KEY": str(IDENTITY),
        "SOPS_AGE_KEY_FILE": str(file),
        "SOPS_AGE_KEY_CMD": f"cat {file}",
        "HOME": str(tmp_path),
        "VAULT_TOKEN": "mine",
    }
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    services = keys({}, environ=environ)
    assert not opens(services)
    with pytest.raises(KsealError, match="no credentials"):
        services["hc_vault"]


def test_an_identity_of_a_plug_in_is_not_run() -> None:
    with pytest.raises(KsealError, match="plug-ins are off here"):
        keys({"a.agekey": b"AGE-PLUGIN-YUBIKEY-1QQPSQKQ"})["age"].unwrap(wrapped())


@pytest.mark.parametrize(
    ("kind", "item", "data", "made"),
    [
        ("hc_vault", "sops.vault-token", b" s.token\n", "{'VAULT_TOKEN': 's.token'}"),
        (
            "gcp_kms",
            "sops.gcp-kms",
            b'\n{"type": "service_account"}\n',
            """{'GOOGLE_CREDENTIALS': '{"type": "service_account"}'}""",
        ),
        (
            "kms",
            "sops.aws-kms",
            b"aws_access_key_id: a\naws_secret_access_key: b\n",
            "{'AWS_ACCESS_KEY_ID': 'a', 'AWS_SECRET_ACCESS_KEY': 'b'}",
        ),
        (
            "azure_kv",
            "sops.azure-kv",
            b'{"tenant": "t", "appId": "a", "password": "p"}',
            "{'AZURE_CLIENT_ID': 'a', 'AZURE_CLIENT_SECRET': 'p', 'AZURE_TENANT_ID': 't'}",
        ),
    ],
)
def test_credentials_reach_the_service_under_the_names_of_its_library(
    kind: str, item: str, data: bytes, made: str
) -> None:
    assert keys({item: data})[kind].unwrap(KINDS[kind]).decode() == f"{kind} {made}"


def test_the_operator_speaks_to_services_and_the_secret_wins() -> None:
    said = {"VAULT_CACERT": "/ca", "VAULT_TOKEN": "operator", "HOME": "/home/operator"}
    services = keys({"sops.vault-token": b"s"}, environ=said)
    assert services["hc_vault"].unwrap(KINDS["hc_vault"]) == b"hc_vault {'VAULT_CACERT': '/ca', 'VAULT_TOKEN': 's'}"


def test_the_identity_of_the_process_is_used_only_for_kinds_that_may() -> None:
    services = keys({}, ambient={"kms"})
    assert services["kms"].unwrap(KINDS["kms"]) == b"kms {}"
    with pytest.raises(KsealError, match="no credentials for keys of kind gcp_kms in Secret/a/b"):
        services["gcp_kms"]
    managed = {"sops.azure-kv": b"clientId: m\n"}
    assert (
        keys(managed, ambient={"azure_kv"})["azure_kv"].unwrap(KINDS["azure_kv"]).endswith(b"{'AZURE_CLIENT_ID': 'm'}")
    )
    with pytest.raises(KsealError, match="no credentials for keys of kind azure_kv"):
        keys(managed)["azure_kv"]


@pytest.mark.parametrize(
    ("kind", "item", "data", "what"),
    [
        ("kms", "sops.aws-kms", b"aws_access_key_id: hunter2\n", "aws_secret_access_key is missing"),
        ("kms", "sops.aws-kms", b"aws_access_key_id: 12345\n", "aws_access_key_id is no text"),
        ("kms", "sops.aws-kms", b"- hunter2\n", "not a mapping"),
        ("kms", "sops.aws-kms", b"{hunter2", "line 2"),
        ("azure_kv", "sops.azure-kv", b"tenantId: hunter2\n", "neither"),
        ("azure_kv", "sops.azure-kv", b"clientId: a\ntenantId: b\nclientCertificate: hunter2\n", "not supported"),
        ("gcp_kms", "sops.gcp-kms", b"/etc/hunter2", "not a mapping"),
        (
            "gcp_kms",
            "sops.gcp-kms",
            b'{"type": "external_account", "x": "hunter2"}',
            "not the key of a service account",
        ),
        ("hc_vault", "sops.vault-token", b"hunter2\xff", "not UTF-8"),
        ("hc_vault", "sops.vault-token", b"hunter2" * 10_000, "more than 65536 bytes"),
    ],
)
def test_bad_credentials_are_named_and_not_shown(kind: str, item: str, data: bytes, what: str) -> None:
    with pytest.raises(KsealError) as caught:
        keys({item: data})[kind]
    assert caught.value.message.startswith(f"Secret/a/b: {item}: ")
    assert what in caught.value.message
    assert "hunter2" not in caught.value.message + str(caught.value.hint)


def test_a_kind_that_does_not_exist_is_served_by_nobody() -> None:
    services = keys({})
    assert "age" in services
    with pytest.raises(KeyError):
        services["x"]
    assert repr(SecretData("Secret/a/b", {"a": b"hunter2"})) == "<Secret/a/b with 1 items>"


@pytest.mark.interop
def test_a_pgp_key_that_gpg_does_not_take_leaves_no_home(tmp_path: Path) -> None:
    with keys({"x.asc": b"hunter2"}, environ={"PATH": os.environ["PATH"]}, folder=str(tmp_path)) as services:
        with pytest.raises(KsealError, match=r"x\.asc: gpg cannot import it") as caught:
            services["pgp"]
        assert not list(tmp_path.iterdir())
    assert "hunter2" not in caught.value.message


def test_without_a_pgp_key_no_home_is_made(tmp_path: Path) -> None:
    with pytest.raises(KsealError, match="no PGP key in Secret/a/b"):
        keys({}, folder=str(tmp_path))["pgp"]
    assert not list(tmp_path.iterdir())
