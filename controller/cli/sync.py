"""`kseal sync`: reconcile now, and wait until it is done."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from controller.cli import asked, kinds, reach, standing, waiting
from controller.cli.kinds import text_at
from engine.errors import KsealError
from sealer.cli import listing
from sealer.cli.misuse import Misused
from sealer.cli.verb import COMMON, Given, Option, Verb

if TYPE_CHECKING:
    from controller.cli.found import Found
    from controller.cli.waiting import Wait
    from engine.kube.client import Cluster
    from sealer.cli.terminal import Terminal

EXAMPLE: Final = "kseal sync kustomization/apps -n flux-system --with-source"
_MANAGER: Final = "kseal"


def run(given: Given, terminal: "Terminal", environ: Mapping[str, str]) -> int:
    """Raises: Misused, KsealError."""
    from controller.cli import found

    wanted = asked.objects(given.files, example=EXAMPLE)
    limit = waiting.limit_seconds(given)
    for one in wanted:
        if not one.kind.is_reconciled:
            raise Misused(f"{one}: another controller writes it; there is nothing to ask for here")
        if given.flag("with-source") and not one.kind.source:
            raise Misused(f"{one}: has no source", hint=f"--with-source is for Kustomizations: {EXAMPLE}")
    with reach.opened(given, environ) as (client, home):
        objects = [found.one(client, one, home) for one in wanted]
        fetched: dict[waiting.Key, waiting.Wait] = {}
        if given.flag("with-source"):
            sources = [_request(client, one) for one in _sources(client, objects, terminal)]
            if given.flag("no-wait"):
                terminal.info("the sources are asked, and not waited for")
            elif code := waiting.until_done(client, sources, limit, given, terminal, is_reported=False, done=fetched):
                return code
        waits = [_request(client, one)._replace(target=_target(one, fetched)) for one in objects]
        if given.flag("no-wait"):
            return 0
        return waiting.until_done(client, waits, limit, given, terminal)


def _target(one: "Found", fetched: "Mapping[waiting.Key, Wait]") -> standing.Target | None:
    """The revision of the source that was fetched for an object."""
    ref = one.kind.source_of(one.obj)
    source = fetched.get((ref.kind, ref.namespace, ref.name)) if ref else None
    if source is None:
        return None
    attempted = text_at(one.obj, "status", "lastAttemptedRevision")
    return standing.Target(source.kind.revision_of(source.obj), (one.kind.revision_of(one.obj), attempted))


def _sources(client: "Cluster", objects: "list[Found]", terminal: "Terminal") -> "list[Found]":
    """What the objects take their content from, each once. Raises: KsealError."""
    from controller.cli import found

    sources: dict[str, Found] = {}
    for one in objects:
        ref = one.kind.source_of(one.obj)
        kind = kinds.of_kind(ref.kind) if ref else None
        if ref is None or kind is None:
            called = f"{ref.kind} as its source, a kind" if ref else "no source"
            raise KsealError(f"{one.ref}: has {called} that kseal does not know", "sync it without --with-source")
        if not kind.is_reconciled:
            terminal.warning(f"{ref}: another controller writes it, and is not asked")
            continue
        sources[str(ref)] = found.one(client, asked.Asked(kind, ref.name), ref.namespace)
    return list(sources.values())


def _request(client: "Cluster", one: "Found") -> "Wait":
    """Ask the controller to work on an object now. Raises: KsealError when it is suspended."""
    if standing.is_suspended(one.obj):
        name = one.obj["metadata"]["name"]
        raise KsealError(
            f"{one.ref}: is suspended",
            f"resume it: kseal resume {one.kind.name.lower()}/{name} -n {one.obj['metadata']['namespace']} --wait",
        )
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    metadata = one.obj["metadata"]
    patch = {"metadata": {"annotations": {standing.REQUESTED_AT: now}}}
    changed = client.patch(one.kind.resource, metadata["namespace"], metadata["name"], patch, field_manager=_MANAGER)
    return waiting.Wait(one.kind, changed, now)


VERB: Final = Verb(
    name="sync",
    summary="Reconcile objects now, and wait until they are ready.",
    text="The controller is asked by the annotation that Flux's program uses. It ends with exit code 1 when an object "
    "has failed, with the reason, or when it is not ready in time.",
    examples=(EXAMPLE, "kseal sync gitrepo/web", "kseal sync ks apps infrastructure --timeout 2m"),
    options=(
        Option(("--with-source",), "First the source of each Kustomization, then the Kustomization."),
        Option(("--no-wait",), "Ask only, and do not wait."),
        waiting.TIMEOUT,
        listing.OUTPUT,
        *reach.OPTIONS,
        *COMMON,
    ),
    run=run,
    files="KIND/NAME",
    words=kinds.WORDS,
)
