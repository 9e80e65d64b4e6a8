"""From what happens to names in the queue, and from a name to what comes after the work on it."""

import time
from collections.abc import Callable
from typing import Any

from controller.errors import NotLeading
from controller.runtime.metrics import Metrics
from controller.runtime.outcome import Outcome
from controller.runtime.queue import WorkQueue
from controller.sealed.observed import Key, SealedSecrets
from controller.sealed.reconcile import Reconciler
from controller.sealed.secrets import TRUST_SECONDS
from sealer.ring import KeyRing


class Dispatcher:
    """Feeds the queue and works on its names, on the replica that leads; on others the names are only passed over.

    So whoever begins to lead has to have a look at everything: `take_over`.
    """

    def __init__(
        self,
        queue: WorkQueue[Key],
        sealed: SealedSecrets,
        reconciler: Reconciler,
        *,
        leads: Callable[[], bool],
        metrics: Metrics,
    ) -> None:
        self._queue = queue
        self._sealed = sealed
        self._reconciler = reconciler
        self._leads = leads
        self._metrics = metrics

    def sealed_secret_event(self, kind: str | None, raw: dict[str, Any]) -> None:
        """Called on kopf's loop: remembers the object, queues its name, nothing else."""
        if kind == "DELETED":
            key = Key(raw["metadata"]["namespace"], raw["metadata"]["name"])
            self._sealed.drop(key)
            self._queue.add(key)
            return
        key, observed, is_new = self._sealed.put(raw)
        if is_new:
            self._queue.add(key, urgent=kind is not None or not observed.settled)

    def secret_changed(self, key: Key) -> None:
        """A Secret came, changed or went, and may be one of ours."""
        if self._sealed.get(key) is not None:
            self._queue.add(key)

    def keys_changed(self, ring: KeyRing) -> None:
        """What failed is tried again, and what lost its key is looked at."""
        for key in self._reconciler.touched_by(ring):
            self._queue.add(key)

    def take_over(self) -> None:
        """This replica leads now: what nobody has handled comes before what only has to be looked at."""
        names = self._sealed.keys()
        for key in names:
            observed = self._sealed.get(key)
            self._queue.add(key, urgent=observed is None or not observed.settled)

    def work(self, key: Key) -> None:
        """Work on one name, and see to it that it is looked at again when that makes sense."""
        if not self._leads():
            self._leave(key)
            return
        started = time.monotonic()
        try:
            outcome = self._reconciler.reconcile(key)
        except NotLeading:
            self._leave(key)
            return
        self._metrics.reconciled(time.monotonic() - started)
        self._look_again(key, outcome)

    def _look_again(self, key: Key, outcome: Outcome | None) -> None:
        if outcome is None or outcome.retry is None:
            self._queue.forget(key)
        elif outcome.retry == "backoff":
            self._queue.retry(key)
        else:
            self._queue.add_after(key, float(outcome.retry))
        if outcome is not None and outcome.changed:
            self._queue.add_after(key, TRUST_SECONDS + 1)  # by then the watch has repeated the write, or it is doubted

    def _leave(self, key: Key) -> None:
        """Leave a name to the replica that leads; when that is this one, all names come into the queue again."""
        self._queue.forget(key)
        if self._sealed.get(key) is None:
            self._reconciler.forget(key)
