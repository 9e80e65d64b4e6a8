"""One Kustomization brought from its source to the cluster: steps in order, and one status at the end.

Nothing here waits. What cannot go on returns when it is to be looked at again; what was under way is found in `Passes`,
or, after a restart, begun anew, which costs little because what is right already is not touched.
Source: flux.md section 4; engine.md sections 1 to 4.
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import combinations
from typing import Any, Final
from urllib.parse import urlsplit

from controller.flux import conditions, dependencies, halt
from controller.flux.artifacts import Artifacts
from controller.flux.clusters import Clusters
from controller.flux.conditions import PROGRESSING
from controller.flux.deletion import Deletion
from controller.flux.draft import Draft, failing_with, owner_of, requested
from controller.flux.durations import spelled
from controller.flux.ends import PATIENCE_SECONDS, Ends
from controller.flux.halt import BACKOFF, NEVER, Halt, Next
from controller.flux.index import Concerns
from controller.flux.names import SOURCES, Name
from controller.flux.objects import Objects
from controller.flux.passes import Pass, Passes
from controller.flux.planning import Planner, Wanted
from controller.flux.reference import artifact_of
from controller.flux.spec import Spec, read
from controller.flux.statuses import Statuses
from controller.flux.telling import Telling
from controller.settings import Flux
from engine.changes import Action, Change
from engine.errors import KsealError, Stalled
from engine.execute import Progress, step
from engine.health.expressions import Expressions
from engine.health.verdict import Health
from engine.kube.refs import ObjectRef
from engine.observed import Observed
from engine.source.base import Artifact
from engine.source.tree import Tree

PROOF_SECONDS: Final = 3600.0
"""What was believed because no watch said otherwise is proven by dry-runs so often."""
SOON_SECONDS: Final = 1.0
"""After what time a pass is looked after during which somebody else wrote."""
SYNC_SECONDS: Final = 5.0
"""For the watches of new kinds to have been listed, before objects are looked up one by one."""


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
        planner: Planner,
        ends: Ends,
        deletion: Deletion,
        passes: Passes,
        concerns: Concerns,
        telling: Telling,
        settings: Flux,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._kustomizations = kustomizations
        self._sources = sources
        self._statuses = statuses
        self._clusters = clusters
        self._artifacts = artifacts
        self._planner = planner
        self._ends = ends
        self._deletion = deletion
        self._passes = passes
        self._concerns = concerns
        self._telling = telling
        self._settings = settings
        self._now = now
        self._clock = clock
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
            following = self._ends.halted(name, draft, stop)
        if (handled := requested(raw)) and not draft.is_waiting:
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

    def awaits(self, name: Name, ref: ObjectRef, observed: Observed | None) -> bool:
        """Whether the verdict on an object is what the last pass of a Kustomization waits for.

        One that waited in vain has failed until its retry, unless the object has become well.
        """
        found = self._passes.get(name)
        if found is None or found.is_done or found.progress is None or found.progress.waits is None:
            return False
        if found.progress.failed is not None and (observed is None or observed.verdict.health is not Health.CURRENT):
            return False
        return ref in found.progress.waits.refs

    def is_missing_something(self, name: Name) -> bool:
        """Whether a source or a dependency is waited for of which nobody was told yet."""
        return name in self._missing_since

    def is_contested(self, ref: ObjectRef, names: Collection[Name]) -> bool:
        """Whether more than one of these have an object as a member, or are about to, in one cluster."""
        passes = [found for name in names if (found := self._passes.get(name)) is not None] if len(names) > 1 else []
        having = [found.destination for found in passes if ref in (found.members if found.is_done else found.desired)]
        return any(one.is_where(other) for one, other in combinations(having, 2))

    def suspects(self, name: Name, ref: ObjectRef) -> bool:
        """Whether a member of a finished Kustomization is not any more what its last apply left."""
        found = self._passes.get(name)
        return found is not None and found.is_done and found.destination.suspects(owner_of(name), ref)

    def disturb(self, name: Name, ref: ObjectRef, observed: Observed | None) -> None:
        """A member came to this state, None for gone, while its pass is under way: when it was not the pass that did
        it, the pass is followed by another look."""
        found = self._passes.get(name)
        if found is not None and not found.is_done and found.destination.is_beyond(owner_of(name), ref, observed):
            found.is_disturbed = True

    # The steps

    def _attempt(self, name: Name, draft: Draft, started: float) -> Next:
        try:
            spec = read(draft.raw)
        except Stalled as error:
            raise Halt(halt.BUILD_FAILED, error.message, hint=error.hint, is_stalled=True) from error
        if spec.suspend:
            if conditions.is_true(draft.status, conditions.READY):
                draft.status["observedGeneration"] = draft.at.generation  # others that depend on it may go on
            return NEVER
        expressions = self._expressions(spec)
        if spec.decryption_account:
            what = f"spec.decryption.serviceAccountName: '{spec.decryption_account}' cannot be logged in as"
            hint = "the feature ObjectLevelWorkloadIdentity is not there; put the keys into the Secret of secretRef"
            raise Halt(halt.FEATURE_GATE_DISABLED, what, hint=hint, is_stalled=True)
        self._missing_since.setdefault(name, self._clock())  # before the look: what comes meanwhile must wake us
        source = self._source(name, spec)
        artifact = artifact_of(source)
        if artifact is None:
            seconds = self._settings.dependency_requeue
            what = f"Source artifact not found, retrying in {spelled(seconds)}"
            following = Next(seconds.total_seconds())
            raise Halt(halt.ARTIFACT_FAILED, what, following=following, severity=None, is_passing=True)
        self._check_references(name, spec)
        self._check_artifact(spec, artifact)
        dependencies.check(
            draft.raw,
            spec,
            source,
            find=self._found,
            is_additive=self._settings.additive_expressions,
            retry_seconds=self._settings.dependency_requeue.total_seconds(),
            retry_text=spelled(self._settings.dependency_requeue),
        )
        draft.progress = (
            f"Fetching manifests for revision {artifact.revision} with a timeout of {spelled(spec.timeout)}"
        )
        current = self._current(name, draft, spec, artifact, expressions)
        return self._go_on(name, draft, spec, current, started)

    def _expressions(self, spec: Spec) -> Expressions | None:
        if not spec.health_expressions:
            return None
        try:
            return Expressions.of(spec.health_expressions)
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
            called = f"{kind}.{SOURCES[kind].group}"
            raise Halt(halt.ARTIFACT_FAILED, f'{called} "{at.name}" not found', severity=None)
        return found.object()

    def _check_references(self, name: Name, spec: Spec) -> None:
        """Under lockdown what others deliver is not even asked whether it is ready."""
        foreign = next((found.at for found in spec.depends_on if found.at.namespace != name.namespace), None)
        if self._settings.lockdown and foreign is not None:
            what = f"can't access 'Kustomization/{foreign}', cross-namespace references have been blocked"
            raise Halt(halt.ACCESS_DENIED, what, is_stalled=True)

    def _check_artifact(self, spec: Spec, artifact: Artifact) -> None:
        """Under lockdown a source has the artifact that is its own, whatever was written into its status."""
        kind, at = spec.source.kind, spec.source.at
        own = f"{kind.lower()}/{at.namespace}/{at.name}/"
        is_own = artifact.path.startswith(own) and urlsplit(artifact.url).path.endswith(f"/{artifact.path}")
        if self._settings.lockdown and not is_own:
            what = f"can't access the artifact of '{kind}/{at}', which is another one's"
            raise Halt(halt.ACCESS_DENIED, what, is_stalled=True)

    def _found(self, at: Name) -> dict[str, Any] | None:
        found = self._kustomizations.get(at)
        return None if found is None else found.object()

    def _current(
        self, name: Name, draft: Draft, spec: Spec, artifact: Artifact, expressions: Expressions | None
    ) -> Pass:
        """The pass that these inputs ask for: the one under way or done, or a new one."""
        known = self._passes.get(name)
        with self._tree(artifact) as tree:
            self._missing_since.pop(name, None)
            self._check_path(tree, spec)
            draft.status["lastAttemptedRevision"] = artifact.revision
            draft.progress = draft.progress.replace("Fetching", "Building", 1)
            if spec.overlay.path in tree.files:
                what = f"spec.path: {spec.overlay.path} is a file"
                raise Halt(halt.BUILD_FAILED, what, hint="spec.path names a folder below the root of the source")
            if known is not None and self._goes_on(known, draft, spec, artifact):
                return known
            wanted = self._planner.wanted(name, draft, spec, artifact, tree)
            if known is not None and known.destination.identity != wanted.destination.identity:
                # What another identity was told, or told of another cluster, proves nothing to this one.
                wanted.destination.doubt(owner_of(name), known.members | known.desired)
            if known is not None and self._is_wanted(known, wanted):
                is_news = known.revision != artifact.revision
                if self._stands(name, known) and (is_news or not self._is_to_be_proven(name, draft)):
                    known.revision, known.origin = artifact.revision, wanted.origin
                    return known
                if known.is_done and not is_news and self._is_to_be_proven(name, draft):
                    wanted.destination.doubt(owner_of(name), known.members)
            wanted.destination.judge_by(owner_of(name), expressions)
            found = self._planner.plan(name, draft, spec, wanted, tree)
            self._passes.put(name, found)
            if spec.prune and found.before and not found.desired:
                self._ends.empty(draft, found)
            return found

    def _is_wanted(self, known: Pass, wanted: Wanted) -> bool:
        if known.inputs != wanted.inputs or known.destination.identity != wanted.destination.identity:
            return False
        known.destination = wanted.destination  # the same one, which may have been opened anew
        return True

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
        owner = owner_of(name)
        if not all(known.destination.holds(owner, member.ref) for member in known.members):
            return False
        gate = known.plan.waves[-1].gate if known.plan.waves else None
        return gate is None or all(known.destination.is_current(owner, ref) for ref in gate.refs)

    def _is_to_be_proven(self, name: Name, draft: Draft) -> bool:
        """Whether what the watches say is not enough: somebody asks, or the last proof is old."""
        return draft.is_asked or self._clock() - self._proven.get(name, float("-inf")) > PROOF_SECONDS

    @contextmanager
    def _tree(self, artifact: Artifact) -> Iterator[Tree]:
        lease = self._artifacts.lease(artifact)
        try:
            tree = lease.__enter__()
        except KsealError as error:  # the queue sees to more attempts: no worker waits, and each sees the status anew
            raise Halt(
                halt.ARTIFACT_FAILED, error.message, hint=error.hint, following=BACKOFF, is_passing=True
            ) from error
        try:
            yield tree
        finally:
            lease.__exit__(None, None, None)

    def _check_path(self, tree: Tree, spec: Spec) -> None:
        path = spec.overlay.path
        if path and path not in tree.files and not tree.has_folder(path):
            what = f"kustomization path not found: stat {path}: no such file or directory"
            raise Halt(halt.ARTIFACT_FAILED, what, hint="spec.path names a folder below the root of the source")

    # Doing it

    def _go_on(self, name: Name, draft: Draft, spec: Spec, current: Pass, started: float) -> Next:
        if current.is_done:
            return self._ends.succeeded(name, draft, spec, current, started)
        started = current.begun
        owner = owner_of(name)
        timeout = f"with a timeout of {spelled(spec.timeout)}"
        draft.progress = f"Detecting drift for revision {current.revision} {timeout}"
        if current.progress is None:
            self._track(name, draft, spec, current)
        was = len(_written(current.progress))
        progress = self._step(owner, spec, current)
        if progress.waits is not None and progress.failed is None and progress.look_again_seconds is None:
            # What became healthy while that looked has woken nobody, since nobody knew yet that it is awaited.
            progress = self._step(owner, spec, current)
        lines = _written(progress)[was:]
        for told in ([str(one) for one in lines if not one.is_prune], [str(one) for one in lines if one.is_prune]):
            if told:
                current.is_changed = True
                self._ends.tell(draft, current, "info", "\n".join(told), reason=PROGRESSING)
        if progress.failed is not None:
            raise self._ends.failed(draft, spec, current, progress)
        if not progress.is_done:
            return self._ends.waiting(name, draft, spec, current, progress)
        current.is_done = True
        current.members = progress.members(current.plan, current.before)
        current.plan = current.plan.without_objects()
        self._proven[name] = self._clock()
        following = self._ends.succeeded(name, draft, spec, current, started)
        return Next(SOON_SECONDS) if current.is_disturbed else following

    def _step(self, owner: str, spec: Spec, current: Pass) -> Progress:
        with failing_with(halt.RECONCILIATION_FAILED):
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
        return current.progress

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
        self._ends.progressing(draft, spec, f"Detecting drift for revision {current.revision}")
        draft.raw = self._statuses.write(draft.raw, draft.status)


def _written(progress: Progress | None) -> list[Change]:
    """What is told of: each object that was written so far, and each that stays although it is no member any more."""
    changes = progress.changes if progress else ()
    return [one for one in changes if one.action.is_change or (one.is_prune and one.action is Action.SKIPPED)]
