"""The Secrets of the cluster as records, kept by a watch and by the answers to our own writes."""

import threading
import time
from collections.abc import Callable
from typing import Final

from controller.runtime.versions import is_newer
from controller.sealed.observed import Key
from controller.settings import Watched
from controller.target import SecretRecord, record
from engine.errors import KsealError
from engine.kube.client import Cluster
from engine.kube.refs import SECRETS
from engine.kube.watch import Informer, Problem

TRUST_SECONDS: Final = 30.0
"""How long an answer to a write counts without the watch repeating it: a Secret that was written and deleted while the
watch was broken is in no later list, so nothing else would ever tell that it is gone."""


class SecretMemory:
    """What we last saw of each Secret. The answer to a write counts at once, before the watch repeats it.

    Without that, the status update that follows a write would find the Secret still missing and create it again.
    `is_complete`: the watch shows every Secret that there is, so what it does not show is not there.
    """

    def __init__(self, *, is_complete: bool = True, clock: Callable[[], float] = time.monotonic) -> None:
        self._is_complete = is_complete
        self._clock = clock
        self._lock = threading.Lock()
        self._written: dict[Key, tuple[SecretRecord, float]] = {}
        self._seen: dict[Key, SecretRecord] = {}
        self._gone: set[Key] = set()  # what the watch has shown and then taken back

    def get(self, key: Key) -> SecretRecord | None:
        """The newest state known; None when there is no such Secret."""
        with self._lock:
            written, at = self._written.get(key) or (None, 0.0)
            if written is not None and self._clock() - at < TRUST_SECONDS:
                return written
            self._written.pop(key, None)
            return self._seen.get(key)

    def knows(self, key: Key) -> bool:
        """Whether `get` tells the truth: None may also mean that the watch does not show this Secret."""
        with self._lock:
            return self._is_complete or key in self._seen or key in self._gone

    def wrote(self, key: Key, written: SecretRecord) -> None:
        """Remember the answer to a write until the watch has caught up with it."""
        with self._lock:
            self._gone.discard(key)
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
                self._gone.discard(key)
            elif not self._is_complete:
                self._gone.add(key)
            written, _ = self._written.get(key) or (None, 0.0)
            if written is not None and _overtaken(written, old, new):
                del self._written[key]
        return written is None or new != written


class SecretWatches:
    """Keeps `memory` up to date and then names each Secret that changed: one watch, or one for each namespace.

    Each Secret is reduced to its record as soon as it is decoded; no plaintext is kept.
    """

    def __init__(
        self,
        cluster: Cluster,
        watched: Watched,
        memory: SecretMemory,
        *,
        on_change: Callable[[Key], None],
        on_problem: Callable[[Problem], None],
    ) -> None:
        def changed(namespace: str, name: str, new: SecretRecord | None) -> None:
            key = Key(namespace, name)
            if memory.saw(key, new):
                on_change(key)

        places = (None,) if watched.namespaces is None else watched.namespaces
        self._informers = [
            Informer(
                cluster,
                SECRETS,
                decode=record,
                namespace=place,
                label_selector=watched.label_selector,
                on_change=changed,
                on_problem=on_problem,
            )
            for place in (places if watched.secrets else ())
        ]

    def start(self) -> None:
        """Begin to list and to watch; once only."""
        for informer in self._informers:
            informer.start()

    def stop(self) -> None:
        """End all of it."""
        for informer in self._informers:
            informer.stop()

    def wait_synced(self, timeout: float) -> bool:
        """Wait until every first list is complete; False when the time is over before."""
        deadline = time.monotonic() + timeout
        return all(informer.wait_synced(max(deadline - time.monotonic(), 0.0)) for informer in self._informers)

    @property
    def idle_seconds(self) -> float:
        """How long ago the API server spoke, in the watch where that is longest ago; 0 without a watch."""
        now = time.monotonic()
        return max((now - informer.last_activity for informer in self._informers), default=0.0)

    def trouble(self) -> str | None:
        """Why the records may be out of date; None when all is well. Of foreign errors only the type is told."""
        for informer in self._informers:
            if not informer.healthy:
                error = informer.last_error
                if error is None:
                    return "the Secrets are being listed"
                cause = error.message if isinstance(error, KsealError) else type(error).__name__
                return f"the watch of Secrets is interrupted: {cause}"
        return None


def _overtaken(written: SecretRecord, old: SecretRecord | None, new: SecretRecord | None) -> bool:
    """Has the watch reached our write? A deletion counts only when it is of the object that we wrote."""
    if new is None:
        return old is not None and old.uid == written.uid
    return not is_newer(written.resource_version, new.resource_version)
