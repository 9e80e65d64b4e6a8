"""Keys of Vault's transit engine, and of OpenBao's.

The address stands in the file that is decrypted, so who wrote it chooses where our token goes: addresses can be
limited (`SOPS_HC_VAULT_ALLOWLIST`), names cannot leave the engine's path, and redirections are not followed.
Source: getsops/sops 3.13.3 hcvault/keysource.go; Vault HTTP API, transit.
"""

import binascii
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import hvac
import requests
from hvac.exceptions import Forbidden, InvalidPath, RateLimitExceeded, Unauthorized, VaultDown, VaultError

from engine.errors import KsealError
from providers import bounded
from providers.base import WrappingKey
from providers.errors import Denied, Misconfigured, NotFound, Throttled, Unavailable, words

ALLOWLIST: Final = "SOPS_HC_VAULT_ALLOWLIST"
_TIMEOUT_SECONDS: Final = 15
_LIMIT_BYTES: Final = 64 * 1024
_LIMIT_TOKEN: Final = 8 * 1024
_NAME: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-~")


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
        if not (_is_path(engine) and _is_path(name) and "/" not in name):
            raise Misconfigured(f"{_named(key)}: no engine or no key in Vault is called like this")
        try:
            call = getattr(self._client(key).secrets.transit, method)
            answer = call(name=name, mount_point=engine, **arguments)
        except (VaultError, requests.RequestException) as error:
            raise _translated(key, error) from error
        value = answer.get("data", {}).get(field) if isinstance(answer, dict) else None
        if not isinstance(value, str):
            raise Unavailable(f"{_named(key)}: Vault answers without {field}", "a redirection is not followed")
        return value

    def _client(self, key: WrappingKey) -> Any:
        address = key.text("vault_address")
        self._check_address(address, key)
        with self._lock:
            if address not in self._clients:
                session = bounded.session()
                session.verify, session.cert = self._verify(), self._certificate()
                self._clients[address] = hvac.Client(
                    url=address,
                    token=self._token(),
                    namespace=self._environ.get("VAULT_NAMESPACE") or None,
                    verify=session.verify,  # a session that does not verify would not count alone
                    timeout=_TIMEOUT_SECONDS,
                    allow_redirects=False,
                    session=session,
                )
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

    def _token(self) -> str:
        if token := self._environ.get("VAULT_TOKEN"):
            return token
        if not (home := self._environ.get("HOME")):
            return ""
        try:
            with Path(home, ".vault-token").open(encoding="ascii") as file:
                return file.read(_LIMIT_TOKEN).strip()
        except (OSError, UnicodeDecodeError):
            return ""

    def _verify(self) -> bool | str:
        if self._environ.get("VAULT_SKIP_VERIFY", "").lower() in ("1", "t", "true"):
            return False
        return self._environ.get("VAULT_CACERT") or self._environ.get("VAULT_CAPATH") or True

    def _certificate(self) -> tuple[str, str] | None:
        certificate, key = self._environ.get("VAULT_CLIENT_CERT"), self._environ.get("VAULT_CLIENT_KEY")
        return (certificate, key) if certificate and key else None


def _named(key: WrappingKey) -> str:
    return words(f"{key.text('vault_address')}/v1/{key.text('engine_path')}/keys/{key.text('key_name')}")


def _is_path(text: str) -> bool:
    """Names between slashes, none of which leads elsewhere, neither as `..` nor by a letter that ends a path."""
    parts = text.split("/")
    return all(part not in ("", ".", "..") and _NAME.issuperset(part) for part in parts)


def _translated(key: WrappingKey, error: Exception) -> KsealError:
    if isinstance(error, requests.RequestException):
        hint = "VAULT_CACERT names the certificate of the authority" if "SSL" in type(error).__name__ else None
        return Unavailable(f"{_named(key)}: Vault does not answer: {type(error).__name__}", hint)
    said = f"{_named(key)}: Vault says {words(str(error.args[0]))}"
    if isinstance(error, Unauthorized | Forbidden):
        return Denied(said, "VAULT_TOKEN, or ~/.vault-token, has the token; it must be allowed to use this key")
    if isinstance(error, InvalidPath):
        return NotFound(said)
    if isinstance(error, RateLimitExceeded):
        return Throttled(said)
    if isinstance(error, VaultDown) or (error.__class__.__name__ in ("InternalServerError", "BadGateway")):
        return Unavailable(said)
    return Misconfigured(said)
