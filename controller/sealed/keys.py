"""The registry of sealing keys: Secrets in the controller's own namespace, the newest seals, all open.

A watch of that one namespace keeps it: keys that are added, changed, relabelled or deleted count at once, on every
replica. No Secret of another namespace is ever taken for a key.
"""

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from controller.sealed import keysecrets
from controller.sealed.keysecrets import ACTIVE, IN_USE, LABEL, SELECTOR, KeySecret
from controller.sealed.wrappedkeys import Opener, Result
from controller.settings import Keys
from engine.errors import KsealError, NotReady
from engine.kube.client import Cluster
from engine.kube.errors import NotFound
from engine.kube.refs import SECRETS, ObjectRef
from engine.kube.watch import Informer, Problem
from sealer.keys import Fingerprint, SealingKey
from sealer.ring import KeyRing
from sealer.wrappedkey import WrappedKey
from sealer.wrapping import Wrapping

POLL_SECONDS: Final = 2.0
"""How soon a restored key backup is noticed while there is no key at all."""


class KeysNow(NamedTuple):
    """All keys at one moment. A change of any of them makes another one."""

    ring: KeyRing
    unreadable: int = 0
    """Key Secrets that are none."""
    unopened: tuple[str, ...] = ()
    """Names of Secrets with a wrapped key that nobody has opened yet."""


class KeyRegistry:
    """Hands out the ring that opens and the key that seals.

    `on_change` is called, in the thread of the watch or of the opener, after the ring has changed; `on_unreadable` once
    for each state of a key Secret that cannot be used; `on_unopened` when a wrapped key cannot be opened now.
    """

    def __init__(
        self,
        cluster: Cluster,
        namespace: str,
        settings: Keys,
        *,
        wrapping: Wrapping,
        now: Callable[[], datetime],
        on_change: Callable[[], None],
        on_unreadable: Callable[[str, KsealError], None],
        on_unopened: Callable[[str, KsealError], None],
        on_problem: Callable[[Problem], None],
    ) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._settings = settings
        self._now = now
        self._on_change = on_change
        self._on_unreadable = on_unreadable
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._present: dict[str, KeySecret] = {}
        self._keys: KeysNow | None = None
        self._opener = Opener(
            wrapping,
            on_result=self._opened,
            on_trouble=lambda wrapped, error: on_unopened(self._ref(wrapped.name), error),
        )
        self._watch: Informer[KeySecret] = Informer(
            cluster,
            SECRETS,
            decode=lambda secret: keysecrets.read(secret, settings),
            namespace=namespace,
            label_selector=SELECTOR,
            on_change=lambda _, name, found: self._saw(name, found),
            on_problem=on_problem,
        )

    @property
    def ring(self) -> KeyRing:
        """The keys at hand. Raises: NotReady while there are none."""
        keys = self._keys
        if keys is None or not len(keys.ring):
            raise NotReady("no key to unseal or seal with has been loaded", retry_after=POLL_SECONDS)
        return keys.ring

    @property
    def newest(self) -> SealingKey:
        """The key that seals: the newest whose certificate is valid already, so that no date makes a key the newest
        for years. Raises: NotReady where there is none."""
        found = self.newest_or_none()
        if found is None:
            raise NotReady("no key to seal with: each certificate begins in the future", retry_after=POLL_SECONDS)
        return found

    def newest_or_none(self) -> SealingKey | None:
        """The same, None where there is none. Raises: NotReady while there is no key at all."""
        now = self._now()
        return next((key for key in self.ring if key.certificate and key.certificate.not_before <= now), None)

    def certificate(self) -> bytes:
        """PEM of the newest certificate, as `/v1/cert.pem` serves it. Raises: NotReady."""
        return keysecrets.certificate_pem(self.newest)

    def counts(self) -> Mapping[str, int]:
        """How many key Secrets there are, by `active`, `unreadable`, and `unopened` for wrapped ones."""
        keys = self._keys or KeysNow(KeyRing())
        return {"active": len(keys.ring), "unreadable": keys.unreadable, "unopened": len(keys.unopened)}

    def unopened(self) -> NotReady | None:
        """A wrapped key that waits to be opened, and why; None where there is none. What it opens is not lost, and it
        may be the newest, so that nothing is to be begun without it."""
        keys = self._keys
        if keys is None or not keys.unopened:
            return None
        name = keys.unopened[0]
        trouble = self._opener.trouble_with(name) or NotReady("the key is wrapped, and is being opened")
        return NotReady(f"{self._ref(name)}: {trouble.message}", trouble.hint, retry_after=POLL_SECONDS)

    def start(self) -> None:
        """Begin to watch; once only. The key of the layout before 0.9, which has no label, is read at the start only.

        Raises: ApiError.
        """
        with suppress(NotFound):  # most clusters never had it
            self.add(self._cluster.get(SECRETS, self._namespace, self._settings.prefix))
        self._opener.start()
        self._watch.start()

    def wait_loaded(self, timeout: float) -> bool:
        """Wait until the keys that there are have been read; False when the time is over before."""
        if not self._watch.wait_synced(timeout):
            return False
        if self._keys is None:
            self._rebuild()
        return True

    def trouble(self) -> str | None:
        """Why the keys have not been read; None when all is well."""
        error = self._watch.last_error
        return error.message if isinstance(error, KsealError) else type(error).__name__ if error else None

    def add(self, secret: dict[str, Any], key: SealingKey | None = None) -> None:
        """Take in a key Secret before the watch tells of it: our own newest one, or one without a label.

        `key` is what a wrapped one holds, where that is known."""
        metadata = secret["metadata"]
        if metadata.get("labels", {}).get(LABEL, ACTIVE) in IN_USE:  # else it has been retired
            found = keysecrets.read(secret, self._settings)
            if found.wrapped is not None and key is not None:
                self._opener.remember(found.wrapped, key)
            self._saw(metadata["name"], found)

    def wait_for(self, fingerprint: Fingerprint, timeout: float) -> bool:
        """Wait until this key is in the ring."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while self._keys is None or fingerprint not in self._keys.ring:
                if not self._changed.wait(max(deadline - time.monotonic(), 0.0)) and time.monotonic() >= deadline:
                    return False
        return True

    def stop(self) -> None:
        """End the watch."""
        self._watch.stop()
        self._opener.stop()

    def _saw(self, name: str, found: KeySecret | None) -> None:
        with self._lock:
            if found is None or found.wrapped is None:
                self._opener.forget(name)
            else:
                found = self._looked_up(found, found.wrapped, self._present.get(name))
            if found is None:
                self._present.pop(name, None)
            else:
                self._present[name] = found
        if found is not None and found.error is not None:
            self._on_unreadable(self._ref(name), found.error)
        if self._keys is not None:
            self._rebuild()

    def _looked_up(self, found: KeySecret, wrapped: WrappedKey, before: KeySecret | None) -> KeySecret:
        """A wrapped key as far as it is known. One that was wrapped while we had it goes on working meanwhile."""
        result = self._opener.result(wrapped)
        if result is not None:
            return keysecrets.opened(found, result, self._settings)
        key = before.key if before is not None else None
        is_same = key is not None and key.private_key.public_key().public_numbers().n == wrapped.certificate.modulus
        return found._replace(key=key) if is_same else found

    def _opened(self, wrapped: WrappedKey, result: Result) -> None:
        with self._lock:
            present = self._present.get(wrapped.name)
            if present is None or present.wrapped is None or present.wrapped.digest != wrapped.digest:
                return  # the Secret has changed since
            found = keysecrets.opened(present, result, self._settings)
            self._present[wrapped.name] = found
        if found.error is not None:
            self._on_unreadable(self._ref(wrapped.name), found.error)
        if self._keys is not None:
            self._rebuild()

    def _ref(self, name: str) -> str:
        return str(ObjectRef("", "Secret", self._namespace, name))

    def _rebuild(self) -> None:
        with self._changed:
            found = sorted(self._present.items(), key=lambda item: (item[1].created, item[0]))
            ring = KeyRing(secret.key for _, secret in found if secret.key is not None)
            before = self._keys
            unopened = tuple(name for name, secret in found if secret.key is None and secret.wrapped is not None)
            self._keys = KeysNow(ring, sum(secret.error is not None for _, secret in found), unopened)
            if before is not None and _content(before.ring) == _content(ring):
                self._keys = self._keys._replace(ring=before.ring)
                if before.unopened == unopened:
                    return
            self._changed.notify_all()
        if before is not None:
            self._on_change()


def _content(ring: KeyRing) -> list[tuple[object, ...]]:
    return [(key.fingerprint, key.ordered_at, keysecrets.certificate_pem(key)) for key in ring]


def utc_now() -> datetime:
    """The clock of the process."""
    return datetime.now(UTC)
