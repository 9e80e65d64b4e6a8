"""Which addresses of key services count under lockdown: SOPS files name servers, and Secrets say where to log in.

Both are a tenant's. Clouds have names of their own for these servers; nothing else is dialled, and for Vault, whose
servers are anywhere, only what the operator lists. Source: the domains of Azure Key Vault and of Google's log-in.
"""

import json
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from engine.errors import KsealError
from sealer.sops.cluster_keys import MakeService
from sealer.sops.recipients.base import KeyService, MasterKey
from sealer.sops.vaultservers import ALLOWLIST

_CLOUDS: Final = ("azure.net", "azure.cn", "usgovcloudapi.net", "microsoftazure.de")
_VAULTS: Final = tuple(f".{service}.{cloud}" for service in ("vault", "managedhsm") for cloud in _CLOUDS)
_AZURE_LOGINS: Final = (
    "login.microsoftonline.com",
    "login.microsoftonline.us",
    "login.microsoftonline.de",
    "login.chinacloudapi.cn",
    "login.partner.microsoftonline.cn",
)
_GOOGLE_LOGINS: Final = ("oauth2.googleapis.com", "accounts.google.com", "www.googleapis.com")
_HINT: Final = "under lockdown only the clouds' own servers are asked"


def allowing(environ: Mapping[str, str]) -> dict[str, str]:
    """What the operator says to services of keys, under lockdown: where no server of Vault is listed, there is none."""
    return {**environ, ALLOWLIST: environ.get(ALLOWLIST) or "none"}


def guarded(make: MakeService) -> MakeService:
    """The same services, which dial no other server than the cloud's. They raise: KsealError."""

    def made(kind: str, environ: Mapping[str, str]) -> KeyService:
        if kind == "azure_kv" and (login := environ.get("AZURE_AUTHORITY_HOST")):
            _check_login(login if "://" in login else f"https://{login}", _AZURE_LOGINS, "authorityHost")
        if kind == "gcp_kms":
            _check_google(environ.get("GOOGLE_CREDENTIALS", ""))
        service = make(kind, environ)
        return _Guarded(service) if kind == "azure_kv" else service

    return made


class _Guarded:
    def __init__(self, service: KeyService) -> None:
        self._service = service

    def wrap(self, key: MasterKey, data: bytes) -> str:
        _check_vault(key)
        return self._service.wrap(key, data)

    def unwrap(self, key: MasterKey) -> bytes:
        _check_vault(key)
        return self._service.unwrap(key)


def _check_vault(key: MasterKey) -> None:
    if not _host_of(key.text("vault_url")).endswith(_VAULTS):
        raise KsealError("the file names a key vault outside Azure, which is not asked", _HINT)


def _check_google(text: str) -> None:
    """`text` is the JSON of a key; what is none is refused by whoever reads it."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return
    if isinstance(found, dict) and found.get("token_uri"):
        _check_login(str(found["token_uri"]), _GOOGLE_LOGINS, "token_uri")


def _check_login(url: str, hosts: tuple[str, ...], field: str) -> None:
    if _host_of(url) not in hosts:
        raise KsealError(f"the decryption Secret: {field} is no log-in of the cloud, and is not asked", _HINT)


def _host_of(url: str) -> str:
    """The host of an https address; empty where it is none, or says more than a host and a path."""
    try:
        found = urlsplit(url)
        is_plain = found.scheme == "https" and found.username is None and found.port in (None, 443)
    except ValueError:
        return ""
    return (found.hostname or "").rstrip(".") if is_plain else ""
