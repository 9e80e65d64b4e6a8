"""Waiting until objects are reconciled, while somebody may be watching, and what is said at the end."""

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from controller.cli import reach, standing
from controller.cli.kinds import Kind, text_at
from controller.cli.standing import Outcome, Target
from engine.errors import KsealError
from sealer.cli import files, listing
from sealer.cli.verb import Given, Option

if TYPE_CHECKING:
    from controller.cli.following import Change
    from engine.kube.client import Cluster
    from sealer.cli.terminal import Terminal

LIMIT_SECONDS: Final = 300.0
"""Flux's program waits as long."""
TIMEOUT: Final = Option(("--timeout",), "How long to wait until the objects are ready [default: 5m].", "TIME")
_PROGRESS_AFTER_SECONDS: Final = 1.0
_LINE: Final = 120  # characters of a line of progress
_FAILED: Final = 1

Key = tuple[str, str, str]


class Wait(NamedTuple):
    """One object to wait for, as it is now."""

    kind: Kind
    obj: Mapping[str, Any]
    requested: str = ""
    """The request that has to be handled, if one was made."""
    target: Target | None = None
    """The revision that it has to come to, if there is one."""

    @property
    def key(self) -> Key:
        """Kind, namespace and name."""
        ref = self.kind.ref_of(self.obj)
        return ref.kind, ref.namespace, ref.name

    @property
    def outcome(self) -> Outcome:
        """What came of it so far."""
        outcome = standing.outcome(self.obj, requested=self.requested)
        if self.target is None or outcome is Outcome.WORKING:
            return outcome
        attempted = text_at(self.obj, "status", "lastAttemptedRevision")
        reached = attempted if outcome is Outcome.FAILED else self.kind.revision_of(self.obj)
        return outcome if self.target.is_met(reached) else Outcome.WORKING


def limit_seconds(given: Given) -> float:
    """Raises: Misused."""
    return reach.duration(given, TIMEOUT.key, LIMIT_SECONDS)


def until_done(
    client: "Cluster",
    waits: Sequence[Wait],
    limit: float,
    given: Given,
    terminal: "Terminal",
    *,
    is_reported: bool = True,
    done: dict[Key, Wait] | None = None,
) -> int:
    """Wait for all of them, and report each where that is wanted; 0 when all are ready, else 1 with the reasons said.

    `done` gets the objects as they are at the end. Raises: ApiError, and KsealError when one is deleted meanwhile.
    """
    waiting = {} if done is None else done
    waiting.update((one.key, one) for one in waits)
    _follow(client, waiting, time.monotonic() + limit, given, terminal)
    if is_reported:
        _report(list(waiting.values()), given)
    code = 0
    for one in waiting.values():
        if one.outcome is Outcome.READY:
            continue
        code = _FAILED
        _say(one, limit, terminal)
    return code


def _follow(client: "Cluster", waiting: dict[Key, Wait], deadline: float, given: Given, terminal: "Terminal") -> None:
    """Bring each up to date until none is at work, or the time is over."""
    from controller.cli.following import Followed, changes

    open_ = {key for key, one in waiting.items() if one.outcome is Outcome.WORKING}
    if not open_:
        return
    followed = [Followed.one(one.kind.resource, one.key[1], one.key[2]) for key, one in waiting.items() if key in open_]
    begun = time.monotonic()

    def show() -> None:
        """Where somebody watches, and it takes a while: one that is waited for, and how long already."""
        waited = time.monotonic() - begun
        if terminal.is_watched and not given.flag("quiet") and waited >= _PROGRESS_AFTER_SECONDS:
            terminal.overwrite(_progress(waiting[min(open_)], waited, len(open_)))

    try:
        for change in changes(client, followed, deadline=deadline, on_idle=show):
            one = _changed(waiting, change)
            if one.outcome is not Outcome.WORKING:
                open_.discard(one.key)
                if not open_:
                    return
            show()
    finally:
        terminal.overwrite("")


def _changed(waiting: dict[Key, Wait], change: "Change") -> Wait:
    key = (change.resource.kind, change.namespace, change.name)
    if change.obj is None:
        raise KsealError(f"{'/'.join(key)}: was deleted while we waited for it")
    waiting[key] = waiting[key]._replace(obj=change.obj)
    return waiting[key]


def _progress(one: Wait, waited: float, count: int) -> str:
    from sealer.cli.terminal import printable

    more = f" and {count - 1} more" if count > 1 else ""
    said = standing.short(standing.ready(one.obj).message)
    return printable(f"kseal: {waited:.0f} s: {'/'.join(one.key)}{more}: {said}")[:_LINE]


def _report(waits: Sequence[Wait], given: Given) -> None:
    if given.text("output") == "json":
        files.write_output(listing.as_json([_described(one) for one in waits]), None)
        return
    rows = [
        (
            "/".join(one.key),
            standing.short(one.kind.revision_of(one.obj)) or "-",
            one.outcome.value,
            standing.short(standing.ready(one.obj).message) or "-",
        )
        for one in waits
    ]
    files.write_output(listing.table(("OBJECT", "REVISION", "STATE", "MESSAGE"), rows), None)


def _described(one: Wait) -> dict[str, str]:
    now = standing.ready(one.obj)
    return {
        "object": "/".join(one.key),
        "revision": one.kind.revision_of(one.obj),
        "state": one.outcome.value,
        "reason": now.reason,
        "message": now.message,
    }


def _say(one: Wait, limit: float, terminal: "Terminal") -> None:
    """Why it is not ready."""
    ref, now = "/".join(one.key), standing.ready(one.obj)
    if one.outcome is Outcome.FAILED:
        terminal.error(f"{ref}: {now.reason}: {now.message}", f"its events: kseal events --for {ref_words(one)}")
        return
    handled = text_at(one.obj, "status", "lastHandledReconcileAt")
    if one.requested and handled != one.requested:
        if standing.is_at_work(one.obj):
            what = f"the pass before the request is not over after {limit:g} s: {now.message}"
            terminal.error(f"{ref}: {what}", f"wait longer with --timeout, or see what it waits for: {_tree(one)}")
            return
        hint = "does the controller run, and does it look after this namespace? kseal logs"
        terminal.error(f"{ref}: no controller has taken the request up within {limit:g} s", hint)
        return
    terminal.error(f"{ref}: is not ready after {limit:g} s: {now.message}", "wait longer with --timeout")


def _tree(one: Wait) -> str:
    return f"kseal tree {ref_words(one)}"


def ref_words(one: Wait) -> str:
    """How a person names the object on a command line."""
    kind, namespace, name = one.key
    return f"{kind.lower()}/{name} -n {namespace}"
