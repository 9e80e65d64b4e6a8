"""Where a Kustomization delivers to, and as whom: the controller itself, or a service account."""

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable, Iterable
from dataclasses import replace
from typing import Final, NamedTuple

from controller.flux import halt
from controller.flux.draft import owner_of
from controller.flux.halt import Halt
from controller.flux.names import Name
from controller.flux.remote import Elsewhere, Remote
from controller.flux.spec import Spec
from controller.runtime.versions import is_newer
from controller.settings import Flux
from engine.drift import is_suspicious
from engine.errors import KsealError
from engine.execute import Live
from engine.health.expressions import Expressions
from engine.health.verdict import Health
from engine.inventory import Inventory
from engine.kube.client import Cluster
from engine.kube.config import Connection
from engine.kube.discovery import Discovery
from engine.kube.errors import NotFound
from engine.kube.impersonate import ActingAs, Impersonate
from engine.kube.refs import ObjectRef, Resource
from engine.observed import Observed
from engine.observer import Kind, Observer
from engine.records import Records

SERVICE_ACCOUNTS: Final = Resource("", "v1", "serviceaccounts", "ServiceAccount")
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_KEPT: Final = 256
"""Identities whose connections are kept; the one unused for longest is closed first."""


class Destination:
    """One cluster under one identity. Its watches are the controller's own: they tell no more than that an object of
    an inventory changed, and whoever acts on it does so under the identity."""

    def __init__(
        self,
        live: Live,
        discovery: Discovery,
        observer: Observer,
        records: Records,
        *,
        identity: Hashable,
        is_guest: bool,
    ) -> None:
        """`identity` tells destinations apart. `is_guest`: it is not the controller's own, so what it may see has to
        be asked."""
        self.identity = identity
        self._is_guest = is_guest
        self.live = live
        self._discovery = discovery
        self._observer = observer
        self._records = records

    def follow(self, owner: str, kinds: Collection[Kind], timeout_seconds: float) -> None:
        """Watch these kinds for an owner, and wait a little for those that are new to be known."""
        self._observer.follow(owner, kinds)
        self._observer.wait_synced(kinds, timeout_seconds)

    def holds(self, owner: str, ref: ObjectRef) -> bool:
        """Whether an object is surely as the last apply left it."""
        record = self._records.get(owner, ref)
        if record is None or not self._observer.is_synced(ref.group, ref.kind):
            return False
        return not is_suspicious(record, self._observer.get(ref))

    def is_where(self, other: "Destination") -> bool:
        """Whether both are the same cluster, whoever they act as."""
        return self._observer is other._observer

    def doubt(self, owner: str, members: Inventory) -> None:
        """Believe nothing of what is recorded of these objects: the next pass asks the server."""
        for member in members:
            self._records.drop(owner, member.ref)

    def suspects(self, owner: str, ref: ObjectRef) -> bool:
        """Whether an object seems not to be as the last apply left it."""
        record = self._records.get(owner, ref)
        if record is None or not self._observer.is_synced(ref.group, ref.kind):
            return False
        return is_suspicious(record, self._observer.get(ref))

    def is_beyond(self, owner: str, ref: ObjectRef, observed: Observed | None) -> bool:
        """Whether an object is gone, or was changed by others after our last apply."""
        record = self._records.get(owner, ref)
        if record is None:
            return False  # the pass has not come to it yet
        if observed is None:
            return True
        return is_newer(observed.version, record.version) and is_suspicious(record, observed)

    def is_current(self, owner: str, ref: ObjectRef) -> bool:
        """Whether an object is healthy as far as is known."""
        return self.live.verdict(owner, ref).health is Health.CURRENT

    def check_visible(self, refs: Iterable[ObjectRef]) -> None:
        """Raises: Forbidden when the identity may not read one of these objects, of which our watches would tell it."""
        for ref in refs if self._is_guest else ():
            resource = self.live.resource(ref, None)
            if resource is not None:
                self.live.find(resource, ref)

    def judge_by(self, owner: str, expressions: Expressions | None) -> None:
        """Judge the health of an owner's objects by these expressions where they say something about a kind."""
        self.live.judge_by(owner, expressions)

    def is_namespaced(self, group: str, kind: str) -> bool | None:
        """Whether a kind lives in namespaces; None where the server does not know it."""
        resource = self._discovery.find(group, kind)
        return None if resource is None else resource.namespaced

    def placed(self, ref: ObjectRef, namespace: str) -> ObjectRef:
        """A reference that leaves out the namespace means the given one, where its kind has namespaces."""
        if ref.namespace:
            return ref
        resource = self._discovery.find(ref.group, ref.kind)
        return ref._replace(namespace=namespace) if resource is None or resource.namespaced else ref

    def forget(self, owner: str) -> None:
        """The owner is gone."""
        self.leave(owner)
        self._records.drop_owner(owner)

    def leave(self, owner: str) -> None:
        """The owner delivers elsewhere now."""
        self._observer.forget(owner)
        self.live.judge_by(owner, None)


class Clusters:
    """All destinations, each made when it is first needed."""

    def __init__(
        self,
        connection: Connection,
        open_cluster: Callable[[Connection], Cluster],
        *,
        observer: Observer,
        discovery: Discovery,
        records: Records,
        remote: Remote,
        settings: Flux,
    ) -> None:
        """`open_cluster` makes a client with the controller's rate limit and its right to write."""
        self._connection = connection
        self._open = open_cluster
        self._observer = observer
        self._discovery = discovery
        self._records = records
        self._remote = remote
        self._settings = settings
        self._lock = threading.Lock()
        self._own = open_cluster(connection)
        self._known: OrderedDict[Hashable, _Opened] = OrderedDict()
        self._used: dict[str, Hashable] = {}
        """Which one each owner delivers to."""

    def destination(self, name: Name, spec: Spec) -> Destination:
        """Where this Kustomization delivers to. Raises: Halt; ApiError."""
        user = self._user(name, spec)
        try:
            elsewhere = self._remote.connection(name, spec.kube_config, user) if spec.kube_config is not None else None
        except KsealError as error:
            what = f"failed to build kube client: {error.message}"
            raise Halt(halt.RECONCILIATION_FAILED, what, hint=error.hint) from error
        key: Hashable = (elsewhere.key if elsewhere is not None else "", user)
        owner = owner_of(name)
        dropped: list[_Opened] = []
        with self._lock:
            found = self._known.get(key)
            if found is None:
                make = self._make(user, key) if elsewhere is None else self._make_remote(elsewhere, key)
                found = self._known[key] = make
            self._known.move_to_end(key)
            before, self._used[owner] = self._used.get(owner, key), key
            left = self._known.get(before) if before != key else None
            if len(self._known) > _KEPT:
                dropped.append(self._known.popitem(last=False)[1])
            if left is not None and left.observer is not None and before not in self._used.values():
                # Whoever writes a Secret could else have us watch as many clusters as it has had kubeconfigs.
                dropped += [self._known.pop(before)] if before in self._known else []
        if left is not None:
            left.destination.leave(owner)
        for one in dropped:
            one.close()
        return found.destination

    def may_act(self, name: Name, spec: Spec) -> bool:
        """Whether the service account to act as is there. Raises: ApiError."""
        account = spec.service_account or self._settings.account
        if not account:
            return True
        if not _is_name(account):
            return False
        try:
            self._own.get(SERVICE_ACCOUNTS, name.namespace, account)
        except NotFound:
            return False
        return True

    def forget(self, owner: str) -> None:
        """The owner is gone."""
        with self._lock:
            opened = list(self._known.values())
            before = self._used.pop(owner, None)
            is_left = before is not None and before not in self._used.values()
            left = self._known.get(before) if is_left else None
            if left is not None and left.observer is not None:
                self._known.pop(before)
        for found in opened:
            found.destination.forget(owner)
        if left is not None and left.observer is not None:
            left.close()

    def close(self) -> None:
        """End all requests and watches."""
        with self._lock:
            opened = list(self._known.values())
        for found in opened:
            found.close()
        self._own.close()

    def _user(self, name: Name, spec: Spec) -> str:
        """Whom to act as; empty for the controller itself. Raises: Halt. Source: flux.md section 4.9."""
        account = spec.service_account or self._settings.account
        if account and not _is_name(account):
            what = f"spec.serviceAccountName: {account[:100]!r} is no name of a service account"
            hint = "name one of the namespace of the Kustomization, without the namespace"
            raise Halt(halt.RECONCILIATION_FAILED, what, hint=hint)
        return f"system:serviceaccount:{name.namespace}:{account}" if account else ""

    def _make(self, user: str, key: Hashable) -> "_Opened":
        connection = self._connection
        if user:
            connection = replace(connection, credentials=ActingAs(connection.credentials, Impersonate(user)))
        cluster = self._open(connection)
        live = Live(cluster, discovery=self._discovery, observer=self._observer, records=self._records)
        destination = Destination(
            live, self._discovery, self._observer, self._records, identity=key, is_guest=bool(user)
        )
        return _Opened(destination, (cluster,), None)

    def _make_remote(self, elsewhere: Elsewhere, key: Hashable) -> "_Opened":
        """Another cluster has kinds and watches of its own; they see what its kubeconfig lets them see."""
        cluster, looking = self._open(elsewhere.connection), self._open(elsewhere.looking)
        discovery = Discovery(looking)
        observer = self._remote.observer(looking, discovery)
        live = Live(cluster, discovery=discovery, observer=observer, records=self._records)
        destination = Destination(live, discovery, observer, self._records, identity=key, is_guest=elsewhere.is_guest)
        return _Opened(destination, (cluster, looking), observer)


def _is_name(account: str) -> bool:
    """Whether a service account may be called so: what has a colon or a slash could read as somebody else."""
    return _NAME.fullmatch(account) is not None


class _Opened(NamedTuple):
    """A destination, and what has to be closed with it."""

    destination: Destination
    clusters: tuple[Cluster, ...]
    observer: Observer | None

    def close(self) -> None:
        if self.observer is not None:
            self.observer.stop()
        for cluster in self.clusters:
            cluster.close()
