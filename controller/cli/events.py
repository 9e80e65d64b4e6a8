"""`kseal events`: what the controllers said of the objects of deliveries."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from controller.cli import asked, kinds, reach
from controller.cli.kinds import mapping_at, text_at
from sealer.cli import files, listing
from sealer.cli.misuse import Misused
from sealer.cli.verb import COMMON, Given, Option, Verb

if TYPE_CHECKING:
    from controller.cli.asked import Asked
    from engine.kube.client import Cluster
    from sealer.cli.terminal import Terminal

EXAMPLE: Final = "kseal events --for kustomization/apps -n flux-system"
TYPES: Final = {"normal": "Normal", "warning": "Warning"}
_GROUPS: Final = frozenset(kind.resource.group for kind in kinds.KINDS)
_HEADING: Final = ("LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE")
_UNITS: Final = (("d", 86_400), ("h", 3_600), ("m", 60))


class Wanted(NamedTuple):
    """Which events are shown: of these objects, or all of our kinds where none is named; of these types."""

    objects: tuple[tuple[str, str, str], ...]
    """Kind, namespace and name; the latter two may be empty for any."""
    types: frozenset[str]

    def fits(self, event: Mapping[str, Any]) -> bool:
        """Whether an event is one of them."""
        about = mapping_at(event, "involvedObject")
        if text_at(about, "apiVersion").rpartition("/")[0] not in _GROUPS:
            return False
        if self.types and text_at(event, "type") not in self.types:
            return False
        kind, namespace, name = text_at(about, "kind"), text_at(about, "namespace"), text_at(about, "name")
        return not self.objects or any(
            kind == one[0] and one[1] in ("", namespace) and one[2] in ("", name) for one in self.objects
        )


def run(given: Given, terminal: "Terminal", environ: Mapping[str, str]) -> int:
    """Raises: Misused, KsealError."""
    words = [*given.files, *(word for text in given.texts("for") for word in text.split())]
    about = asked.read(words, example=EXAMPLE)
    types = _types(given)
    with reach.opened(given, environ) as (client, home):
        scope = reach.scope(given, home)
        objects, namespaces = _objects(client, about, scope)
        wanted = Wanted(objects, types)
        if given.flag("watch"):
            return _watch(client, wanted, namespaces, given)
        return _once(client, wanted, namespaces, given, terminal)


def _types(given: Given) -> frozenset[str]:
    words = [word for text in given.texts("types") for word in text.split(",")]
    for word in words:
        if word.lower() not in TYPES:
            raise Misused(f'"{word}" is no type of events', hint="the types are Normal and Warning")
    return frozenset(TYPES[word.lower()] for word in words)


def _objects(
    client: "Cluster", about: "list[Asked]", scope: str | None
) -> tuple[tuple[tuple[str, str, str], ...], list[str | None]]:
    """What is meant, and the namespaces to look into: what a named Kustomization takes its content from is part of it,
    wherever it is."""
    from engine.kube.errors import NotFound

    objects = [(one.kind.name, scope or "", one.name) for one in about]
    namespaces: list[str | None] = [scope]
    for one in about:
        if not one.name or not one.kind.source or scope is None:
            continue
        try:
            source = one.kind.source_of(client.get(one.kind.resource, scope, one.name))
        except NotFound:
            continue  # it may be gone, and its events are still there
        if source is not None:
            objects.append((source.kind, source.namespace, source.name))
            if source.namespace not in namespaces:
                namespaces.append(source.namespace)
    return tuple(objects), namespaces


def _once(client: "Cluster", wanted: Wanted, namespaces: list[str | None], given: Given, terminal: "Terminal") -> int:
    from engine.kube.refs import EVENTS

    found = [event for namespace in namespaces for event in client.list(EVENTS, namespace) if wanted.fits(event)]
    found.sort(key=last_seen)
    if given.text("output") == "json":
        files.write_output(listing.as_json([_described(event) for event in found]), None)
        return 0
    now, with_namespace = time.time(), _is_wide(namespaces)
    rows = [row(event, now, with_namespace=with_namespace) for event in found]
    files.write_output(listing.table(_heading(with_namespace=with_namespace), rows), None)
    if not found:
        terminal.warning("there are no such events", "the API server forgets events after an hour")
    return 0


def _watch(client: "Cluster", wanted: Wanted, namespaces: list[str | None], given: Given) -> int:
    """The events there are, then each when it comes, until Ctrl-C."""
    from controller.cli.columns import Columns
    from controller.cli.following import Followed, changes
    from engine.kube.refs import EVENTS

    with_namespace = _is_wide(namespaces)
    table = Columns(_heading(with_namespace=with_namespace))
    write: Callable[[Mapping[str, Any]], None]
    if given.text("output") == "json":

        def write(event: Mapping[str, Any]) -> None:
            files.write_output(listing.as_json(_described(event)), None)

    else:

        def write(event: Mapping[str, Any]) -> None:
            table.write([row(event, time.time(), with_namespace=with_namespace)])

    for change in changes(client, [Followed(EVENTS, namespace) for namespace in namespaces]):
        if change.obj is not None and wanted.fits(change.obj):
            write(change.obj)
    return 0


def _is_wide(namespaces: list[str | None]) -> bool:
    return namespaces == [None] or len(namespaces) > 1


def _heading(*, with_namespace: bool) -> tuple[str, ...]:
    return ("NAMESPACE", *_HEADING) if with_namespace else _HEADING


def row(event: Mapping[str, Any], now: float, *, with_namespace: bool) -> tuple[str, ...]:
    """One line; `now` is in seconds of the epoch."""
    about = mapping_at(event, "involvedObject")
    return (
        *((text_at(event, "metadata", "namespace"),) if with_namespace else ()),
        _seen(event, now),
        text_at(event, "type") or "-",
        text_at(event, "reason") or "-",
        f"{text_at(about, 'kind')}/{text_at(about, 'name')}",
        text_at(event, "message").strip().replace("\n", "; ") or "-",
    )


def last_seen(event: Mapping[str, Any]) -> float:
    """When it was last so, in seconds of the epoch. Events of the newer kind say it in a series."""
    for path in (("series", "lastObservedTime"), ("lastTimestamp",), ("eventTime",), ("metadata", "creationTimestamp")):
        if moment := _moment(text_at(event, *path)):
            return moment
    return 0.0


def _seen(event: Mapping[str, Any], now: float) -> str:
    """`3m`, or `3m (x4 over 10m)` for what happened several times."""
    age = shown_age(now - last_seen(event))
    count = event.get("count")
    if not isinstance(count, int) or count < 2:
        return age
    first = _moment(text_at(event, "firstTimestamp")) or last_seen(event)
    return f"{age} (x{count} over {shown_age(now - first)})"


def shown_age(seconds: float) -> str:
    """`5s`, `3m`, `2h`, `4d`: the largest unit that fits at least once."""
    whole = max(0, int(seconds))
    return next((f"{whole // size}{unit}" for unit, size in _UNITS if whole >= size), f"{whole}s")


def _moment(text: str) -> float:
    """A time of the API as seconds of the epoch; 0 for none."""
    try:
        return datetime.fromisoformat(text).timestamp() if text else 0.0
    except ValueError:
        return 0.0


def _described(event: Mapping[str, Any]) -> dict[str, Any]:
    about = mapping_at(event, "involvedObject")
    moment = last_seen(event)
    parts = (text_at(about, "kind"), text_at(about, "namespace"), text_at(about, "name"))
    return {
        "lastSeen": datetime.fromtimestamp(moment, UTC).isoformat().replace("+00:00", "Z") if moment else None,
        "type": text_at(event, "type"),
        "reason": text_at(event, "reason"),
        "object": "/".join(part for part in parts if part),
        "message": text_at(event, "message"),
        "count": event.get("count") or 1,
    }


VERB: Final = Verb(
    name="events",
    summary="Show what the controllers said of sources, Kustomizations and Receivers.",
    text="The latest come last. With the name of a Kustomization, the events of its source are shown too.",
    examples=(EXAMPLE, "kseal events -A --types warning", "kseal events --for ks/apps --watch"),
    options=(
        Option(("--for",), "Only events of this object or kind; may be repeated.", "KIND[/NAME]", many=True),
        Option(("--types",), "Only events of these types: Normal, Warning.", "TYPES", many=True),
        reach.WATCH,
        reach.EVERYWHERE,
        listing.OUTPUT,
        *reach.OPTIONS,
        *COMMON,
    ),
    run=run,
    files="KIND[/NAME]",
    words=kinds.WORDS,
)
