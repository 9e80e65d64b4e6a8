"""When a sealing key is made: the first one, one that succeeds an old one, and one that a person asks for.

Only the replica that leads makes keys, and a second creation is a conflict: `keysecrets.name_after`.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from controller.errors import NotLeading
from controller.runtime.lookout import Lookout
from controller.sealed import keysecrets
from controller.sealed.keys import POLL_SECONDS, KeyRegistry
from controller.sealed.keysecrets import ACTIVE, LABEL, SELECTOR
from controller.sealed.observed import SEALED_SECRETS
from controller.settings import FirstKey, Keys
from engine.errors import KsealError, NotReady
from engine.kube.client import Cluster
from engine.kube.errors import AlreadyExists
from engine.kube.refs import SECRETS
from sealer.keys import Fingerprint, SealingKey, generate
from sealer.wrapping import Wrapping

LONGEST_LOOK: Final = timedelta(seconds=30)
"""The clock is looked at again after so long: it may have been set, or the machine may have slept."""
_ONE_SECOND: Final = timedelta(seconds=1)
_ATTEMPTS: Final = 100
_SEEN_SECONDS: Final = 5.0


class KeyMaker:
    """Makes keys where that is right. `namespaces` are those whose SealedSecrets count, None for all of them."""

    def __init__(
        self,
        cluster: Cluster,
        registry: KeyRegistry,
        namespace: str,
        settings: Keys,
        *,
        wrapping: Wrapping,
        namespaces: Sequence[str] | None,
        leads: Callable[[], bool],
        now: Callable[[], datetime],
        log: Any,
    ) -> None:
        self._cluster = cluster
        self._registry = registry
        self._namespace = namespace
        self._settings = settings
        self._wrapping = wrapping
        self._namespaces = namespaces
        self._leads = leads
        self._now = now
        self._log = log
        self._is_cutoff_due = settings.cutoff is not None
        self._is_asked = False
        self._told = ""
        self._lookout = Lookout("keys", self._turn)

    def ensure(self) -> None:
        """See to it that there is a key at all, and that none of them is still to be opened.

        Raises: NotReady, with the cure where a person has to decide; ApiError.
        """
        if (unopened := self._registry.unopened()) is not None:
            raise unopened
        if self._registry.counts()["active"]:
            return
        if not self._leads():
            raise NotReady("there is no sealing key yet, and another replica would make it", retry_after=POLL_SECONDS)
        self._check_first_key_allowed()
        self._make(None)

    def start(self) -> None:
        """Begin to renew; once only, and after `ensure`."""
        self._lookout.start()

    def stop(self) -> None:
        """Make nothing more; a key that is being made is finished."""
        self._lookout.stop()

    def renew(self) -> None:
        """Make a new key now, for a person who asks for it. Safe in a signal handler: it neither waits nor locks."""
        self._is_asked = True
        self._lookout.wake()

    def look_again(self) -> None:
        """Whether this replica leads, or which key is the newest, has changed."""
        self._lookout.wake()

    def _turn(self) -> float:
        """Look, and say once why no key could be made; returns after how many seconds to look again."""
        pause = LONGEST_LOOK
        try:
            if self._leads():
                pause = self._look()
            elif self._is_asked:
                self._is_asked = False
                self._log.warning("no key made", cause="this replica does not lead")
        except NotLeading:
            pause = LONGEST_LOOK
        except KsealError as error:
            pause = timedelta(seconds=POLL_SECONDS)
            if error.message != self._told:
                self._log.error("no key made", cause=error.message, hint=error.hint)
                self._told = error.message
        except Exception as error:  # noqa: BLE001 - a defect here must not end all renewals unseen
            self._log.error("no key made, by a defect", error=error)
        return pause.total_seconds()

    def _look(self) -> timedelta:
        """Make a key when one is due; returns after how long to look again. Raises: KsealError."""
        self.ensure()
        newest = self._registry.newest_or_none()
        why = self._why(newest)
        if why is None:
            return min(self._until_due(newest), LONGEST_LOOK)
        asked, self._is_asked = self._is_asked, False  # before the key is seen: who asks then, asks for another one
        try:
            made = self._make(newest)
        except Exception:
            self._is_asked = self._is_asked or asked
            raise
        self._is_cutoff_due = False
        self._told = ""
        self._log.info("key made", why=why, newest=made.fingerprint)
        return timedelta()

    def _why(self, newest: SealingKey | None) -> str | None:
        """Why a key is due; None when none is."""
        if self._is_asked:
            return "asked for"
        if newest is None:
            is_ours = self._settings.first_key is not FirstKey.NEVER
            return "each certificate begins in the future" if is_ours else None
        cutoff = self._settings.cutoff
        if self._is_cutoff_due and cutoff is not None and newest.ordered_at < cutoff:
            return "older than the cut-off time"
        return "age" if self._until_due(newest) <= timedelta() else None

    def _until_due(self, newest: SealingKey | None) -> timedelta:
        if newest is None or self._settings.renew_period <= timedelta():
            return timedelta.max
        return self._settings.renew_period - (self._now() - newest.ordered_at)

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
        if self._has_sealed_secrets():
            raise NotReady(
                f"SealedSecrets exist, but no sealing key in namespace {self._namespace};"
                " a new key would open none of them",
                f"restore the key Secrets (label {LABEL}={ACTIVE}) from their backup;"
                " to start over with a new key, run the controller with --first-key=always",
                retry_after=POLL_SECONDS,
            )

    def _has_sealed_secrets(self) -> bool:
        places = self._namespaces or (None,)
        return any(next(iter(self._cluster.list(SEALED_SECRETS, place, limit=1)), None) is not None for place in places)

    def _make(self, predecessor: SealingKey | None) -> SealingKey:
        """Make the key that follows `predecessor`, unless somebody else has; returns the one that seals afterwards.

        Raises: NotReady, ApiError, NotLeading.
        """
        settings = self._settings
        self._wrapping.check()  # before seconds of work that would be for nothing
        if predecessor is not None:
            # Times of certificates and Secrets are whole seconds, and of two keys of one second the older one seals.
            missing = predecessor.ordered_at + _ONE_SECOND - self._now()
            self._lookout.pause(min(max(missing, timedelta()), _ONE_SECOND).total_seconds())
        key = generate(settings.size, ttl=settings.ttl, common_name=settings.common_name, now=self._now())
        before = predecessor.fingerprint if predecessor else None
        for attempt in range(_ATTEMPTS):
            name = keysecrets.name_after(before, self._namespace, settings.prefix, attempt)
            try:
                secret = keysecrets.make(key, name, self._namespace, settings, self._wrapping)
                made = self._cluster.create(SECRETS, secret)
            except AlreadyExists:
                if successor := self._successor(name, before):
                    return successor
            else:
                self._registry.add(made, key)
                self._registry.wait_for(key.fingerprint, _SEEN_SECONDS)
                return key
        raise NotReady(
            f"Secrets {settings.prefix}* fill namespace {self._namespace}, and none of them is an active key",
            f"label one of them {LABEL}={ACTIVE}, or choose another --key-prefix",
        )

    def _successor(self, name: str, before: Fingerprint | None) -> SealingKey | None:
        """The key of this name, which somebody else made, if it seals from now on.

        Raises: NotReady when it is wrapped and not opened yet; ApiError.
        """
        for secret in self._cluster.list(SECRETS, self._namespace, label_selector=SELECTOR):
            if secret["metadata"]["name"] == name:
                self._registry.add(secret)
        if (unopened := self._registry.unopened()) is not None:
            raise unopened
        if not self._registry.counts()["active"]:
            return None
        newest = self._registry.newest_or_none()
        return newest if newest is not None and newest.fingerprint != before else None
