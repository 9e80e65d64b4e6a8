"""One SealedSecret brought to its Secret: look at the world, open the values, write, and say what came of it.

The queue hands over a name. What was concluded about it last is kept in memory; when nothing that decided it has moved
(the SealedSecret, the keys, the Secret), the conclusion stands and costs neither an RSA operation nor a request.
"""

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple

from controller.errors import NotLeading, NotOurs
from controller.runtime.outcome import Event, Outcome, Phase, failed
from controller.sealed.keys import KeyRegistry
from controller.sealed.observed import SEALED_SECRETS, Key, Observed, SealedSecrets, is_synced
from controller.sealed.report import Reporter
from controller.sealed.secrets import SecretMemory
from controller.sealed.unsealing import desired_secret, protected_label
from controller.settings import Settings
from controller.target import SecretRecord, Written, content_digest, remove, write
from engine.errors import KsealError
from engine.kube.client import Cluster
from engine.kube.errors import NotFound
from engine.kube.refs import SECRETS
from sealer.encoding import decode
from sealer.keys import Fingerprint
from sealer.ring import KeyRing
from sealer.sealedsecret import LiveValue

UNSEALED: Final = Event("Normal", "Unsealed", "SealedSecret unsealed successfully")
UNSEEN_SECONDS: Final = 300.0
"""How often an obstacle is looked at again that no watch shows."""


class Conclusion(NamedTuple):
    """What was concluded, and everything that it was concluded from."""

    outcome: Outcome
    uid: str
    """Of the SealedSecret."""
    inputs: bytes
    ring: KeyRing
    secret: SecretRecord | None
    """The Secret as it was after the pass."""
    fingerprints: Mapping[str, Fingerprint]
    """The key that opened each item: it is tried first when the item must be opened again."""
    written_from: bytes | None
    """`inputs` of the pass after which the Secret was last known to be right."""


class Reconciler:
    """Turns names of SealedSecrets into Secrets. The queue sees to it that a name is in one thread at a time."""

    def __init__(
        self,
        cluster: Cluster,
        *,
        settings: Settings,
        keys: KeyRegistry,
        sealed: SealedSecrets,
        secrets: SecretMemory,
        reporter: Reporter,
    ) -> None:
        self._cluster = cluster
        self._settings = settings
        self._keys = keys
        self._sealed = sealed
        self._secrets = secrets
        self._reporter = reporter
        self._lock = threading.Lock()
        self._conclusions: dict[Key, Conclusion] = {}

    def reconcile(self, key: Key) -> Outcome | None:
        """Bring one SealedSecret to its Secret and report; None when there is no such object any more.

        Raises: NotLeading when another replica has to do it.
        """
        observed = self._sealed.get(key)
        if observed is None:
            return self._clean_up(key)
        last = self._last(key)
        try:
            conclusion = self._conclude(key, observed, last)
        except NotLeading:
            raise
        except KsealError as error:  # the key ring is not there yet, so there is nothing to remember
            outcome = failed(error, Phase.FETCH)
        else:
            outcome = conclusion.outcome
            with self._lock:
                self._conclusions[key] = conclusion
        return self._reporter.report(key, observed, outcome, is_news=_is_news(outcome, last))

    def _last(self, key: Key) -> Conclusion | None:
        with self._lock:
            return self._conclusions.get(key)

    def forget(self, key: Key) -> None:
        """The SealedSecret is gone; its Secret goes by its owner reference."""
        with self._lock:
            self._conclusions.pop(key, None)
        self._reporter.forget(key)

    def touched_by(self, ring: KeyRing) -> list[Key]:
        """What a change of keys to this ring has to be looked at for: what failed, and what lost its key."""
        with self._lock:
            return [key for key, last in self._conclusions.items() if not _holds_with(last, ring)]

    def key_use(self) -> Mapping[str, int]:
        """How many SealedSecrets each key has opened something of, by fingerprint; of those that were looked at."""
        used: Counter[str] = Counter()
        with self._lock:
            conclusions = list(self._conclusions.values())
        for conclusion in conclusions:
            used.update(set(conclusion.fingerprints.values()))
        return used

    def _clean_up(self, key: Key) -> Outcome | None:
        """The SealedSecret is gone: forget it, and where that is asked for delete what was made for it."""
        last = self._last(key)
        if self._settings.unsealing.delete_secrets and last is not None and last.secret is not None:
            try:
                if self._is_deleted(key, last.uid):
                    remove(self._cluster, *key, owner_uid=last.uid)
            except NotLeading:
                raise
            except KsealError as error:
                return failed(error, Phase.UPDATE)
        self.forget(key)
        return None

    def _is_deleted(self, key: Key, uid: str) -> bool:
        """Whether the object is really gone: one that no longer has the labels that we watch looks the same."""
        try:
            live = self._cluster.get(SEALED_SECRETS, *key)
        except NotFound:
            return True
        return bool(live["metadata"]["uid"] != uid)

    def _conclude(self, key: Key, observed: Observed, last: Conclusion | None) -> Conclusion:
        ring = self._keys.ring
        secret = self._secrets.get(key)
        if last and last.inputs == observed.inputs and _holds_with(last, ring) and self._still_true(key, last, secret):
            return last._replace(outcome=last.outcome.unchanged(), ring=ring)
        hints = last.fingerprints if last else {}
        written_from = last.written_from if last else observed.inputs if is_synced(observed) else None
        live_value = self._live_value(key) if written_from == observed.inputs else None

        def concluded(outcome: Outcome, secret: SecretRecord | None, written_from: bytes | None) -> Conclusion:
            return Conclusion(outcome, observed.uid, observed.inputs, ring, secret, hints, written_from)

        try:
            desired, hints, without_reference = desired_secret(
                observed.object(), ring, self._settings, hints, live_value=live_value
            )
        except KsealError as error:
            return concluded(failed(error, Phase.UNSEAL), secret, written_from)
        try:
            written = self._write(key, observed, desired, secret, without_reference=without_reference)
        except NotLeading:
            raise
        except KsealError as error:
            self._secrets.forget_write(key)
            phase = Phase.UNMANAGED if isinstance(error, NotOurs) else Phase.UPDATE
            outcome = failed(error, phase)
            if outcome.retry is None and not self._settings.watched.sees_every_secret:
                outcome = replace(outcome, retry=UNSEEN_SECONDS)
            return concluded(outcome, self._secrets.get(key), written_from)
        self._secrets.wrote(key, written.record)
        outcome = Outcome(ready=True, action=written.action, event=UNSEALED)
        return concluded(outcome, written.record, observed.inputs)

    def _still_true(self, key: Key, last: Conclusion, secret: SecretRecord | None) -> bool:
        """Does what was concluded before hold for the Secret as it is now?"""
        if last.outcome.retry is not None:
            return False
        if secret is None and not self._secrets.knows(key):
            return True  # nobody has told that it changed
        if not last.outcome.ready:
            return secret == last.secret
        if secret is None or last.secret is None:
            return False
        if not self._settings.unsealing.repair_drift:
            return True
        return secret.digest == last.secret.digest

    def _live_value(self, key: Key) -> LiveValue:
        """What the Secret holds now, for keys that are not to be made anew; it is read when that is first asked."""
        live: list[dict[str, str]] = []

        def value(item: str) -> bytes | None:
            if not live:
                try:
                    found = self._cluster.get(SECRETS, key.namespace, key.name)
                except NotFound:
                    found = {}
                live.append(found.get("data") or {})
            text = live[0].get(item)
            return None if text is None else decode(text)

        return value

    def _write(
        self,
        key: Key,
        observed: Observed,
        desired: dict[str, Any],
        secret: SecretRecord | None,
        *,
        without_reference: bool,
    ) -> Written:
        if (
            secret is not None
            and secret.belongs_to(observed.uid, without_reference=without_reference)
            and secret.digest == content_digest(desired)
        ):
            return Written("unchanged", secret)
        return write(
            self._cluster,
            desired,
            owner_uid=observed.uid,
            exists=secret is not None or not self._secrets.knows(key),
            without_reference=without_reference,
            protected_label=protected_label(key.namespace, self._settings),
        )


def _holds_with(last: Conclusion, ring: KeyRing) -> bool:
    """Would these keys lead to the same conclusion? Not certainly when it failed, and not when a key is missing."""
    if last.ring is ring:
        return True
    return last.outcome.ready and all(fingerprint in ring for fingerprint in last.fingerprints.values())


def _is_news(outcome: Outcome, last: Conclusion | None) -> bool:
    """Is there something to tell a person: a write, a new failure, or the end of one?"""
    if last is None:
        return outcome.changed or not outcome.ready
    return outcome.changed or (outcome.ready, outcome.message) != (last.outcome.ready, last.outcome.message)
