"""The registry of sealing keys: Secrets in the controller's own namespace, the newest seals, all open.

A key pair is a Secret of type kubernetes.io/tls with the label below. Keys are trusted from one namespace only.
"""

import base64
import binascii
import hashlib
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

from controller.sealed.observed import SEALED_SECRETS
from controller.settings import FirstKey, Keys
from engine.errors import KsealError, NotReady
from engine.kube.client import Cluster
from engine.kube.errors import AlreadyExists, NotFound
from engine.kube.refs import SECRETS, ObjectRef
from sealer.errors import CertificateError, PrivateKeyError
from sealer.keys import SealingKey, generate, load
from sealer.ring import KeyRing

LABEL: Final = "sealedsecrets.bitnami.com/sealed-secrets-key"
ACTIVE: Final = "active"
POLL_SECONDS: Final = 5.0
"""How soon a restored key backup is noticed while there is no key at all."""


class KeyRegistry:
    """Reads the keys, makes the first one where that is right, and hands out the ring that opens and seals.

    `watched` is the namespace whose SealedSecrets the controller works on, None for all of them.
    """

    def __init__(
        self,
        cluster: Cluster,
        namespace: str,
        settings: Keys,
        *,
        watched: str | None,
        now: Callable[[], datetime],
        on_unreadable: Callable[[str, KsealError], None],
    ) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._settings = settings
        self._watched = watched
        self._now = now
        self._on_unreadable = on_unreadable
        self._lock = threading.Lock()
        self._ring: KeyRing | None = None

    @property
    def ring(self) -> KeyRing:
        """The keys at hand. Raises: NotReady while there are none."""
        with self._lock:
            if self._ring is None:
                raise NotReady("no key to unseal or seal with has been loaded", retry_after=POLL_SECONDS)
            return self._ring

    def certificate(self) -> bytes:
        """PEM of the newest certificate, as `/v1/cert.pem` serves it. Raises: NotReady."""
        return _pem(self.ring.newest)

    def ensure(self) -> KeyRing:
        """Read all keys; make the first one where there is none and the settings allow it.

        Raises: NotReady with the cure where a person has to decide; ApiError.
        """
        keys = self._read()
        if not keys:
            self._check_first_key_allowed()
            keys = self._create_first()
        ring = KeyRing(keys)
        with self._lock:
            self._ring = ring
        return ring

    def _check_first_key_allowed(self) -> None:
        policy = self._settings.first_key
        if policy is FirstKey.ALWAYS:
            return
        if policy is FirstKey.NEVER:
            raise NotReady(
                f"no sealing key in namespace {self._namespace}, and --first-key=never forbids to make one",
                f"create a kubernetes.io/tls Secret there with the label {LABEL}={ACTIVE}",
                retry_after=POLL_SECONDS,
            )
        if next(iter(self._cluster.list(SEALED_SECRETS, self._watched, limit=1)), None) is not None:
            raise NotReady(
                f"SealedSecrets exist, but no sealing key in namespace {self._namespace};"
                " a new key would open none of them",
                f"restore the key Secrets (label {LABEL}={ACTIVE}) from their backup;"
                " to start over with a new key, run the controller with --first-key=always",
                retry_after=POLL_SECONDS,
            )

    def _read(self) -> list[SealingKey]:
        secrets = list(
            self._cluster.list(SECRETS, self._namespace, label_selector=f"{LABEL}={ACTIVE}"),
        )
        names = {secret["metadata"]["name"] for secret in secrets}
        if self._settings.prefix not in names:
            with suppress(NotFound):  # the layout before 0.9, which most clusters never had
                secrets.append(self._cluster.get(SECRETS, self._namespace, self._settings.prefix))
        keys = []
        for secret in sorted(secrets, key=lambda secret: str(secret["metadata"].get("creationTimestamp", ""))):
            try:
                keys.append(self._parse(secret))
            except (PrivateKeyError, CertificateError) as error:
                self._on_unreadable(str(ObjectRef("", "Secret", self._namespace, secret["metadata"]["name"])), error)
        return keys

    def _parse(self, secret: dict[str, Any]) -> SealingKey:
        data = secret.get("data") or {}
        created = datetime.fromisoformat(secret["metadata"]["creationTimestamp"])
        try:
            key_pem, certificate_pem = (base64.b64decode(data[item], validate=True) for item in ("tls.key", "tls.crt"))
        except KeyError as error:
            raise PrivateKeyError(f"there is no item {error} in it") from None
        except binascii.Error:
            raise PrivateKeyError("its items are not base64") from None
        return load(key_pem, certificate_pem, ordered_at=created if self._settings.order_by_creation else None)

    def _create_first(self) -> list[SealingKey]:
        """Make the first key under a name that two racing or restarted controllers both choose.

        A second creation is then a conflict, not a second key. A retired key may hold the name: the next one is tried.
        """
        key = generate(
            self._settings.size, ttl=self._settings.ttl, common_name=self._settings.common_name, now=self._now()
        )
        for attempt in range(100):
            try:
                self._cluster.create(SECRETS, self._secret(key, _suffix(self._namespace, attempt)))
            except AlreadyExists:
                if keys := self._read():
                    return keys
            else:
                return self._read()
        raise NotReady(
            f"Secrets {self._settings.prefix}* fill namespace {self._namespace}, and none of them is an active key",
            f"label one of them {LABEL}={ACTIVE}, or choose another --key-prefix",
        )

    def _secret(self, key: SealingKey, suffix: str) -> dict[str, Any]:
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": self._settings.prefix + suffix,
                "generateName": self._settings.prefix,
                "namespace": self._namespace,
                "labels": {LABEL: ACTIVE},
            },
            "type": "kubernetes.io/tls",
            "data": {
                "tls.crt": base64.b64encode(_pem(key)).decode(),
                "tls.key": base64.b64encode(key.private_pem().reveal()).decode(),
            },
        }


def _pem(key: SealingKey) -> bytes:
    if key.certificate is None:
        raise PrivateKeyError("a sealing key of the registry has a certificate")
    return key.certificate.pem


def _suffix(namespace: str, attempt: int) -> str:
    """Five characters that look like the API server's, from names that never change."""
    digest = hashlib.sha256(f"{namespace}/{attempt}".encode()).digest()
    return base64.b32encode(digest)[:5].decode().lower()


def utc_now() -> datetime:
    """The clock of the process."""
    return datetime.now(UTC)
