"""Suspending and resuming: which objects, and the one field that is changed."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from controller.cli import asked, standing
from sealer.cli import files, listing
from sealer.cli.misuse import Misused
from sealer.cli.verb import Given, Option

if TYPE_CHECKING:
    from controller.cli.found import Found
    from engine.kube.client import Cluster
    from sealer.cli.terminal import Terminal

EVERY: Final = Option(("--all",), "All objects of the kinds, in the namespace.")
MANAGER: Final = "kseal"


class Switched(NamedTuple):
    """What became of one object."""

    found: "Found"
    state: str


def chosen(client: "Cluster", given: Given, home: str, terminal: "Terminal", *, example: str) -> "list[Found]":
    """The objects that the line names, or all of a kind where it says so by `--all` or a selector.

    Raises: Misused, KsealError: when one is missing, nothing is changed.
    """
    from controller.cli import found, reach

    wanted = asked.read(given.files, example=example)
    selector = given.text("selector")
    if not wanted:
        raise Misused("no object is named", hint=f"for example: {example}")
    for one in wanted:
        if one.name and (given.flag("all") or selector):
            raise Misused(
                f"{one}: a name, and --all or a selector, contradict each other", hint=f"for example: {example}"
            )
        if not one.name and not given.flag("all") and not selector:
            raise Misused(
                f"which {one.kind.name} is meant is not named",
                hint=f"name it, or say --all or a selector; for example: {example}",
            )
        if not one.kind.is_suspendable and (one.name or len(wanted) == 1):
            raise Misused(f"{one.kind.name} cannot be suspended: another controller writes it")
    scope = reach.scope(given, home)
    switchable = [one for one in wanted if one.kind.is_suspendable]
    objects = list(found.look(client, switchable, scope, label_selector=selector, terminal=terminal))
    if not objects:
        terminal.warning("no object is meant", None if scope is None else "look everywhere with -A")
    return objects


def switch(client: "Cluster", one: "Found", *, to: bool) -> Switched:
    """Suspend or resume one object, unless it is so already. Raises: ApiError."""
    if standing.is_suspended(one.obj) is to:
        return Switched(one, "was suspended already" if to else "was not suspended")
    metadata = one.obj["metadata"]
    # Resuming removes the field instead of setting it to false, so that nobody is left as its owner.
    patch = {"spec": {"suspend": True if to else None}}
    changed = client.patch(one.kind.resource, metadata.get("namespace"), metadata["name"], patch, field_manager=MANAGER)
    return Switched(one._replace(obj=changed), "suspended" if to else "resumed")


def report(switched: Sequence[Switched], given: Given) -> None:
    """One row for each object."""
    if given.text("output") == "json":
        described = [{"object": one.found.ref, "state": one.state} for one in switched]
        files.write_output(listing.as_json(described), None)
        return
    rows = [(one.found.ref, one.state) for one in switched]
    files.write_output(listing.table(("OBJECT", "STATE"), rows), None)
