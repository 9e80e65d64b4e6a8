"""One SealedSecret brought to its Secret: look at the world, open the values, write, and say what came of it.

The queue hands over a name. What was concluded about it last is kept in memory; when nothing that decided it has moved
(the SealedSecret, the keys, the Secret), the conclusion stands and costs neither an RSA operation nor a request.
"""

import threading
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from controller.errors import NotOurs
from controller.runtime.outcome import Event, Outcome, Phase, failed
from controller.sealed.keys import LABEL, KeyRegistry
from controller.sealed.observed import Key, Observed, SealedSecrets
from controller.sealed.report import Reporter
from controller.sealed.secrets import SecretMemory
from controller.settings import Settings
from controller.target import SecretRecord, Written, content_digest, write
from engine.errors import KsealError, Stalled
from engine.kube.client import Cluster
from sealer.keys import Fingerprint
from sealer.ring import KeyRing
from sealer.sealedsecret import parse, unseal_secret

UNSEALED: Final = Event("Normal", "Unsealed", "SealedSecret unsealed successfully")


class Conclusion(NamedTuple):
    """What was concluded, and everything that it was concluded from."""

    outcome: Outcome
    inputs: bytes
    ring: KeyRing
    secret: SecretRecord | None
    """The Secret as it was after the pass."""
    fingerprints: Mapping[str, Fingerprint]
    """The key that opened each item: it is tried first when the item must be opened again."""


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
        """Bring one SealedSecret to its Secret and report; None when there is no such object any more."""
        observed = self._sealed.get(key)
        if observed is None:
            self._forget(key)
            return None
        last = self._last(key)
        try:
            conclusion = self._conclude(key, observed, last)
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

    def _forget(self, key: Key) -> None:
        """The SealedSecret is gone; its Secret goes by its owner reference."""
        with self._lock:
            self._conclusions.pop(key, None)
        self._reporter.forget(key)

    def _conclude(self, key: Key, observed: Observed, last: Conclusion | None) -> Conclusion:
        ring = self._keys.ring
        secret = self._secrets.get(key)
        if last and last.inputs == observed.inputs and last.ring is ring and self._still_true(last, secret):
            return last._replace(outcome=last.outcome.unchanged())
        hints = last.fingerprints if last else {}
        try:
            desired, hints, without_reference = self._unseal(observed, ring, hints)
        except KsealError as error:
            return Conclusion(failed(error, Phase.UNSEAL), observed.inputs, ring, secret, hints)
        try:
            written = self._write(observed, desired, secret, without_reference=without_reference)
        except KsealError as error:
            self._secrets.forget_write(key)
            phase = Phase.UNMANAGED if isinstance(error, NotOurs) else Phase.UPDATE
            return Conclusion(failed(error, phase), observed.inputs, ring, self._secrets.get(key), hints)
        self._secrets.wrote(key, written.record)
        outcome = Outcome(ready=True, action=written.action, event=UNSEALED)
        return Conclusion(outcome, observed.inputs, ring, written.record, hints)

    def _still_true(self, last: Conclusion, secret: SecretRecord | None) -> bool:
        """Does what was concluded before hold for the Secret as it is now?"""
        if last.outcome.retry is not None:
            return False
        if not last.outcome.ready:
            return secret == last.secret
        if secret is None or last.secret is None:
            return False
        if not self._settings.unsealing.repair_drift:
            return True
        return secret.digest == last.secret.digest

    def _unseal(
        self, observed: Observed, ring: KeyRing, hints: Mapping[str, Fingerprint]
    ) -> tuple[dict[str, Any], Mapping[str, Fingerprint], bool]:
        sealed = parse(observed.object())
        unsealed = unseal_secret(
            sealed,
            ring,
            owner_reference=sealed.owner_reference(),
            hints=hints,
            accept_v1_data=self._settings.unsealing.accept_v1_data,
        )
        self._refuse_sealing_key(unsealed.secret)
        return unsealed.secret, unsealed.fingerprints, "ownerReferences" not in unsealed.secret["metadata"]

    def _write(
        self, observed: Observed, desired: dict[str, Any], secret: SecretRecord | None, *, without_reference: bool
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
            exists=secret is not None,
            without_reference=without_reference,
        )

    def _refuse_sealing_key(self, secret: dict[str, Any]) -> None:
        """Whoever may create SealedSecrets in the controller's namespace must not thereby choose the sealing key."""
        metadata = secret["metadata"]
        if metadata["namespace"] != self._settings.namespace:
            return
        if LABEL in (metadata.get("labels") or {}) or metadata["name"] == self._settings.keys.prefix:
            raise Stalled(
                "a SealedSecret never yields a sealing key",
                f"remove the label {LABEL} from spec.template.metadata, or use another name or namespace",
            )


def _is_news(outcome: Outcome, last: Conclusion | None) -> bool:
    """Is there something to tell a person: a write, a new failure, or the end of one?"""
    if last is None:
        return outcome.changed or not outcome.ready
    return outcome.changed or (outcome.ready, outcome.message) != (last.outcome.ready, last.outcome.message)
