"""Other clusters that Kustomizations deliver to, by kubeconfigs that their owners keep in Secrets.

A kubeconfig is a stranger's: it names no file and starts no program here, and where its address leads is asked of the
guard each time, and pinned. Source: flux.md section 4.9; fluxcd/pkg runtime/client/impersonation.go.
"""

import binascii
import hashlib
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from controller.flux.names import Name
from controller.settings import Flux
from engine.errors import KsealError
from engine.kube.client import Cluster
from engine.kube.config import Connection, of_stranger
from engine.kube.discovery import Discovery
from engine.kube.errors import NotFound
from engine.kube.impersonate import Impersonate
from engine.kube.refs import SECRETS
from engine.observer import Observer
from engine.source.guard import Guard

_KEYS: Final = ("value", "value.yaml")
"""Items of a Secret that are looked at where the reference names none."""
_HTTPS_PORT: Final = 443


class Elsewhere(NamedTuple):
    """A connection, and what tells it from others."""

    connection: Connection
    looking: Connection
    """The same as whoever the kubeconfig is of, for watches: of all objects of a kind only names, versions and health
    are kept, and who may not see an object is asked before anything is told of it."""
    key: bytes

    @property
    def is_guest(self) -> bool:
        """Whether deliveries act as somebody else than the watches."""
        return self.connection is not self.looking


class Remote:
    """Reads the Secrets as the controller itself: a Kustomization names one of its own namespace only."""

    def __init__(
        self,
        cluster: Cluster,
        guard: Guard,
        settings: Flux,
        *,
        observer: Callable[[Cluster, Discovery], Observer],
    ) -> None:
        """`observer` makes the watches of a cluster."""
        self._cluster = cluster
        self._guard = guard
        self._settings = settings
        self.observer = observer

    def connection(self, name: Name, reference: Mapping[str, Any], user: str) -> Elsewhere:
        """The connection that a `spec.kubeConfig` asks for, acting as `user` where one is given. Raises: KsealError."""
        named = reference.get("secretRef") or {}
        if not named.get("name"):
            raise KsealError(
                "spec.kubeConfig.configMapRef is not supported by kseal",
                "put a kubeconfig into a Secret and name it by spec.kubeConfig.secretRef",
            )
        called = f"Secret/{name.namespace}/{named['name']}"
        data = self._data(called, name.namespace, named["name"], named.get("key") or "")
        looking = self._pinned(self._read(data, called, None))
        pinned = looking
        if user:
            pinned = replace(looking, credentials=self._read(data, called, Impersonate(user)).credentials)
        text = b"\0".join((data, pinned.server.encode(), user.encode()))
        return Elsewhere(pinned, looking, hashlib.blake2b(text, digest_size=32).digest())

    def _read(self, data: bytes, called: str, impersonate: Impersonate | None) -> Connection:
        return of_stranger(
            data,
            called,
            impersonate=impersonate,
            allows_programs=self._settings.insecure_exec,
            allows_insecure=self._settings.insecure_tls,
        )

    def _data(self, called: str, namespace: str, secret: str, key: str) -> bytes:
        try:
            items = self._cluster.get(SECRETS, namespace, secret).get("data") or {}
        except NotFound as error:
            raise KsealError(f"{called} not found", "make it in the namespace of the Kustomization") from error
        found = next((items[item] for item in ([key] if key else _KEYS) if items.get(item)), None)
        if found is None:
            raise KsealError(f"{called} has no kubeconfig", f"put it there as {key or ' or '.join(_KEYS)}")
        try:
            return b64decode(found, validate=True)
        except (binascii.Error, ValueError):
            raise KsealError(f"{called}: an item is no base64") from None

    def _pinned(self, connection: Connection) -> Connection:
        """The same at the address that was checked, so that no later answer of a name server leads elsewhere."""
        if connection.proxy_url is not None:
            raise KsealError("a kubeconfig with a proxy is not supported", "leave proxy-url out")
        url = urlsplit(connection.server)
        host = url.hostname or ""
        found = self._guard.resolve(host, url.port or _HTTPS_PORT)
        address = f"[{found.address}]" if ":" in found.address else found.address
        return replace(
            connection,
            server=f"https://{address}:{found.port}{url.path}",
            tls_server_name=connection.tls_server_name or host,
        )
