"""Keys of Vault's transit engine, and of OpenBao's.

The address stands in the file that is decrypted, so who wrote it chooses where our token goes: addresses can be
limited (`SOPS_HC_VAULT_ALLOWLIST`), names cannot leave the engine's path, and redirections are not followed.
Source: getsops/sops 3.13.3 hcvault/keysource.go; Vault HTTP API, transit.
"""

import binascii
import threading
from collections.abc import Mapping
from typing import Any, Final

import requests
from hvac.exceptions import VaultError

from engine.errors import KsealError
from providers.base import WrappingKey
from providers.errors import Denied, Misconfigured, Unavailable, words
from providers.vault.client import ODD_ANSWERS, connect, is_path, translated

ALLOWLIST: Final = "SOPS_HC_VAULT_ALLOWLIST"
_LIMIT_BYTES: Final = 64 * 1024


class VaultTransit:
    """One client for each address, kept."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()

    def wrap(self, key: WrappingKey, data: bytes) -> str:
        """Raises: one of providers.errors."""
        text = binascii.b2a_base64(data, newline=False).decode()
        return self._field(key, "encrypt_data", "ciphertext", plaintext=text)

    def unwrap(self, key: WrappingKey) -> bytes:
        """Raises: one of providers.errors."""
        if len(key.enc) > _LIMIT_BYTES:
            raise Misconfigured(f"{_named(key)}: the wrapped key is longer than {_LIMIT_BYTES} bytes")
        text = self._field(key, "decrypt_data", "plaintext", ciphertext=key.enc)
        try:
            return binascii.a2b_base64(text.encode("ascii"), strict_mode=True)
        except (binascii.Error, UnicodeEncodeError):
            raise Unavailable(f"{_named(key)}: Vault answers with what is not base64") from None

    def _field(self, key: WrappingKey, method: str, field: str, **arguments: str) -> str:
        engine, name = key.text("engine_path"), key.text("key_name")
        if not (is_path(engine) and is_path(name) and "/" not in name):
            raise Misconfigured(f"{_named(key)}: no engine or no key in Vault is called like this")
        try:
            call = getattr(self._client(key).secrets.transit, method)
            answer = call(name=name, mount_point=engine, **arguments)
        except (VaultError, requests.RequestException, *ODD_ANSWERS) as error:
            raise _translated(key, error) from error
        inside = answer.get("data") if isinstance(answer, dict) else None
        value = inside.get(field) if isinstance(inside, dict) else None
        if not isinstance(value, str):
            raise Unavailable(f"{_named(key)}: Vault answers without {field}", "a redirection is not followed")
        return value

    def _client(self, key: WrappingKey) -> Any:
        address = key.text("vault_address")
        self._check_address(address, key)
        with self._lock:
            if address not in self._clients:
                self._clients[address] = connect(self._environ, address)
            return self._clients[address]

    def _check_address(self, address: str, key: WrappingKey) -> None:
        """Refuse an address that is none, or that is not on the list."""
        if not address.startswith(("https://", "http://")) or "@" in address:
            raise Misconfigured(f"{_named(key)}: not an address of a Vault server")
        listed = self._environ.get(ALLOWLIST) or "all"
        if listed == "all":
            return
        allowed = [] if listed == "none" else [f"{entry.strip().rstrip('/')}/" for entry in listed.split(",")]
        if not any(f"{address.rstrip('/')}/".startswith(entry) for entry in allowed if entry != "/"):
            raise Denied(f"{_named(key)}: this Vault server is not allowed", f"{ALLOWLIST} has the servers that are")


def _named(key: WrappingKey) -> str:
    return words(f"{key.text('vault_address')}/v1/{key.text('engine_path')}/keys/{key.text('key_name')}")


def _translated(key: WrappingKey, error: Exception) -> KsealError:
    return translated(_named(key), error, "it must be allowed to use this key")
