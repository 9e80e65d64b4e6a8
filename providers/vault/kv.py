"""Secrets of Vault's key-value engine, and of OpenBao's: where values are published to.

Source: getsops/sops 3.13.3 publish/vault.go; Vault HTTP API, kv versions 1 and 2.
"""

from collections.abc import Mapping
from typing import Any

import requests
from hvac.exceptions import VaultError

from providers.errors import Misconfigured, words
from providers.vault.client import ODD_ANSWERS, connect, is_path, refuse_redirection, translated

_USUAL_ADDRESS = "https://127.0.0.1:8200"


class VaultSecrets:
    """Takes plain values; each name is a secret."""

    takes_values = True

    def __init__(self, environ: Mapping[str, str], fields: Mapping[str, str]) -> None:
        """`fields` are those of a destination rule. Raises: Misconfigured."""
        self._address = fields.get("vault_address") or environ.get("VAULT_ADDR") or _USUAL_ADDRESS
        self._mount = (fields.get("vault_kv_mount_name") or "secret").strip("/")
        self._folder = fields.get("vault_path", "").strip("/")
        self._version = 1 if fields.get("vault_kv_version") == "1" else 2
        if not self._address.startswith(("https://", "http://")) or "@" in self._address:
            raise Misconfigured(f"{words(self._address)}: not an address of a Vault server")
        self._client = connect(environ, self._address)

    def place(self, name: str) -> str:
        """Where a name goes, as a person sees it."""
        return f"{self._address}/v1/{self._path(name)}"

    def put(self, name: str, content: bytes | Mapping[str, Any]) -> bool:
        """Write the values of one secret; False when they are there already. Raises: one of providers.errors."""
        path = self._path(name)
        if not is_path(path):
            raise Misconfigured(f"{words(path)}: no secret in Vault is called like this")
        values = dict(content) if isinstance(content, Mapping) else {}
        where = words(self.place(name))
        try:
            found = self._client.read(path)
            refuse_redirection(where, found)
            if self._known(found) == values:
                return False
            made = self._client.write_data(path, data=values if self._version == 1 else {"data": values})
        except (VaultError, requests.RequestException, *ODD_ANSWERS) as error:
            raise translated(where, error, "it must be allowed to write there") from error
        refuse_redirection(where, made)
        return True

    def _known(self, answer: object) -> object:
        """The values that a secret has; None where the answer has none."""
        for _ in range(self._version):  # version 2 wraps them once more
            answer = answer.get("data") if isinstance(answer, dict) else None
        return answer

    def _path(self, name: str) -> str:
        inside = "data/" if self._version == 2 else ""
        return f"{self._mount}/{inside}{self._folder}/{name}"
