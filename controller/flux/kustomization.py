"""One Kustomization brought from its source to the cluster: steps in order, and one status at the end.

Nothing here waits. What cannot go on returns when it is to be looked at again; what was under way is found in `Passes`,
or, after a restart, begun anew, which costs little because what is right already is not touched.
Source: flux.md section 4; engine.md sections 1 to 4.
"""

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import orjson
from engine.health.expressions import Expressions

from controller.errors import NotLeading
from controller.flux import conditions, dependencies, halt
from controller.flux.artifacts import Artifacts
from controller.flux.clusters import Clusters, Destination
from controller.flux.conditions import HEALTHY, PROGRESSING, PROGRESSING_WITH_RETRY, READY, RECONCILING, At
from controller.flux.deletion import Deletion
from controller.flux.durations import spelled
from controller.flux.events import Severity
from controller.flux.halt import NEVER, Halt, Next
from controller.flux.history import Attempt, with_attempt
from controller.flux.index import Concerns
from controller.flux.inputs import Inputs
from controller.flux.names import KUSTOMIZE, KUSTOMIZE_CONTROLLER, SOURCES, Name
from controller.flux.objects import Objects
from controller.flux.passes import Pass, Passes
from controller.flux.reference import artifact_of, origin_revision
from controller.flux.spec import Spec, read
from controller.flux.statuses import Statuses
from controller.flux.telling import Telling
from controller.settings import Flux
from engine.build import Builder, Built
from engine.desired import desired
from engine.errors import KsealError, Stalled
from engine.execute import HealthFailed, Progress, PruneFailed, step
from engine.inventory import Inventory
from engine.kube.refs import ObjectRef
from engine.ownership import Foreign, Ownership
from engine.plan import Apply, Gate, Plan, Wave, plan_by_kind
from engine.source.base import Artifact
from engine.source.tree import Tree
from engine.substitute import substitute_objects

IN_PROGRESS: Final = "Reconciliation in progress"
PATIENCE_SECONDS: Final = 1.0
"""What is awaited for less, be it health or a dependency, is not worth a status of its own."""
PROOF_SECONDS: Final = 3600.0
"""What was believed because no watch said otherwise is proven by dry-runs so often."""
SYNC_SECONDS: Final = 5.0
"""For the watches of new kinds to have been listed, before objects are looked up one by one."""

_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
_KUBECTL: Final = (Foreign("kubectl", "Apply"), Foreign("kubectl", "Update"), Foreign("before-first-apply", "Update"))


class Draft:
    """An object and the status that is being made for it."""

    def __init__(self, raw: dict[str, Any], now: datetime) -> None:
        self.raw = raw
        self.status: dict[str, Any] = deepcopy(raw.get("status") or {})
        self.at = At(raw["metadata"].get("generation") or 0, now)
        self.progress = ""
        """What is under way, for the case that it fails."""

    @property
    def called(self) -> str:
        return f"Kustomization/{self.raw['metadata']['namespace']}/{self.raw['metadata']['name']}"


class Wanted(NamedTuple):
    """What a source and a Kustomization together ask for."""

    artifact: Artifact
    origin: str
    inputs: bytes
    """Digest of all that decides what is applied."""
    variables: Mapping[str, str] | None
    destination: Destination


class Reconciler:
    """Turns names of Kustomizations into applied objects. The queue gives a name to one thread at a time."""

    def __init__(
        self,
        *,
        kustomizations: Objects,
        sources: Mapping[str, Objects],
        statuses: Statuses,
        clusters: Clusters,
        artifacts: Artifacts,
        builder: Builder,
        inputs: Inputs,
        deletion: Deletion,
        passes: Passes,
        concerns: Concerns,
        telling: Telling,
        settings: Flux,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float],
    ) -> None:
        """`jitter` gives numbers from 0 to 1."""
        self._kustomizations = kustomizations
        self._sources = sources
        self._statuses = statuses
        self._clusters = clusters
        self._artifacts = artifacts
        self._builder = builder
        self._inputs = inputs
        self._deletion = deletion
        self._passes = passes
        self._concerns = concerns
        self._telling = telling
        self._settings = settings
        self._now = now
        self._clock = clock
        self._jitter = jitter
        self._proven: dict[Name, float] = {}
        self._missing_since: dict[Name, float] = {}

    def reconcile(self, name: Name) -> Next:
        """Bring one Kustomization as far as it comes now. Raises: NotLeading; ApiError when nothing could be told."""
        seen = self._kustomizations.get(name)
        if seen is None:
            self.forget(name)
            return NEVER
        raw = seen.object()
        if seen.is_deleting:
            following = self._deletion.finalize(name, raw)
            if following is NEVER:
                self.forget(name)
            return following
        raw = self._statuses.add_finalizer(raw)
        draft = Draft(raw, self._now())
        started = self._clock()
        try:
            following = self._attempt(name, draft, started)
        except Halt as stop:
            if stop.is_passing and (left := self._patience_left(name)) > 0:
                return Next(left)
            following = self._halted(name, draft, stop)
        handled = _requested(raw)
        if handled:
            draft.status["lastHandledReconcileAt"] = handled
        self._statuses.write(draft.raw, draft.status)
        return following

    def _patience_left(self, name: Name) -> float:
        """For how long what is missing may still come before anybody is told: with each new revision dependencies are
        behind for a moment."""
        since = self._missing_since.setdefault(name, self._clock())
        return since + PATIENCE_SECONDS - self._clock()

    def forget(self, name: Name) -> None:
        """The Kustomization is gone."""
        self._missing_since.pop(name, None)
        self._passes.drop(name)
        self._proven.pop(name, None)
        self._concerns.drop(name)
        self._clusters.forget(owner_of(name))
        self._telling.forget(name)

    def awaits(self, name: Name, ref: ObjectRef) -> bool:
        """Whether the verdict on an object is what the last pass of a Kustomization waits for."""
        found = self._passes.get(name)
        if found is None or found.is_done or found.progress is None or found.progress.waits is None:
            return False
        return ref in found.progress.waits.refs

    def is_missing_something(self, name: Name) -> bool:
        """Whether a source or a dependency is waited for of which nobody was told yet."""
        return name in self._missing_since

    def suspects(self, name: Name, ref: ObjectRef) -> bool:
        """Whether a member of a finished Kustomization is not any more what its last apply left."""
        found = self._passes.get(name)
        return found is not None and found.is_done and found.destination.suspects(owner_of(name), ref)

    # The steps

    def _attempt(self, name: Name, draft: Draft, started: float) -> Next:
        try:
            spec = read(draft.raw)
        except Stalled as error:
            raise Halt(halt.BUILD_FAILED, error.message, hint=error.hint, is_stalled=True) from error
        if spec.suspend:
            return NEVER
        expressions = self._expressions(spec)
        self._missing_since.setdefault(name, self._clock())  # before the look: what comes meanwhile must wake us
        source = self._source(name, spec)
        artifact = artifact_of(source)
        if artifact is None:
            seconds = self._settings.dependency_requeue
            what = f"Source artifact not found, retrying in {spelled(seconds)}"
            following = Next(seconds.total_seconds())
            raise Halt(halt.ARTIFACT_FAILED, what, following=following, severity=None, is_passing=True)
        dependencies.check(
            draft.raw,
            spec,
            source,
            find=self._found,
            is_additive=self._settings.additive_expressions,
            retry_seconds=self._settings.dependency_requeue.total_seconds(),
            retry_text=spelled(self._settings.dependency_requeue),
        )
        self._missing_since.pop(name, None)
        draft.progress = (
            f"Fetching manifests for revision {artifact.revision} with a timeout of {spelled(spec.timeout)}"
        )
        current = self._current(name, draft, spec, artifact, expressions)
        return self._go_on(name, draft, spec, current, started)

    def _expressions(self, spec: Spec) -> Expressions | None:
        if not spec.health_expressions:
            return None
        try:
            return Expressions(spec.health_expressions)
        except KsealError as error:
            what = f"Reconciliation failed terminally due to configuration error: {error.message}"
            raise Halt(halt.INVALID_EXPRESSION, what, hint=error.hint, is_stalled=True) from error

    def _source(self, name: Name, spec: Spec) -> dict[str, Any]:
        kind, at = spec.source.kind, spec.source.at
        if self._settings.restricts_references and at.namespace != name.namespace:
            what = f"can't access '{kind}/{at}', cross-namespace references have been blocked"
            raise Halt(halt.ACCESS_DENIED, what, is_stalled=True)
        if kind == "ExternalArtifact" and not self._settings.allows_external_artifacts:
            what = f"can't access '{kind}/{at}', ExternalArtifact feature gate is disabled"
            raise Halt(halt.ACCESS_DENIED, what, is_stalled=True)
        if kind not in SOURCES:
            raise Halt(halt.ARTIFACT_FAILED, f"source `{at.name}` kind '{kind}' not supported", severity=None)
        found = self._sources[kind].get(at)
        if found is None:
            plural = f"{SOURCES[kind].plural}.{SOURCES[kind].group}"
            raise Halt(halt.ARTIFACT_FAILED, f'{plural} "{at.name}" not found', severity=None)
        return found.object()

    def _found(self, at: Name) -> dict[str, Any] | None:
        found = self._kustomizations.get(at)
        return None if found is None else found.object()

    def _current(
        self, name: Name, draft: Draft, spec: Spec, artifact: Artifact, expressions: Expressions | None
    ) -> Pass:
        """The pass that these inputs ask for: the one under way or done, or a new one."""
        known = self._passes.get(name)
        with self._tree(artifact) as tree:
            self._check_path(tree, spec)
            draft.status["lastAttemptedRevision"] = artifact.revision
            draft.progress = draft.progress.replace("Fetching", "Building", 1)
            if known is not None and self._goes_on(known, draft, spec, artifact):
                return known
            wanted = self._wanted(name, draft, spec, artifact, tree)
            if known is not None and self._is_wanted(known, wanted) and self._stands(name, known):
                known.revision, known.origin = artifact.revision, wanted.origin
                return known
            wanted.destination.judge_by(owner_of(name), expressions)
            return self._begin(name, draft, spec, wanted, tree)

    def _is_wanted(self, known: Pass, wanted: Wanted) -> bool:
        return known.inputs == wanted.inputs and known.destination is wanted.destination

    def _goes_on(self, known: Pass, draft: Draft, spec: Spec, artifact: Artifact) -> bool:
        """Whether a pass is under way for this very state of everything, so that its inputs need not be read again."""
        if known.is_done or known.progress is None or known.progress.failed is not None:
            return False
        reads = spec.decrypts or bool(spec.post_build and spec.post_build.references)
        return not reads and (known.generation, known.revision) == (draft.at.generation, artifact.revision)

    def _stands(self, name: Name, known: Pass) -> bool:
        """Whether a pass of equal inputs need not be begun anew: it is under way, or what it led to still holds."""
        if not known.is_done:
            return known.progress is not None and known.progress.failed is None
        if self._clock() - self._proven.get(name, float("-inf")) > PROOF_SECONDS:
            return False
        owner = owner_of(name)
        if not all(known.destination.holds(owner, member.ref) for member in known.members):
            return False
        gate = known.plan.waves[-1].gate if known.plan.waves else None
        return gate is None or all(known.destination.is_current(owner, ref) for ref in gate.refs)

    @contextmanager
    def _tree(self, artifact: Artifact) -> Iterator[Tree]:
        with _failing_with(halt.ARTIFACT_FAILED):
            lease = self._artifacts.lease(artifact)
            tree = lease.__enter__()
        try:
            yield tree
        finally:
            lease.__exit__(None, None, None)

    def _check_path(self, tree: Tree, spec: Spec) -> None:
        if spec.overlay.path and not tree.has_folder(spec.overlay.path):
            what = f"kustomization path not found: stat {spec.overlay.path}: no such file or directory"
            raise Halt(halt.ARTIFACT_FAILED, what, hint="spec.path names a folder below the root of the source")

    def _wanted(self, name: Name, draft: Draft, spec: Spec, artifact: Artifact, tree: Tree) -> Wanted:
        destination = self._clusters.destination(name, spec)
        with _failing_with(halt.BUILD_FAILED):
            key = self._builder.key(tree, spec.overlay)
            variables = self._inputs.variables(name, spec.post_build) if spec.post_build else None
            keys = self._inputs.decryption_version(name, spec) if spec.decrypts else ""
        decides = {field: value for field, value in draft.raw["spec"].items() if field not in _WITHOUT_EFFECT}
        text = orjson.dumps([key, variables, keys, decides], option=orjson.OPT_SORT_KEYS)
        inputs = hashlib.blake2b(text, digest_size=32).digest()
        return Wanted(artifact, origin_revision(artifact), inputs, variables, destination)

    def _begin(self, name: Name, draft: Draft, spec: Spec, wanted: Wanted, tree: Tree) -> Pass:
        """Build, and plan what there is to do."""
        ownership = self._ownership(name, spec)
        with _failing_with(halt.BUILD_FAILED):
            with self._inputs.decryptor(name, spec) as decryptor:
                built = self._builder.build(tree, spec.overlay, decryptor=decryptor)
            objects = self._substituted(spec, wanted, built)
        with _failing_with(halt.RECONCILIATION_FAILED):
            objects = desired(objects, ownership, is_namespaced=wanted.destination.is_namespaced)
        before = Inventory.of_status((draft.status.get("inventory") or {}).get("entries") or ())
        members = Plan((Wave(tuple(map(Apply, objects))),)).members()
        gate = self._gate(name, spec, members, wanted.destination)
        plan = plan_by_kind(
            objects,
            stale=before.stale(members) if spec.prune else None,
            custom_stages=self._settings.custom_stages,
            wait=gate,
        )
        found = Pass(
            inputs=wanted.inputs,
            revision=wanted.artifact.revision,
            origin=wanted.origin,
            checksum=checksum_of(built, objects),
            plan=plan,
            awaits_health=gate is not None,
            generation=draft.at.generation,
            destination=wanted.destination,
            ownership=ownership,
            before=before,
            desired=members,
            begun=self._clock(),
            begun_at=self._now(),
        )
        self._passes.put(name, found)
        return found

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

    def _ownership(self, name: Name, spec: Spec) -> Ownership:
        own = Foreign(KUSTOMIZE_CONTROLLER, "Update")
        more = [
            Foreign(manager, operation)
            for manager in self._settings.overridden_managers
            for operation in ("Apply", "Update")
        ]
        return Ownership(
            manager=KUSTOMIZE_CONTROLLER,
            labels={f"{KUSTOMIZE}/name": name.name, f"{KUSTOMIZE}/namespace": name.namespace},
            control=KUSTOMIZE,
            foreign=(*_KUBECTL, own, *more),
            kept_manager="flux-client-side-apply",
            dropped_annotations=(_LAST_APPLIED, f"{KUSTOMIZE}/checksum", "fluxcd.io/sync-checksum"),
            dropped_labels=("fluxcd.io/sync-gc-mark",),
            common_labels=spec.common_labels,
            common_annotations=spec.common_annotations,
        )

    def _gate(self, name: Name, spec: Spec, members: Inventory, destination: Destination) -> Gate | None:
        if spec.wait:
            refs = tuple(member.ref for member in members)
        else:
            refs = tuple(destination.placed(ref, name.namespace) for ref in spec.health_checks)
        own = ObjectRef(KUSTOMIZE, "Kustomization", name.namespace, name.name)
        awaited = tuple(ref for ref in refs if ref != own)
        return Gate(awaited, "healthy", spec.timeout.total_seconds()) if awaited else None

    # Doing it

    def _go_on(self, name: Name, draft: Draft, spec: Spec, current: Pass, started: float) -> Next:
        if current.is_done:
            return self._succeeded(name, draft, spec, current, started)
        started = current.begun
        owner = owner_of(name)
        timeout = f"with a timeout of {spelled(spec.timeout)}"
        draft.progress = f"Detecting drift for revision {current.revision} {timeout}"
        if current.progress is None:
            self._track(name, draft, spec, current)
        was = len(_written(current.progress))
        with _failing_with(halt.RECONCILIATION_FAILED):
            current.progress = step(
                current.plan,
                current.progress,
                current.destination.live,
                owner=owner,
                ownership=current.ownership,
                force=spec.force,
                ignores=spec.ignores,
                concurrency=self._settings.concurrent_applies,
                fails_fast=self._settings.fails_fast,
            )
        progress = current.progress
        lines = _written(progress)[was:]
        if lines:
            current.is_changed = True
            self._tell(draft, current, "info", "\n".join(lines), reason=PROGRESSING)
        if progress.failed is not None:
            raise self._failed(draft, spec, current, progress)
        if not progress.is_done:
            return self._waiting(name, draft, spec, current, progress)
        current.is_done = True
        current.members = progress.members(current.plan, current.before)
        current.plan = current.plan.without_objects()
        self._proven[name] = self._clock()
        return self._succeeded(name, draft, spec, current, started)

    def _track(self, name: Name, draft: Draft, spec: Spec, current: Pass) -> None:
        """Before the first write the status names every member, the old ones and the new: nothing can be orphaned."""
        every = current.before | current.desired
        awaited = (ref for wave in current.plan.waves if wave.gate for ref in wave.gate.refs)
        refs = {member.ref for member in every}.union(awaited)
        self._concerns.members.put(name, refs)
        kinds = {(ref.group, ref.kind) for ref in refs}
        current.destination.follow(owner_of(name), kinds, SYNC_SECONDS)
        if every == current.before:
            return
        draft.status["inventory"] = {"entries": every.to_status()}
        self._progressing(draft, spec, f"Detecting drift for revision {current.revision}")
        draft.raw = self._statuses.write(draft.raw, draft.status)

    def _waiting(self, name: Name, draft: Draft, spec: Spec, current: Pass, progress: Progress) -> Next:
        """Health is awaited. Whoever changes wakes us; the deadline does in any case."""
        refs = {member.ref for member in current.before | current.desired}
        self._concerns.members.put(name, refs.union(progress.waits.refs if progress.waits else ()))
        if progress.is_begun and progress.wave == len(current.plan.waves) - 1:
            current.plan = current.plan.without_objects()
        left = max(progress.deadline - self._clock(), 0.0)
        if progress.look_again_seconds is not None:
            left = min(left, progress.look_again_seconds)
        if not current.is_health_told and self._clock() - current.begun < PATIENCE_SECONDS:
            draft.status = deepcopy(draft.raw.get("status") or {})  # too early to say anything
            return Next(min(PATIENCE_SECONDS, left))
        current.is_health_told = True
        message = f"Running health checks for revision {current.revision}"
        self._progressing(draft, spec, message)
        text = f"{message} with a timeout of {spelled(spec.timeout)}"
        conditions.set_condition(draft.status, HEALTHY, "Unknown", PROGRESSING, text, draft.at)
        return Next(left)

    def _progressing(self, draft: Draft, spec: Spec, what: str) -> None:
        conditions.set_condition(draft.status, READY, "Unknown", PROGRESSING, IN_PROGRESS, draft.at)
        text = f"{what} with a timeout of {spelled(spec.timeout)}"
        conditions.mark_reconciling(draft.status, PROGRESSING, text, draft.at)

    # Ends

    def _succeeded(self, name: Name, draft: Draft, spec: Spec, current: Pass, started: float) -> Next:
        status, at = draft.status, draft.at
        was_ready = conditions.is_true(status, READY)
        was_healthy = conditions.is_true(status, HEALTHY)
        is_asked = _requested(draft.raw) != (status.get("lastHandledReconcileAt") or "")
        took = timedelta(seconds=max(self._clock() - started, 0.0))
        if current.awaits_health:
            if not was_healthy or current.is_health_told:
                passed = f"Health check passed in {spelled(took)}"
                conditions.set_condition(status, HEALTHY, "True", conditions.SUCCEEDED, passed, at)
                if not was_healthy:
                    self._tell(draft, current, "info", passed, reason=PROGRESSING)
        else:
            conditions.remove(status, HEALTHY)
        self._concerns.members.put(name, (member.ref for member in current.members))
        status["inventory"] = {"entries": current.members.to_status()}
        text = f"Applied revision: {current.revision}"
        conditions.remove(status, RECONCILING, conditions.STALLED)
        conditions.set_condition(status, READY, "True", halt.RECONCILIATION_SUCCEEDED, text, at)
        status["observedGeneration"] = at.generation
        status["lastAppliedRevision"] = current.revision
        _set_or_drop(status, "lastAppliedOriginRevision", current.origin)
        is_news = current.is_changed or is_asked or not was_ready
        if is_news or status != (draft.raw.get("status") or {}):
            self._note(status, draft, current, halt.RECONCILIATION_SUCCEEDED, took)
        finished = f"Reconciliation finished in {spelled(took)}, next run in {spelled(spec.interval)}"
        self._tell(draft, current, "info", finished, commit_status=True, is_news=is_news)
        self._telling.log(draft.called, "applied", current, took, is_news=is_news)
        current.is_changed = current.is_health_told = False
        percent = self._settings.jitter_percent / 100
        return Next(spec.interval.total_seconds() * (1 + percent * (2 * self._jitter() - 1)))

    def _failed(self, draft: Draft, spec: Spec, current: Pass, progress: Progress) -> Halt:
        """A pass that cannot end well. What it has done stands, and the status names every member."""
        error = progress.failed
        assert error is not None  # noqa: S101 - the caller has looked
        if isinstance(error, PruneFailed):
            reason, message = halt.PRUNE_FAILED, error.message
        elif isinstance(error, HealthFailed):
            reason = halt.HEALTH_CHECK_FAILED
            draft.progress = draft.progress.replace("Detecting drift", "Running health checks", 1)
            took = timedelta(seconds=self._clock() - current.begun)
            message = f"health check failed after {spelled(took)}: {error.message}"
            conditions.set_condition(draft.status, HEALTHY, "False", reason, error.message, draft.at)
        else:
            reason, message = halt.RECONCILIATION_FAILED, error.message
        took = timedelta(seconds=max(self._clock() - current.begun, 0.0))
        draft.status["inventory"] = {"entries": progress.members(current.plan, current.before).to_status()}
        current.plan = current.plan.without_objects()
        self._note(draft.status, draft, current, reason, took)
        self._telling.log_failure(draft.called, reason, current, error)
        return Halt(reason, message, hint=error.hint, following=Next(spec.retry_interval.total_seconds()))

    def _halted(self, name: Name, draft: Draft, stop: Halt) -> Next:
        status, at = draft.status, draft.at
        is_news = (conditions.get(status, READY) or {}).get("message") != stop.message
        conditions.set_condition(status, READY, "False", stop.reason, stop.message, at)
        if stop.is_stalled:
            conditions.mark_stalled(status, stop.reason, stop.message, at)
            status["observedGeneration"] = at.generation
        else:
            under_way = draft.progress or (conditions.get(status, RECONCILING) or {}).get("message", "")
            if under_way:
                conditions.set_condition(status, RECONCILING, "True", PROGRESSING_WITH_RETRY, under_way, at)
        current = self._passes.get(name)
        if stop.severity is not None:
            self._tell(draft, current, stop.severity, stop.told, hint=stop.hint, is_news=is_news)
        if is_news:
            self._telling.log_halt(draft.called, stop)
        if stop.following is not None:
            return stop.following
        if stop.is_stalled:
            return NEVER
        return Next(_retry_seconds(draft.raw))

    def _note(self, status: dict[str, Any], draft: Draft, current: Pass, how: str, took: timedelta) -> None:
        metadata = {"revision": current.revision, **({"originRevision": current.origin} if current.origin else {})}
        attempt = Attempt(current.checksum, how, draft.at.now, took, metadata)
        status["history"] = with_attempt(status.get("history"), attempt, spelled(took))

    def _tell(
        self,
        draft: Draft,
        current: Pass | None,
        severity: Severity,
        message: str,
        *,
        reason: str = "",
        hint: str | None = None,
        commit_status: bool = False,
        is_news: bool = True,
    ) -> None:
        reason = reason or (conditions.get(draft.status, READY) or {}).get("reason") or severity
        metadata = {"revision": current.revision} if current is not None else {}
        if current is not None and current.origin:
            metadata["originRevision"] = current.origin
        if commit_status:
            metadata["commit_status"] = "update"
        text = f"{message}; {hint}" if hint else message
        self._telling.event(draft.raw, severity, reason, text, metadata, is_news=is_news)


_WITHOUT_EFFECT: Final = frozenset({"interval", "retryInterval", "suspend", "dependsOn", "sourceRef", "deletionPolicy"})
"""Fields of a spec that change nothing of what is applied."""


def owner_of(name: Name) -> str:
    """What the engine calls a Kustomization."""
    return f"Kustomization/{name}"


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


@contextmanager
def _failing_with(reason: str) -> Iterator[None]:
    """What goes wrong in here is a failure of this kind. Raises: Halt, NotLeading."""
    try:
        yield
    except (Halt, NotLeading):
        raise
    except KsealError as error:
        raise Halt(reason, error.message, hint=error.hint) from error


def _written(progress: Progress | None) -> list[str]:
    """A line for each object that was written so far."""
    return [str(change) for change in progress.changes if change.action.is_change] if progress else []


def _requested(raw: Mapping[str, Any]) -> str:
    value = (raw["metadata"].get("annotations") or {}).get("reconcile.fluxcd.io/requestedAt")
    return value if isinstance(value, str) else ""


def _retry_seconds(raw: Mapping[str, Any]) -> float:
    try:
        return read(raw).retry_interval.total_seconds()
    except Stalled:
        return 60.0


def _set_or_drop(status: dict[str, Any], field: str, value: str) -> None:
    if value:
        status[field] = value
    else:
        status.pop(field, None)
