"""Keys of Azure Key Vault, by Azure's own library, on a server that speaks the published REST.

The real sops does not come to it: it logs in at Azure whatever is said. What both write is the same RSA-OAEP-256.
"""

import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from providers import catalog
from providers.errors import Denied, Misconfigured, NotFound, Unavailable
from providers.testing import exercise_key_service
from sealer.sops import groups
from sealer.sops.recipients import spelling
from sealer.sops.recipients.base import MasterKey
from tests.kit.cloudkms import TOKEN, KeyVault
from tests.kit.pki import Authority

pytestmark = pytest.mark.interop
kms = pytest.importorskip("providers.azure.kms", exc_type=ImportError)


class AccessToken(NamedTuple):
    """As Azure's library has it."""

    token: str
    expires_on: int


class Credential:
    """A log-in that has succeeded, or not."""

    def __init__(self, token: str) -> None:
        self.token = token

    def get_token(self, *_: Any, **__: Any) -> AccessToken:
        if not self.token:
            raise kms.ClientAuthenticationError("no")
        return AccessToken(self.token, int(time.time()) + 3600)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an authority, and a server's certificate and key from it."""
    folder, made = tmp_path_factory.mktemp("azure"), Authority("azure")
    leaf = made.server("localhost")
    (folder / "ca.crt").write_bytes(made.certificate)
    (folder / "server.pem").write_bytes(leaf.certificate + leaf.key)
    return folder


@pytest.fixture(scope="module")
def vault(authority: Path) -> Iterator[KeyVault]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority / "server.pem")
    with KeyVault(context, rsa.generate_private_key(65537, 2048)) as server:
        yield server


def service(authority: Path, token: str = TOKEN) -> Any:
    trusted = str(authority / "ca.crt")
    return kms.AzureKeyVault(
        {}, credential=Credential(token), connection_verify=trusted, verify_challenge_resource=False
    )


def key(vault: str, name: str = "known", version: str = "v2", enc: str = "") -> MasterKey:
    return MasterKey("azure_kv", {"vault_url": vault, "name": name, "version": version}, enc)


def test_it_passes_the_exam(vault: KeyVault, authority: Path) -> None:
    there, missing = key(vault.address), key(vault.address, "missing")
    exercise_key_service(service(authority), lambda enc: there.wrapping(enc, ""), lambda enc: missing.wrapping(enc, ""))


def test_the_wrapped_key_is_base64_for_urls_without_padding(vault: KeyVault, authority: Path) -> None:
    enc = service(authority).wrap(key(vault.address), bytes(32))
    assert len(enc) == 342
    assert not set(enc) & set("+/=")


def test_a_missing_version_is_looked_up(vault: KeyVault, authority: Path) -> None:
    named = spelling.parse("azure_kv", f"{vault.address}/keys/known")
    ((complete,),) = groups.resolve([[named]], {"azure_kv": service(authority)})
    assert complete.identity == f"{vault.address}/keys/known/v2"
    (same,) = groups.resolve([[complete]], {"azure_kv": service(authority)})[0]
    assert same.identity == complete.identity


def test_refusals_are_told_apart(vault: KeyVault, authority: Path) -> None:
    with pytest.raises(NotFound, match="no such key"):
        service(authority).resolve(key(vault.address, "missing", ""))
    with pytest.raises(Denied, match="does not accept the credentials"):
        service(authority, "").wrap(key(vault.address), b"data")
    with pytest.raises(Unavailable, match="does not answer"):
        service(authority).wrap(key("https://localhost:1"), b"data")
    for wrong in ("http://localhost:1", "https://user@host", "https://host/path", ""):
        with pytest.raises(Misconfigured, match="not a key in Azure Key Vault"):
            service(authority).wrap(key(wrong), b"data")
    with pytest.raises(Misconfigured, match="not a key in Azure Key Vault"):
        service(authority).wrap(key(vault.address, "../secrets"), b"data")


def test_a_token_goes_only_where_it_is_meant_to(vault: KeyVault, authority: Path) -> None:
    """A server that asks for a log-in to another domain than its own gets none."""
    strict = kms.AzureKeyVault({}, credential=Credential(TOKEN), connection_verify=str(authority / "ca.crt"))
    with pytest.raises(Misconfigured, match="does not send this"):
        strict.wrap(key(vault.address), b"data")


@pytest.mark.parametrize(
    ("environ", "credential"),
    [
        ({}, "DefaultAzureCredential"),
        ({"AZURE_CLIENT_ID": "a"}, "ManagedIdentityCredential"),
        ({"AZURE_CLIENT_ID": "a", "AZURE_TENANT_ID": "b"}, "DefaultAzureCredential"),
        ({"AZURE_CLIENT_ID": "a", "AZURE_TENANT_ID": "b", "AZURE_CLIENT_SECRET": "c"}, "ClientSecretCredential"),
    ],
)
def test_the_log_in_is_the_one_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], credential: str
) -> None:
    class Chosen(Exception):
        pass

    def chosen(*_: object, **__: object) -> None:
        raise Chosen

    monkeypatch.setattr(kms, credential, chosen)
    with pytest.raises(Chosen):
        catalog.key_service("azure_kv", environ).wrap(key("https://localhost:1"), b"data")
