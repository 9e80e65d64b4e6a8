"""step: do of a plan what can be done now. It never waits for the cluster; whoever calls it comes back.

Progress is a value. What it lacks after a restart is found again: a plan that is begun anew finds its work done.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from engine.apply import Applier, Item, State
from engine.changes import Action, Change, ChangeSet
from engine.errors import KsealError
from engine.health.gate import look
from engine.health.verdict import Health, Verdict
from engine.ignore import IgnoreRule, Ignores
from engine.inventory import Inventory, Member
from engine.kube.errors import ApiError, is_outage
from engine.kube.refs import ObjectRef
from engine.live import Live as Live  # noqa: PLC0414  part of this module's face
from engine.live import Sight
from engine.ownership import Ownership
from engine.plan import Apply, Gate, Plan, Prune, Task, Wave
from engine.prune import prune

GONE_SECONDS = 60.0
"""How long an object may take to go that is to be made anew."""
SERVED_SECONDS = 60.0
"""How long a kind may take to be served after its definition is established."""
LOOK_SECONDS = 5.0
"""How soon to look again at what no watch tells about. Source: fluxcd/pkg ssa/manager_wait.go."""
SHORT_LOOK_SECONDS = 1.0
"""The same for what takes moments: an object that goes, a kind that comes."""
_MOST_TOLD = 20
"""Failures in one message."""


class PassError(KsealError):
    """A plan cannot be carried out to its end."""


class ApplyFailed(PassError):
    """Objects could not be applied, or what was applied in a stage did not come up."""


class PruneFailed(PassError):
    """Stale objects could not be deleted; they stay members."""


class HealthFailed(PassError):
    """What was applied is not healthy."""


class Progress(NamedTuple):
    """How far a plan is. The first three of `waits`, `failed` and `is_done` that holds says what comes next."""

    wave: int = 0
    is_begun: bool = False
    """All of the wave's tasks are done; what is left of it is its gate."""
    changes: ChangeSet = ChangeSet()
    waits: Gate | None = None
    """What is waited for, with the refs that are not as they should be yet. Kept when waiting has failed."""
    deadline: float = 0.0
    """By the clock of Live; meaningful while waiting."""
    failed: KsealError | None = None
    """ApplyFailed, PruneFailed or HealthFailed; nothing more will be done."""
    is_done: bool = False
    """The plan has come to its end, and well."""
    look_again_seconds: float | None = None
    """While waiting: come back after this time even when no watch tells anything, because none would."""
    left: tuple[Task, ...] = ()
    """Tasks of the wave that have to wait."""
    sights: Mapping[ObjectRef, Sight] = {}
    """How this pass saw objects that it read or wrote; empty at the end."""

    def members(self, plan: Plan, before: Inventory) -> Inventory:
        """The members as they are now.

        At the end of a plan: all that is applied, under the names that the server has, and what could not be deleted.
        An object that is not ours to delete leaves, as in Flux. Before the end: everything, old and new.
        """
        if not (self.is_done or isinstance(self.failed, PruneFailed | HealthFailed)):
            return plan.members() | before
        return Inventory(
            Member(change.ref, change.version)
            for change in self.changes
            if not change.is_prune or change.action is Action.FAILED
        )


def step(
    plan: Plan,
    progress: Progress | None,
    live: Live,
    *,
    owner: str,
    ownership: Ownership,
    force: bool = False,
    ignores: Sequence[IgnoreRule | Mapping[str, Any]] = (),
    concurrency: int = 4,
    fails_fast: bool = True,
) -> Progress:
    """Go on with a plan as far as it goes now: wave by wave, up to the first that fails or has to wait.

    Call it again when a verdict on one of `waits.refs` changes, at the deadline, and after `look_again_seconds`.
    The objects of a wave are all looked at before one of them is written; a wave with a failure ends the plan, and what
    it did not come to stays undone. Deletions go on after a failure. `fails_fast`: the first failed object ends the
    last wait.

    Raises: IgnoreError; ConfigError, LoginError and what the write gate raises, after which it can be called again with
    the same progress.
    """
    applier = Applier(
        live,
        owner=owner,
        ownership=ownership,
        force=force,
        ignores=Ignores(ignores),
        concurrency=concurrency,
    )
    doing = _Step(plan, live, applier, owner, ownership, fails_fast=fails_fast)
    now = progress or Progress()
    try:
        while not (now.is_done or now.failed):
            now = doing.next(now)
            if now.waits:
                break
    finally:
        live.records.flush()
    return now


class _Step:
    """One call of `step`: what it works with, and whether the server has gone away meanwhile."""

    def __init__(
        self, plan: Plan, live: Live, applier: Applier, owner: str, ownership: Ownership, *, fails_fast: bool
    ) -> None:
        self._plan = plan
        self._live = live
        self._applier = applier
        self._owner = owner
        self._ownership = ownership
        self._fails_fast = fails_fast
        self._outage: Verdict | None = None

    def next(self, now: Progress) -> Progress:
        """One move: the tasks of a wave, or its gate."""
        if now.wave >= len(self._plan.waves):
            return now._replace(waits=None, is_done=True, sights={})
        wave = self._plan.waves[now.wave]
        if not now.is_begun:
            return self._work(wave, now)
        if wave.gate is None:
            return now._replace(wave=now.wave + 1, is_begun=False, waits=None)
        return self._wait(wave.gate, now)

    def _work(self, wave: Wave, now: Progress) -> Progress:
        tasks = now.left or wave.tasks
        items = self._applier.apply([task.object for task in tasks if isinstance(task, Apply)])
        sights = {**now.sights, **{item.ref: item.sight for item in items if item.sight}}
        now = now._replace(sights=sights, changes=now.changes + (item.change for item in items if item.change))
        failures = [item.change for item in items if item.change and item.change.error]
        if failures:
            return now._replace(failed=_told(ApplyFailed, failures), waits=None, left=())
        late = [item for item in items if item.change is None]
        if late:
            return self._postpone(late, tasks, now)
        changes = list(self._prune([task.member for task in tasks if isinstance(task, Prune)], now))
        now = now._replace(changes=now.changes + changes, is_begun=True, waits=None, left=())
        failures = [change for change in changes if change.error]
        if failures:
            return now._replace(failed=_told(PruneFailed, failures))
        return now

    def _postpone(self, late: list[Item], tasks: Sequence[Task], now: Progress) -> Progress:
        """Some objects have to wait until others are gone or served. What waits already keeps its deadline."""
        going = tuple(item.ref for item in late if item.state is State.TERMINATING)
        gate = (
            Gate(going, "gone", GONE_SECONDS)
            if going
            else Gate(tuple(item.ref for item in late if item.state is State.UNSERVED), "served", SERVED_SECONDS)
        )
        is_new = now.waits is None or now.waits.kind != gate.kind
        deadline = self._live.clock() + gate.seconds if is_new else now.deadline
        waiting = {id(item.origin) for item in late}
        left = (task for task in tasks if isinstance(task, Prune) or id(task.object) in waiting)
        now = now._replace(waits=gate, deadline=deadline, left=tuple(left), look_again_seconds=SHORT_LOOK_SECONDS)
        if self._live.clock() < deadline:
            return now
        for item in late:
            if item.state is State.UNSERVED and item.resource is not None:
                self._live.forget(item.resource)
        said = {
            "gone": "immutable field detected, failed to wait for object to be deleted",
            "served": "dry-run failed: its kind is not served yet",
        }[gate.kind]
        return now._replace(failed=ApplyFailed("\n".join(f"{ref} {said}" for ref in gate.refs[:_MOST_TOLD])))

    def _prune(self, members: Sequence[Member], now: Progress) -> Iterator[Change]:
        if not members:
            return
        kept = {change.ref for change in now.changes if not change.is_prune}
        kept_uids = {sight.record.uid for sight in now.sights.values()}
        outage: KsealError | None = None
        for member in members:
            if outage is not None:
                yield Change(member.ref, Action.FAILED, outage, member.version, is_prune=True)
                continue
            change = prune(member, self._live, self._ownership, kept=kept, kept_uids=kept_uids)
            if change.error is not None and is_outage(change.error.__cause__):
                outage = change.error
            if change.action is not Action.FAILED:
                self._live.records.drop(self._owner, member.ref)
            yield change

    def _wait(self, gate: Gate, now: Progress) -> Progress:
        if now.waits is None:
            now = now._replace(deadline=self._live.clock() + gate.seconds)
        is_late = self._live.clock() >= now.deadline
        refs = self._awaited(gate, now)
        is_health = gate.kind == "healthy"
        if gate.kind == "gone":
            left = tuple(ref for ref in refs if self._verdict(ref, now).health is not Health.NOT_FOUND)
            failure = f"timeout waiting for the end of: {', '.join(map(str, left))}" if left and is_late else ""
        else:
            state = look(
                gate._replace(refs=refs),
                lambda ref: self._verdict(ref, now),
                is_late=is_late,
                fails_fast=self._fails_fast and is_health,
                may_vanish=gate.may_vanish,
            )
            left, failure = state.refs, state.failure
        if failure:
            kind = ApplyFailed if gate.kind == "established" else HealthFailed
            return now._replace(failed=kind(failure), waits=gate._replace(refs=refs))
        if not left:
            return now._replace(wave=now.wave + 1, is_begun=False, waits=None, look_again_seconds=None)
        is_watched = all(self._live.is_seen(ref) for ref in left)
        return now._replace(waits=gate._replace(refs=left), look_again_seconds=None if is_watched else LOOK_SECONDS)

    def _awaited(self, gate: Gate, now: Progress) -> tuple[ObjectRef, ...]:
        """The refs as the server has them; of a gate for all objects those that were not skipped."""
        refs = tuple(dict.fromkeys(map(self._live.placed, gate.refs)))
        if not gate.is_whole:
            return refs
        skipped = {change.ref for change in now.changes.of(Action.SKIPPED)}
        return tuple(ref for ref in refs if ref not in skipped)

    def _verdict(self, ref: ObjectRef, now: Progress) -> Verdict:
        """As Live has it. A server that is away is not asked for each object again: each would cost a time-out."""
        if self._outage is not None:
            return self._outage
        try:
            return self._live.judged(self._owner, ref, now.sights.get(ref))
        except ApiError as error:
            verdict = Verdict(Health.UNKNOWN, error.message)
            if is_outage(error):
                self._outage = verdict
            return verdict


def _told(kind: type[PassError], failures: Sequence[Change]) -> PassError:
    """One error for several objects: each says its own, up to some."""
    errors = list(dict.fromkeys(change.error for change in failures if change.error))
    texts = [error.message for error in errors[:_MOST_TOLD]]
    if len(errors) > _MOST_TOLD:
        texts.append(f"and {len(errors) - _MOST_TOLD} more")
    if kind is PruneFailed:
        message = "delete failed, errors: " + "".join(f"{text};" for text in texts)
    else:
        message = "\n".join(texts)
    found = kind(message, next((error.hint for error in errors if error.hint), None))
    found.__cause__ = errors[0]
    return found
