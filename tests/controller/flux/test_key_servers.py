"""Under lock-down keys are unwrapped by the clouds' own servers and by those that the operator lists."""

import json
from collections.abc import Mapping

import pytest

from controller.flux.keyservers import allowing, guarded
from engine.errors import KsealError
from sealer.sops.recipients.base import KeyService, MasterKey


class Asked:
    """A service that says yes to whoever comes as far."""

    def wrap(self, _key: MasterKey, _data: bytes) -> str:
        return "wrapped"

    def unwrap(self, _key: MasterKey) -> bytes:
        return b"unwrapped"


def make(kind: str, environ: Mapping[str, str]) -> KeyService:
    return Asked()


def azure(url: str) -> MasterKey:
    return MasterKey("azure_kv", {"vault_url": url, "name": "sops", "version": "1"})


@pytest.mark.parametrize(
    "url",
    [
        "https://team.vault.azure.net",
        "https://team.vault.azure.net:443/",
        "https://team.vault.usgovcloudapi.net",
        "https://team.managedhsm.azure.net",
    ],
)
def test_vaults_of_azure_are_asked(url: str) -> None:
    service = guarded(make)("azure_kv", {})
    assert service.unwrap(azure(url)) == b"unwrapped"
    assert service.wrap(azure(url), b"data") == "wrapped"


@pytest.mark.parametrize(
    "url",
    [
        "https://169.254.169.254",
        "https://127.0.0.1:8443",
        "https://vault.azure.net.evil.example",
        "https://evil.example/.vault.azure.net",
        "https://evil.example#.vault.azure.net",
        "https://evil.example?.vault.azure.net",
        "https://team.vault.azure.net@evil.example",
        "https://team.vault.azure.net:8443",
        "http://team.vault.azure.net",
        "https://[::1",
        "",
    ],
)
def test_other_hosts_are_no_vaults(url: str) -> None:
    service = guarded(make)("azure_kv", {})
    with pytest.raises(KsealError, match="outside Azure"):
        service.unwrap(azure(url))
    with pytest.raises(KsealError, match="outside Azure"):
        service.wrap(azure(url), b"data")


@pytest.mark.parametrize(
    ("kind", "environ"),
    [
        ("azure_kv", {"AZURE_AUTHORITY_HOST": "169.254.169.254"}),
        ("azure_kv", {"AZURE_AUTHORITY_HOST": "https://login.evil.example"}),
        ("gcp_kms", {"GOOGLE_CREDENTIALS": json.dumps({"token_uri": "http://169.254.169.254/token"})}),
        ("gcp_kms", {"GOOGLE_CREDENTIALS": json.dumps({"token_uri": ["https://oauth2.googleapis.com/token"]})}),
    ],
)
def test_a_log_in_elsewhere_is_refused(kind: str, environ: dict[str, str]) -> None:
    with pytest.raises(KsealError, match="no log-in of the cloud"):
        guarded(make)(kind, environ)


@pytest.mark.parametrize(
    ("kind", "environ"),
    [
        ("azure_kv", {}),
        ("azure_kv", {"AZURE_AUTHORITY_HOST": "login.microsoftonline.us"}),
        ("gcp_kms", {"GOOGLE_CREDENTIALS": json.dumps({"token_uri": "https://oauth2.googleapis.com/token"})}),
        ("gcp_kms", {"GOOGLE_CREDENTIALS": "no JSON"}),
        ("kms", {}),
    ],
)
def test_log_ins_of_clouds_are_used(kind: str, environ: dict[str, str]) -> None:
    key = azure("https://team.vault.azure.net")
    assert guarded(make)(kind, environ).unwrap(key) == b"unwrapped"


def test_no_vault_is_asked_that_the_operator_does_not_list() -> None:
    assert allowing({"PATH": "/bin"}) == {"PATH": "/bin", "SOPS_HC_VAULT_ALLOWLIST": "none"}
    listed = {"SOPS_HC_VAULT_ALLOWLIST": "https://vault.example"}
    assert allowing(listed) == listed
