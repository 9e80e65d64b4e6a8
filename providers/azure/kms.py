"""Keys of Azure Key Vault: RSA keys, with which a data key is wrapped by RSA-OAEP-256.

The address stands in the file that is decrypted. Azure's library sends its token only to a host below the domain that
the log-in is for, which keeps it from strangers. Source: getsops/sops 3.13.3 azkv/keysource.go; Key Vault REST API.
"""

import threading
from collections.abc import Mapping
from typing import Any, Final

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ResourceNotFoundError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.identity import ClientSecretCredential, DefaultAzureCredential, ManagedIdentityCredential
from azure.keyvault.keys import KeyClient
from azure.keyvault.keys.crypto import EncryptionAlgorithm

from engine.errors import KsealError
from providers import encoded
from providers.base import WrappingKey
from providers.errors import UNREACHED, Denied, Misconfigured, NotFound, Throttled, Unavailable, words

_NAME: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")
_ALGORITHM: Final = EncryptionAlgorithm.rsa_oaep_256
_OPTIONS: Final[Mapping[str, Any]] = {"connection_timeout": 10, "read_timeout": 15, "retry_total": 1}


class AzureKeyVault:
    """One client for each vault, kept."""

    def __init__(self, environ: Mapping[str, str], *, credential: Any = None, **options: Any) -> None:
        """`credential` and `options` are of Azure's library; without them it is asked as in the original."""
        self._environ = environ
        self._credential = credential
        self._options = {**_OPTIONS, **options}
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()

    def wrap(self, key: WrappingKey, data: bytes) -> str:
        """Raises: one of providers.errors."""
        wrapped = encoded.encode(self._call(key, "encrypt", data).ciphertext)
        return wrapped.rstrip("=").replace("+", "-").replace("/", "_")

    def unwrap(self, key: WrappingKey) -> bytes:
        """Raises: one of providers.errors."""
        text = key.enc.replace("-", "+").replace("_", "/")
        blob = encoded.decode(text + "=" * (-len(text) % 4), _named(key))
        return bytes(self._call(key, "decrypt", blob).plaintext)

    def resolve(self, key: WrappingKey) -> dict[str, str]:
        """The fields with the newest version, where none is named. Raises: one of providers.errors."""
        fields = {name: key.text(name) for name in ("vault_url", "name", "version")}
        if fields["version"]:
            return fields
        try:
            newest = self._client(key).get_key(fields["name"])
        except AzureError as error:
            raise _translated(key, error) from error
        return {**fields, "version": newest.properties.version}

    def _call(self, key: WrappingKey, method: str, data: bytes) -> Any:
        try:
            vault, version = self._client(key), key.text("version") or None
            return getattr(vault.get_cryptography_client(key.text("name"), key_version=version), method)(
                _ALGORITHM, data
            )
        except ValueError as error:  # raised before a request, or at a challenge to log in; its text is not for a log
            hint = "the server asks for a log-in to another domain than its own, or the wrapped key is not of this key"
            raise Misconfigured(f"{_named(key)}: Azure's library does not send this", hint) from error
        except AzureError as error:
            raise _translated(key, error) from error

    def _client(self, key: WrappingKey) -> Any:
        vault, parts = key.text("vault_url"), (key.text("name"), key.text("version"))
        host = vault.removeprefix("https://")
        if host == vault or "/" in host or "@" in host or not parts[0] or not all(map(_NAME.issuperset, parts)):
            raise Misconfigured(f"{_named(key)}: not a key in Azure Key Vault")
        with self._lock:
            if self._credential is None:
                self._credential = self._found_credential()
            if vault not in self._clients:
                self._clients[vault] = KeyClient(vault, self._credential, **self._options)
            return self._clients[vault]

    def _found_credential(self) -> Any:
        """A client secret, or a managed identity by its client alone; else Azure's library looks around."""
        names = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET")
        tenant, client, secret = (self._environ.get(name, "") for name in names)
        if client and not (tenant or secret):
            return ManagedIdentityCredential(client_id=client)
        if not (tenant and client and secret):
            return DefaultAzureCredential()
        authority = self._environ.get("AZURE_AUTHORITY_HOST")
        return ClientSecretCredential(tenant, client, secret, **({"authority": authority} if authority else {}))


def _named(key: WrappingKey) -> str:
    return words(f"{key.text('vault_url')}/keys/{key.text('name')}/{key.text('version')}")


def _translated(key: WrappingKey, error: AzureError) -> KsealError:
    if isinstance(error, ClientAuthenticationError):
        hint = "log in with az login, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET"
        return Denied(f"{_named(key)}: Azure does not accept the credentials, or there are none", hint)
    if isinstance(error, ServiceRequestError | ServiceResponseError):
        return Unavailable(f"{_named(key)}: Azure does not answer: {type(error).__name__}", UNREACHED)
    said = f"{_named(key)}: Azure says {words(str(error.message))}"
    if isinstance(error, ResourceNotFoundError):
        return NotFound(said)
    status = error.status_code or 0 if isinstance(error, HttpResponseError) else 0
    if status == 403:
        return Denied(said, "the identity needs the role Key Vault Crypto User on the key")
    if status == 429:
        return Throttled(said)
    return Unavailable(said) if status >= 500 else Misconfigured(said)
