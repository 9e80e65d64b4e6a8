"""What a delivery would change in a cluster, found out by server-side dry-runs: nothing is written."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from controller.cli.kinds import KUSTOMIZATION, mapping_at
from engine.errors import KsealError

if TYPE_CHECKING:
    from controller.cli.builds import Built, Delivery
    from engine.diff import Difference, Masks
    from engine.inventory import Inventory
    from engine.kube.client import Cluster
    from engine.kube.discovery import Discovery
    from engine.kube.refs import ObjectRef, Resource
    from engine.ownership import Ownership

Object = dict[str, Any]

MANAGER: Final = "kseal"
"""The field manager of a dry-run for objects that nobody delivers yet."""
_CONCURRENCY: Final = 8


class Failure(NamedTuple):
    """An object that could not be compared."""

    ref: str
    message: str
    hint: str | None = None


class Compared(NamedTuple):
    """What a comparison has found."""

    differences: "list[Difference]"
    failures: list[Failure]


class ClusterDiff:
    """Compares builds with one cluster."""

    def __init__(self, client: "Cluster", discovery: "Discovery", masks: "Masks", namespace: str) -> None:
        """`namespace` is for objects of a plain build that name none."""
        self._client = client
        self._discovery = discovery
        self._masks = masks
        self._namespace = namespace

    def compare(self, built: "Built") -> Compared:
        """Raises: KsealError when the cluster cannot be asked at all."""
        from concurrent.futures import ThreadPoolExecutor

        from engine.desired import ref_of
        from engine.ignore import Ignores

        self._discovery.all()  # so that what is wrong with the connection is said once
        ownership = built.delivery.ownership if built.delivery else None
        ignores = Ignores(built.delivery.spec.ignores if built.delivery else ())
        defined = _defined(built.objects)
        found, failures = [], []

        def look(obj: Object) -> "Difference | Failure":
            try:
                return self._look(obj, ownership, ignores, defined)
            except KsealError as error:
                return Failure(str(ref_of(obj)), error.message, error.hint)

        with ThreadPoolExecutor(_CONCURRENCY) as pool:
            for result in pool.map(look, built.objects):
                if isinstance(result, Failure):
                    failures.append(result)
                elif result:
                    found.append(result)
        if built.delivery is not None and built.delivery.spec.prune:
            for pruned in self._pruned(built.delivery, built.objects):
                if isinstance(pruned, Failure):
                    failures.append(pruned)
                elif pruned:
                    found.append(pruned)
        return Compared(found, failures)

    def _look(
        self, obj: Object, ownership: "Ownership | None", ignores: Any, defined: frozenset[tuple[str, str]]
    ) -> "Difference":
        from engine.desired import ref_of, version_of
        from engine.diff import Difference, is_different
        from engine.kube.errors import NotFound

        wanted = self._desired(obj, ownership)
        ref = ref_of(wanted)
        resource = self._discovery.find(ref.group, ref.kind, version_of(wanted))
        if resource is None:
            if (ref.group, ref.kind) in defined:
                return self._masks.difference(None, wanted)
            raise KsealError(
                f"{ref}: the cluster does not know {ref.kind} of {wanted['apiVersion']}",
                "is its CustomResourceDefinition installed?",
            )
        if not resource.namespaced:
            wanted["metadata"].pop("namespace", None)
        live = self._live(resource, wanted)
        marks = ownership or _plain()
        if marks.is_left_alone(wanted, live) or (live is not None and marks.says("ssa", "IfNotPresent", wanted, live)):
            return Difference(ref, "unchanged")
        if ownership is None:
            wanted, manager = _as_its_owner(wanted, live)
        else:
            manager = ownership.manager
        try:
            merged = self._client.apply(resource, wanted, field_manager=manager, force=True, dry_run=True)
        except NotFound:  # its namespace comes with this delivery, or is made by somebody else
            merged = wanted
        ignored = ignores.paths(wanted)
        if live is None:
            return self._masks.difference(None, merged)
        live, merged = ignores.without(live, ignored), ignores.without(merged, ignored)
        return self._masks.difference(live, merged) if is_different(live, merged) else Difference(ref, "unchanged")

    def _desired(self, obj: Object, ownership: "Ownership | None") -> Object:
        """An object as it would be applied. Raises: KsealError, also for one that is encrypted."""
        from engine.desired import DesiredError, desired, ref_of

        try:
            (wanted,) = desired(
                [obj],
                ownership or _plain(),
                default_namespace=None if ownership else self._namespace,
                is_namespaced=self._is_namespaced,
            )
        except DesiredError as error:
            if "SOPS encrypted" not in error.message:
                raise
            raise KsealError(
                f"{ref_of(obj)}: is SOPS encrypted, and is not compared",
                "decrypt it with the keys of this machine: --decrypt",
            ) from error
        return wanted

    def _is_namespaced(self, group: str, kind: str) -> bool | None:
        resource = self._discovery.find(group, kind)
        return None if resource is None else resource.namespaced

    def _live(self, resource: "Resource", wanted: Object) -> Object | None:
        from engine.kube.errors import NotFound

        metadata = wanted["metadata"]
        if resource.namespaced and not metadata.get("namespace"):
            raise KsealError(
                f"{wanted['kind']}/{metadata['name']}: names no namespace",
                "set metadata.namespace, namespace in the kustomization, or spec.targetNamespace",
            )
        try:
            return self._client.get(resource, metadata.get("namespace"), metadata["name"])
        except NotFound:
            return None

    def _pruned(self, delivery: "Delivery", objects: Sequence[Object]) -> "Iterator[Difference | Failure]":
        """What the Kustomization applied before, and does not any more."""
        from engine.kube.errors import NotFound

        kept = {self._placed(obj) for obj in objects}
        ownership = delivery.ownership
        for ref, _ in self._inventory(delivery):
            if ref in kept:
                continue
            resource = self._discovery.find(ref.group, ref.kind)
            if resource is None:
                continue
            try:
                live = self._client.get(resource, ref.namespace or None, ref.name)
            except NotFound:
                continue
            except KsealError as error:
                yield Failure(str(ref), error.message, error.hint)
                continue
            if ownership.owns(live) and not ownership.is_protected(live):
                yield self._masks.difference(live, None)

    def _placed(self, obj: Object) -> "ObjectRef":
        """The identity of a built object in the cluster: what has no namespace there may have been given one."""
        from engine.desired import ref_of

        ref = ref_of(obj)
        return ref if self._is_namespaced(ref.group, ref.kind) is not False else ref._replace(namespace="")

    def _inventory(self, delivery: "Delivery") -> "Inventory":
        """The members that the live Kustomization has; none where there is no such Kustomization yet."""
        from engine.inventory import Inventory
        from engine.kube.errors import NotFound

        metadata = delivery.raw["metadata"]
        try:
            live = self._client.get(KUSTOMIZATION.resource, metadata["namespace"], metadata["name"])
        except NotFound:
            return Inventory()
        entries = mapping_at(live, "status", "inventory").get("entries")
        return Inventory.of_status(entries if isinstance(entries, list) else ())


def _plain() -> "Ownership":
    """For objects that no Kustomization owns: nothing is marked, and the words that steer are heeded."""
    from controller.flux.names import KUSTOMIZE
    from engine.ownership import Ownership

    return Ownership(manager=MANAGER, labels={}, control=KUSTOMIZE)


def _as_its_owner(wanted: Object, live: Object | None) -> tuple[Object, str]:
    """An object that a Kustomization delivers already, compared as that one would apply it: with its marks, by its
    field manager, so that removed fields are seen."""
    from controller.flux.names import KUSTOMIZE, KUSTOMIZE_CONTROLLER
    from engine.ownership import metadata_of

    labels = metadata_of(live, "labels") if live else {}
    marks = {key: labels[key] for key in (f"{KUSTOMIZE}/name", f"{KUSTOMIZE}/namespace") if key in labels}
    if not marks:
        return wanted, MANAGER
    metadata: Mapping[str, Any] = wanted["metadata"]
    own = {**metadata.get("labels", {}), **marks}
    return {**wanted, "metadata": {**metadata, "labels": own}}, KUSTOMIZE_CONTROLLER


def _defined(objects: Sequence[Object]) -> frozenset[tuple[str, str]]:
    """The kinds that definitions among the objects bring."""
    found = set()
    for obj in objects:
        if obj.get("kind") == "CustomResourceDefinition":
            spec = mapping_at(obj, "spec")
            found.add((str(spec.get("group")), str(mapping_at(spec, "names").get("kind"))))
    return frozenset(found)
