"""The Secrets of the cluster as records, kept by a watch and by the answers to our own writes."""

import threading
import time
from collections.abc import Callable
from typing import Final

from controller.sealed.observed import Key, is_newer
from controller.target import SecretRecord, record
from engine.kube.client import Cluster
from engine.kube.refs import SECRETS
from engine.kube.watch import Informer, Problem

TRUST_SECONDS: Final = 30.0
"""How long an answer to a write counts without the watch repeating it: a Secret that was written and deleted while the
watch was broken is in no later list, so nothing else would ever tell that it is gone."""


class SecretMemory:
    """What we last saw of each Secret. The answer to a write counts at once, before the watch repeats it.

    Without that, the status update that follows a write would find the Secret still missing and create it again.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._written: dict[Key, tuple[SecretRecord, float]] = {}
        self._seen: dict[Key, SecretRecord] = {}

    def get(self, key: Key) -> SecretRecord | None:
        """The newest state known; None when there is no such Secret."""
        with self._lock:
            written, at = self._written.get(key) or (None, 0.0)
            if written is not None and self._clock() - at < TRUST_SECONDS:
                return written
            self._written.pop(key, None)
            return self._seen.get(key)

    def wrote(self, key: Key, written: SecretRecord) -> None:
        """Remember the answer to a write until the watch has caught up with it."""
        with self._lock:
            seen = self._seen.get(key)
            if seen is None or seen.uid != written.uid or is_newer(written.resource_version, seen.resource_version):
                self._written[key] = written, self._clock()

    def forget_write(self, key: Key) -> None:
        """Trust only the watch again: a request has shown that the remembered write is no longer the truth."""
        with self._lock:
            self._written.pop(key, None)

    def saw(self, key: Key, new: SecretRecord | None) -> bool:
        """Take in what the watch says; None is a deletion. False when it only repeats what we wrote."""
        with self._lock:
            old = self._seen.pop(key, None)
            if new is not None:
                self._seen[key] = new
            written, _ = self._written.get(key) or (None, 0.0)
            if written is not None and _overtaken(written, old, new):
                del self._written[key]
        return written is None or new != written


def watch_secrets(
    cluster: Cluster,
    namespace: str | None,
    memory: SecretMemory,
    *,
    on_change: Callable[[Key], None],
    on_problem: Callable[[Problem], None],
) -> Informer[SecretRecord]:
    """An informer, not started yet, that keeps `memory` up to date and then names each Secret that changed.

    Each Secret is reduced to its record as soon as it is decoded; no plaintext is kept.
    """

    def changed(namespace: str, name: str, new: SecretRecord | None) -> None:
        key = Key(namespace, name)
        if memory.saw(key, new):
            on_change(key)

    return Informer(cluster, SECRETS, decode=record, namespace=namespace, on_change=changed, on_problem=on_problem)


def _overtaken(written: SecretRecord, old: SecretRecord | None, new: SecretRecord | None) -> bool:
    """Has the watch reached our write? A deletion counts only when it is of the object that we wrote."""
    if new is None:
        return old is not None and old.uid == written.uid
    return not is_newer(written.resource_version, new.resource_version)
