"""Which servers of Vault get to see a token, where files of others are opened many at a time.

A file names the server that unwraps its data key, and the token goes there. Over whole trees nobody looks at each file
first, so only servers count that its creation rule names. SOPS_HC_VAULT_ALLOWLIST, where it is set, decides instead.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from engine.errors import KsealError
from sealer.sops.groups import Services
from sealer.sops.operations import Keys
from sealer.sops.recipients.around import Around
from sealer.sops.recipients.base import KeyService, MasterKey

if TYPE_CHECKING:
    from sealer.sops.config import Rule

ALLOWLIST: Final = "SOPS_HC_VAULT_ALLOWLIST"
_KIND: Final = "hc_vault"


def limited(keys: Keys, rule: "Rule | None", environ: Mapping[str, str]) -> Keys:
    """The same keys, for a file under this rule. Wrapping is for keys that somebody chose, and stays as it is."""
    if environ.get(ALLOWLIST):
        return keys
    groups = rule.groups if rule else []
    servers = {_server(key) for group in groups for key in group if key.kind == _KIND}
    return Keys(_Limited(keys.services, frozenset(servers)), keys.order)


def limited_by(keys: Keys, find: Callable[[], "Rule | None"], environ: Mapping[str, str]) -> Keys:
    """The same for the rule that is found; one that cannot be found, or not be read, names no server."""
    rule = None
    if not environ.get(ALLOWLIST):
        with suppress(KsealError):  # told where the rule itself is needed
            rule = find()
    return limited(keys, rule, environ)


class _Limited(Around):
    def __init__(self, services: Services, servers: frozenset[str]) -> None:
        super().__init__(services)
        self._servers = servers

    def __getitem__(self, kind: str) -> KeyService:
        service = self._inside[kind]
        return _LimitedVault(service, self._servers) if kind == _KIND else service


class _LimitedVault:
    def __init__(self, service: KeyService, servers: frozenset[str]) -> None:
        self._service = service
        self._servers = servers

    def wrap(self, key: MasterKey, data: bytes) -> str:
        return self._service.wrap(key, data)

    def unwrap(self, key: MasterKey) -> bytes:
        if _server(key) not in self._servers:
            raise KsealError(
                "its rule in .sops.yaml does not name this server, which therefore gets no token",
                f"{ALLOWLIST} names servers that may, by comma",
            )
        return self._service.unwrap(key)


def _server(key: MasterKey) -> str:
    return key.text("vault_address").rstrip("/")
