"""What kseal would do with each SealedSecret of a cluster, found out by reading alone.

The judgement is the reconciler's own: the same functions open the values and decide about the Secret and the status.
Plain values live from one judgement to the next; a finding never holds any.
"""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from enum import Enum
from typing import Any, Final, NamedTuple

from controller.errors import NotOurs
from controller.runtime.conditions import synced_status
from controller.runtime.outcome import Outcome, Phase, failed
from controller.sealed import keysecrets
from controller.sealed.observed import SEALED_SECRETS, Key, is_synced, observe
from controller.sealed.unsealing import desired_secret, protected_label
from controller.settings import Settings
from controller.target import content_digest, resolve
from engine.errors import KsealError
from engine.kube.client import Cluster
from engine.kube.errors import NotFound
from engine.kube.refs import SECRETS, ObjectRef
from sealer.encoding import decode
from sealer.ring import KeyRing
from sealer.sealedsecret import LiveValue


class State(Enum):
    """What kseal would make of a SealedSecret; the order is that of a report."""

    CHANGED = "would be changed"
    """The Secret is there and ours to write, and differs."""
    CREATED = "would be created"
    """There is no Secret."""
    UNMANAGED = "not managed"
    """The Secret belongs to somebody else, and stays."""
    FAILED = "would fail"
    """It cannot be opened, or the Secret cannot be changed."""
    STATUS = "status would change"
    """The Secret is right; what the status says is not."""
    RIGHT = "right"
    """Nothing would be written."""


_ORDER: Final = {state: place for place, state in enumerate(State)}


class Finding(NamedTuple):
    """One SealedSecret."""

    ref: str
    state: State
    detail: str = ""
    """What differs, by name, or why it would fail."""
    changes_status: bool = False
    breaks: bool = False
    """It is synced now and would not be any more."""

    @property
    def is_change(self) -> bool:
        """Whether anything would be written for it."""
        return self.state in (State.CHANGED, State.CREATED) or self.changes_status


class Survey(NamedTuple):
    """A whole cluster, what matters most first."""

    ring: KeyRing
    unreadable: list[tuple[str, KsealError]]
    """Secrets with the label of a key that hold none, and why."""
    findings: list[Finding]


def survey(cluster: Cluster, settings: Settings, now: datetime) -> Survey:
    """Read keys, SealedSecrets and Secrets, and judge each SealedSecret.

    Raises: ApiError; KsealError where there is no key, because then kseal would not begin.
    """
    ring, unreadable = _keys(cluster, settings)
    sealed = {_key(raw): raw for raw in _listed(cluster, settings, sealed=True)}
    secrets = _listed(cluster, settings, sealed=False) if sealed else ()
    findings = [
        judge(raw, secret, ring, settings, now) for secret in secrets if (raw := sealed.pop(_key(secret), None))
    ]
    findings += [judge(raw, None, ring, settings, now) for raw in sealed.values()]
    return Survey(ring, unreadable, sorted(findings, key=lambda one: (_ORDER[one.state], one.ref)))


def judge(
    raw: dict[str, Any], live: dict[str, Any] | None, ring: KeyRing, settings: Settings, now: datetime
) -> Finding:
    """What the reconciler would do with a raw SealedSecret, given the raw Secret of its name."""
    was_synced = is_synced(observe(raw))
    live_value = _live_value(live) if was_synced else None
    state, detail, outcome = _judge_secret(raw, live, ring, settings, live_value)
    generation = raw["metadata"].get("generation") or 0
    old = raw.get("status") if isinstance(raw.get("status"), dict) else None
    rewrites = synced_status(old, outcome, generation, now) is not None and settings.unsealing.update_status
    if state is State.RIGHT and rewrites:
        state = State.STATUS
    return Finding(str(_key(raw)), state, detail, rewrites, breaks=was_synced and not outcome.ready)


def _judge_secret(
    raw: dict[str, Any], live: dict[str, Any] | None, ring: KeyRing, settings: Settings, live_value: LiveValue | None
) -> tuple[State, str, Outcome]:
    try:
        desired = desired_secret(raw, ring, settings, live_value=live_value)
    except KsealError as error:
        return State.FAILED, error.message, failed(error, Phase.UNSEAL)
    done = Outcome(ready=True)
    if live is None:
        return State.CREATED, "", done
    try:
        merged = resolve(
            live,
            desired.secret,
            raw["metadata"]["uid"],
            without_reference=desired.without_reference,
            protected_label=protected_label(raw["metadata"]["namespace"], settings),
        )
    except NotOurs as error:
        return State.UNMANAGED, error.message, failed(error, Phase.UNMANAGED)
    except KsealError as error:
        return State.FAILED, error.message, failed(error, Phase.UPDATE)
    if content_digest(merged) == content_digest(live):
        return State.RIGHT, "", done
    return State.CHANGED, "; ".join(differences(live, merged)), done


def differences(live: dict[str, Any], merged: dict[str, Any]) -> Iterator[str]:
    """What would change in a Secret: names of items, labels and annotations, never a value."""
    yield from _named("item", live.get("data"), merged.get("data"))
    for part, word in (("labels", "label"), ("annotations", "annotation")):
        yield from _named(word, live["metadata"].get(part), merged["metadata"].get(part))
    if (live["metadata"].get("ownerReferences") or []) != (merged["metadata"].get("ownerReferences") or []):
        yield "owner changed"


def _named(word: str, before: dict[str, str] | None, after: dict[str, str] | None) -> Iterator[str]:
    old, new = before or {}, after or {}
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            what = "added" if name not in old else "removed" if name not in new else "changed"
            yield f"{word} {name} {what}"


def _live_value(live: dict[str, Any] | None) -> LiveValue:
    """What stands in the Secret, for templates whose output would be another each time."""
    data = (live or {}).get("data") or {}
    return lambda item: decode(data[item]) if item in data else None


def _key(raw: dict[str, Any]) -> Key:
    return Key(raw["metadata"]["namespace"], raw["metadata"]["name"])


def _listed(cluster: Cluster, settings: Settings, *, sealed: bool) -> Iterator[dict[str, Any]]:
    """The SealedSecrets that the controller works on, or all Secrets beside them."""
    resource = SEALED_SECRETS if sealed else SECRETS
    selector = settings.watched.label_selector if sealed else None
    for namespace in settings.watched.namespaces or (None,):
        yield from cluster.list(resource, namespace, label_selector=selector)


def _keys(cluster: Cluster, settings: Settings) -> tuple[KeyRing, list[tuple[str, KsealError]]]:
    home, prefix = settings.namespace, settings.keys.prefix
    found = {raw["metadata"]["name"]: raw for raw in cluster.list(SECRETS, home, label_selector=keysecrets.SELECTOR)}
    with suppress(NotFound):  # the layout before 0.9, without a label; one with another label is retired
        old = cluster.get(SECRETS, home, prefix)
        if keysecrets.LABEL not in (old["metadata"].get("labels") or {}):
            found[prefix] = old
    read = {name: keysecrets.read(raw, settings.keys) for name, raw in sorted(found.items())}
    ring = KeyRing(one.key for one in sorted(read.values(), key=lambda one: one.created) if one.key is not None)
    if not len(ring):
        raise KsealError(
            f"Namespace/{home}: there is no sealing key",
            "name the namespace of the original controller with --controller-namespace",
        )
    unreadable = [
        (str(ObjectRef("", "Secret", home, name)), _trouble(one)) for name, one in read.items() if not one.key
    ]
    return ring, unreadable


def _trouble(secret: keysecrets.KeySecret) -> KsealError:
    """Why a Secret gives no key here."""
    if secret.wrapped is not None:
        names = ", ".join(secret.wrapped.wrapped_with)
        return KsealError(f"it is wrapped with {names}", "what it opens cannot be looked at until kseal keys unwrap")
    return secret.error or KsealError("it is no key")
