"""How a conclusion becomes visible: condition, event, metric and log line, in one place."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from controller.errors import NotLeading
from controller.runtime.conditions import synced_status
from controller.runtime.events import EventRecorder
from controller.runtime.metrics import Metrics
from controller.runtime.outcome import Outcome, Phase, failed
from controller.sealed.observed import SEALED_SECRETS, Key, Observed, SealedSecrets
from engine.errors import KsealError
from engine.kube.client import Cluster
from engine.kube.errors import Conflict, NotFound


class Reporter:
    """Says what came of a reconcile; says nothing twice."""

    def __init__(
        self,
        cluster: Cluster,
        sealed: SealedSecrets,
        *,
        events: EventRecorder,
        metrics: Metrics,
        log: Any,
        now: Callable[[], datetime],
        update_status: bool,
    ) -> None:
        self._cluster = cluster
        self._sealed = sealed
        self._events = events
        self._metrics = metrics
        self._log = log
        self._now = now
        self._update_status = update_status

    def report(self, key: Key, observed: Observed, outcome: Outcome, *, is_news: bool) -> Outcome:
        """Tell; the outcome to act on is returned: a status that could not be written asks for another try.

        Raises: NotLeading.
        """
        raw = observed.object()
        self._metrics.observe(raw, outcome)
        if outcome.event is not None and is_news:
            self._events.record(raw, outcome.event)
        self._log_line(key, outcome, is_news=is_news)
        if not self._update_status:
            return outcome
        try:
            self._write_status(observed, outcome)
        except NotLeading:
            raise
        except KsealError as error:
            self._metrics.error(Phase.STATUS, key.namespace)
            self._log.warning("status not written", ref=str(key), error=error)
            return failed(error, Phase.STATUS)
        return outcome

    def forget(self, key: Key) -> None:
        """The object is gone: so are the series that name it."""
        self._metrics.forget(key.namespace, key.name)

    def _write_status(self, observed: Observed, outcome: Outcome) -> None:
        raw = observed.object()
        status = synced_status(raw.get("status"), outcome, observed.generation, self._now())
        if status is None:
            return
        try:
            answer = self._cluster.update_status(SEALED_SECRETS, {**raw, "status": status})
        except NotFound:
            return  # deleted meanwhile; its event is on the way
        except Conflict:
            answer = self._again(raw, outcome)
        self._sealed.refresh(answer)

    def _again(self, raw: dict[str, Any], outcome: Outcome) -> dict[str, Any]:
        """Somebody wrote to the object in between: our verdict still holds where its spec is the same one."""
        metadata = raw["metadata"]
        live = self._cluster.get(SEALED_SECRETS, metadata["namespace"], metadata["name"])
        if live["metadata"]["uid"] != metadata["uid"] or live["metadata"]["generation"] != metadata["generation"]:
            return live  # a new object to work on, and its event is on the way
        status = synced_status(live.get("status"), outcome, metadata["generation"], self._now())
        return live if status is None else self._cluster.update_status(SEALED_SECRETS, {**live, "status": status})

    def _log_line(self, key: Key, outcome: Outcome, *, is_news: bool) -> None:
        if outcome.ready:
            level = self._log.info if is_news else self._log.debug
            level("unsealed", ref=str(key), action=outcome.action)
        elif is_news:
            self._log.error("not unsealed", ref=str(key), cause=outcome.message, hint=outcome.hint)
