"""The sealing keys of a cluster, as the verbs of `kseal keys` see them: Secrets in the controller's namespace."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from engine import undumpable
from engine.errors import KsealError, NotReady
from sealer import secret
from sealer.cli import cluster
from sealer.cli.verb import Given
from sealer.errors import PrivateKeyError
from sealer.keys import Fingerprint, SealingKey, load_pair
from sealer.keysecret import ACTIVE, LABEL, PREFIX, WRAPPED
from sealer.ring import KeyRing

if TYPE_CHECKING:
    from engine.kube.client import Cluster
    from sealer.wrappedkey import WrappedKey
    from sealer.wrapping import Wrapping


class Stored(NamedTuple):
    """One key Secret. `key` is None where it holds no usable key, or none that opens here, and `error` says why."""

    raw: Mapping[str, Any]
    key: SealingKey | None
    error: KsealError | None = None
    wrapped: "WrappedKey | None" = None
    """How the key is wrapped; None for a plain one."""

    @property
    def name(self) -> str:
        return str(self.raw["metadata"]["name"])

    @property
    def label(self) -> str:
        """What makes it a key, as it stands there."""
        return str((self.raw["metadata"].get("labels") or {}).get(LABEL, ACTIVE))

    @property
    def state(self) -> str:
        """`active`, also for a wrapped key, or the label that retired it. A Secret of the first layout has no label."""
        return ACTIVE if self.label == WRAPPED else self.label

    @property
    def is_closed(self) -> bool:
        """Whether it is a wrapped key that may be fine, and does not open here and now."""
        return self.wrapped is not None and isinstance(self.error, NotReady)

    @property
    def created(self) -> datetime:
        return datetime.fromisoformat(self.raw["metadata"]["creationTimestamp"])


class Keystore:
    """All key Secrets of a namespace, retired ones too, read once."""

    def __init__(self, client: "Cluster", namespace: str, wrapping: "Wrapping") -> None:
        """Raises: KsealError when they cannot be read."""
        from engine.kube.errors import NotFound
        from engine.kube.refs import SECRETS

        self.client, self.namespace, self.wrapping = client, namespace, wrapping
        found = list(client.list(SECRETS, namespace, label_selector=LABEL))
        if PREFIX not in {raw["metadata"]["name"] for raw in found}:
            with suppress(NotFound):  # the layout before 0.9, which most clusters never had
                found.append(client.get(SECRETS, namespace, PREFIX))
        in_order = sorted(found, key=lambda raw: str(raw["metadata"]["creationTimestamp"]))
        self.stored = [_read(raw, wrapping) for raw in in_order]

    @property
    def ring(self) -> KeyRing:
        """Every usable key, retired ones too: what they open must be found."""
        return KeyRing(one.key for one in self.stored if one.key)

    @property
    def active(self) -> list[SealingKey]:
        """The usable keys that nobody has retired."""
        return [one.key for one in self.stored if one.key and one.state == ACTIVE]

    @property
    def newest(self) -> SealingKey | None:
        """The key that seals, None where no key is active and valid already."""
        now = datetime.now(UTC)
        return next(
            iter(KeyRing(key for key in self.active if not key.certificate or key.certificate.not_before <= now)), None
        )

    @property
    def closed(self) -> list[Stored]:
        """Wrapped keys that do not open here and now."""
        return [one for one in self.stored if one.is_closed]

    def require_opened(self) -> None:
        """Refuse to go on with only some of the keys in use; a retired one that is lost holds up nothing.

        Raises: KsealError, which names one that does not open.
        """
        for one in self.closed:
            if one.state == ACTIVE:
                raise self.why_closed(one)

    def why_closed(self, one: Stored) -> KsealError:
        """What to say of a wrapped key that does not open here and now."""
        assert one.error is not None  # noqa: S101  # that is what makes it closed
        return KsealError(f"Secret/{self.namespace}/{one.name}: {one.error.message}", one.error.hint)

    def holding(self, fingerprint: str) -> list[Stored]:
        """The Secrets that hold a key, usually one."""
        return [one for one in self.stored if one.key and one.key.fingerprint == fingerprint]

    def state_of(self, fingerprint: Fingerprint) -> str:
        """`sealing` for the newest active key, else the labels' value."""
        is_known = all(one.state != ACTIVE for one in self.closed)  # else the newest key may be one that does not open
        if is_known and self.newest is not None and self.newest.fingerprint == fingerprint:
            return "sealing"
        states = {one.state for one in self.holding(fingerprint)}
        return ACTIVE if ACTIVE in states else ",".join(sorted(states))


def open_store(given: Given, environ: Mapping[str, str]) -> Keystore:
    """The keys of the controller that the command line names; from here on the process leaves no core file.

    Raises: Misused, KsealError.
    """
    from engine.kube.client import Cluster

    undumpable.protect()
    wrapping = _wrapping(given, environ)
    client = Cluster(cluster.connect(given, environ), timeout_seconds=cluster.timeout_seconds(given))
    return Keystore(client, given.text("controller-namespace") or cluster.CONTROLLER_NAMESPACE, wrapping)


def _wrapping(given: Given, environ: Mapping[str, str]) -> "Wrapping":
    from providers import catalog
    from sealer.wrapping import Wrapping
    from sealer.wrappingkey import parse_all

    return Wrapping(
        parse_all(given.texts("with")),
        given.texts("identity"),
        lambda kind: catalog.key_service(kind, environ),
        naming="name it with --with, if it is yours",
        identifying="name the age identity with --identity FILE",
    )


def _read(raw: Mapping[str, Any], wrapping: "Wrapping") -> Stored:
    from sealer import wrappedkey

    whole = {"apiVersion": "v1", "kind": "Secret", **raw}
    wrapped = None
    try:
        if wrappedkey.is_wrapped(whole):
            wrapped = wrappedkey.read(whole)
            return Stored(whole, wrapping.open(wrapped), None, wrapped)
        items = secret.values(whole)
        if "tls.key" not in items:
            raise PrivateKeyError("there is no item 'tls.key' in it")
        return Stored(whole, load_pair(items["tls.key"], items.get("tls.crt")))
    except KsealError as error:
        return Stored(whole, None, error, wrapped)
