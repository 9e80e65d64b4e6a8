"""From the files of a source and a Kustomization to the pass that they ask for: built, substituted, owned, ordered."""

import hashlib
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import orjson

from controller.flux import halt
from controller.flux.clusters import Clusters, Destination
from controller.flux.draft import Draft, failing_with
from controller.flux.inputs import Inputs
from controller.flux.names import KUSTOMIZE, Name
from controller.flux.owning import ownership_of
from controller.flux.passes import Pass
from controller.flux.reference import origin_revision
from controller.flux.spec import Spec
from controller.settings import Flux
from engine.build import Builder, Built
from engine.desired import desired
from engine.errors import KsealError
from engine.inventory import Inventory
from engine.kube.refs import ObjectRef
from engine.plan import Apply, Gate, Plan, Wave, plan_by_kind
from engine.source.base import Artifact
from engine.source.tree import Tree
from engine.substitute import substitute_objects

_WITHOUT_EFFECT: Final = frozenset({"interval", "retryInterval", "suspend", "dependsOn", "sourceRef", "deletionPolicy"})
"""Fields of a spec that change nothing of what is applied."""


class Wanted(NamedTuple):
    """What a source and a Kustomization together ask for."""

    artifact: Artifact
    origin: str
    inputs: bytes
    """Digest of all that decides what is applied."""
    variables: Mapping[str, str] | None
    destination: Destination


class Planner:
    """Says what is wanted, and plans it. Used by many threads at once."""

    def __init__(
        self,
        *,
        clusters: Clusters,
        builder: Builder,
        inputs: Inputs,
        settings: Flux,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clusters = clusters
        self._builder = builder
        self._inputs = inputs
        self._settings = settings
        self._clock = clock

    def wanted(self, name: Name, draft: Draft, spec: Spec, artifact: Artifact, tree: Tree) -> Wanted:
        destination = self._clusters.destination(name, spec)
        with failing_with(halt.BUILD_FAILED):
            key = self._builder.key(tree, spec.overlay)
            variables = self._inputs.variables(name, spec.post_build) if spec.post_build else None
            keys = self._inputs.decryption_version(name, spec) if spec.decrypts else ""
        decides = {field: value for field, value in draft.raw["spec"].items() if field not in _WITHOUT_EFFECT}
        text = orjson.dumps([key, variables, keys, decides], option=orjson.OPT_SORT_KEYS)
        inputs = hashlib.blake2b(text, digest_size=32).digest()
        return Wanted(artifact, origin_revision(artifact), inputs, variables, destination)

    def plan(self, name: Name, draft: Draft, spec: Spec, wanted: Wanted, tree: Tree) -> Pass:
        """Build, and plan what there is to do."""
        ownership = ownership_of(
            name,
            common_labels=spec.common_labels,
            common_annotations=spec.common_annotations,
            overridden=self._settings.overridden_managers,
            migrates_versions=self._settings.migrates_versions,
        )
        with failing_with(halt.BUILD_FAILED):
            with self._inputs.decryptor(name, spec) as decryptor:
                built = self._builder.build(tree, spec.overlay, decryptor=decryptor)
            self._check_count(len(built.objects))
            objects = self._substituted(spec, wanted, built)
        draft.progress = draft.progress.replace("Building manifests", "Detecting drift", 1)
        with failing_with(halt.RECONCILIATION_FAILED):
            objects = desired(objects, ownership, is_namespaced=wanted.destination.is_namespaced)
        before = Inventory.of_status((draft.status.get("inventory") or {}).get("entries") or ())
        members = Plan((Wave(tuple(map(Apply, objects))),)).members()
        awaited = self._awaited(name, spec, members, wanted.destination)
        own = ObjectRef(KUSTOMIZE, "Kustomization", name.namespace, name.name)
        refs = tuple(ref for ref in awaited if ref != own)  # or it would wait for itself
        gate = Gate(refs, "healthy", spec.timeout.total_seconds(), is_whole=spec.wait) if refs else None
        plan = plan_by_kind(
            objects,
            stale=before.stale(members) if spec.prune else None,
            custom_stages=self._settings.custom_stages,
            wait=gate,
        )
        return Pass(
            inputs=wanted.inputs,
            revision=wanted.artifact.revision,
            origin=wanted.origin,
            checksum=checksum_of(built, objects),
            plan=plan,
            awaits_health=bool(awaited),
            generation=draft.at.generation,
            destination=wanted.destination,
            ownership=ownership,
            before=before,
            desired=members,
            begun=self._clock(),
        )

    def _check_count(self, count: int) -> None:
        """Raises: KsealError; before anything is made of so many."""
        most = self._settings.max_objects
        if count > most:
            raise KsealError(
                f"{count} objects are built, and a Kustomization may have {most}",
                "split it into several, or let the administrator raise --max-objects",
            )

    def _substituted(self, spec: Spec, wanted: Wanted, built: Built) -> list[dict[str, Any]]:
        objects = list(built.objects)
        if spec.post_build is None or not (wanted.variables or spec.post_build.is_always):
            return objects
        return substitute_objects(
            objects,
            wanted.variables or {},
            strict=self._settings.strict_substitution,
            is_exempt=lambda raw: says(raw, f"{KUSTOMIZE}/substitute", "disabled"),
        )

    def _awaited(self, name: Name, spec: Spec, members: Inventory, destination: Destination) -> tuple[ObjectRef, ...]:
        """The objects whose health the Kustomization asks for."""
        if spec.wait:
            return tuple(member.ref for member in members)
        refs = tuple(destination.placed(ref, name.namespace) for ref in spec.health_checks)
        with failing_with(halt.RECONCILIATION_FAILED):
            destination.check_visible(ref for ref in refs if ref not in members)
        return refs


def says(raw: Mapping[str, Any], key: str, value: str) -> bool:
    """Whether a label or an annotation of an object says this, in upper or lower case."""
    metadata = raw.get("metadata") or {}
    told = ((metadata.get(part) or {}).get(key) for part in ("labels", "annotations"))
    return any(isinstance(text, str) and text.casefold() == value for text in told)


def checksum_of(built: Built, objects: list[dict[str, Any]]) -> str:
    """Names what was built. Values of Secrets are not in it, else it could be tried out against guesses: where there
    are Secrets, the sources that they were built from stand for them."""
    has_secret = False
    shown = []
    for raw in objects:
        if raw.get("kind") == "Secret" and raw.get("apiVersion") == "v1":
            has_secret = True
            raw = {name: value for name, value in raw.items() if name not in ("data", "stringData")}  # noqa: PLW2901
        shown.append(raw)
    text = orjson.dumps([shown, built.key if has_secret else ""], option=orjson.OPT_SORT_KEYS)
    return f"sha256:{hashlib.sha256(text).hexdigest()}"
