"""`kseal logs`: the lines of the controller's pods, narrowed to an object, a kind or a level."""

import queue
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from controller.cli import asked, kinds, logline, reach
from engine.errors import KsealError
from sealer.cli import cluster, files
from sealer.cli.misuse import Misused
from sealer.cli.verb import COMMON, Given, Option, Verb

if TYPE_CHECKING:
    from engine.kube.client import Cluster
    from sealer.cli.terminal import Terminal

EXAMPLE: Final = "kseal logs --kind kustomization --name apps --since 10m"
_IDLE_SECONDS: Final = 3600.0
"""Silence after which a log that is followed is asked for again."""
_DELIVERIES: Final = ("flux-system", "app.kubernetes.io/name=kseal,app.kubernetes.io/component=deliveries")
"""Where deploy/ installs them, and the labels of their pods."""
_PART_OF_FLUX: Final = "app.kubernetes.io/part-of=flux"
_END: Final = None


class Source(NamedTuple):
    """One container of a pod."""

    namespace: str
    pod: str
    container: str


def run(given: Given, terminal: "Terminal", environ: Mapping[str, str]) -> int:
    """Raises: Misused, KsealError."""
    del terminal
    wanted = _wanted(given)
    query = _query(given)
    with reach.opened(given, environ) as (client, _):
        places = _places(given)
        sources = _sources(client, places)
        if not sources:
            raise KsealError(
                "; ".join(f'Namespace/{home}: no pod has the labels "{selector}"' for home, selector in places),
                "say where the controller runs: --controller-namespace, --controller-name or --selector; Flux's own: "
                f"--controller-namespace flux-system --selector {_PART_OF_FLUX}",
            )
        lines = _together(client, sources, query) if given.flag("follow") else None
        for line in lines or _one_by_one(client, sources, query):
            if wanted.fits(parsed := logline.parse(line)):
                files.write_output((line if given.flag("raw") else parsed.text) + "\n", None)
    return 0


def _wanted(given: Given) -> logline.Wanted:
    kind, name = given.text("kind") or "", given.text("name") or ""
    if given.files:
        if kind or name:
            raise Misused("the object is named twice", hint=f"for example: {EXAMPLE}")
        (one, *more) = asked.read(given.files, example=EXAMPLE)
        if more:
            raise Misused("the log is narrowed to one object or kind", hint="for example: kseal logs ks/apps")
        kind, name = one.kind.name, one.name
    elif kind:
        found = kinds.named(kind)
        kind = found.name if found else kind
    return logline.Wanted(kind, name, given.text("namespace") or "", given.text("level") or "")


def _query(given: Given) -> dict[str, str | None]:
    """What the API server narrows by itself."""
    since = given.text("since")
    tail = given.text("tail")
    if tail is not None and not tail.isdecimal():
        raise Misused(f'--tail: "{tail}" is no number of lines')
    return {
        "sinceSeconds": str(max(1, round(reach.duration(given, "since", 1.0)))) if since else None,
        "tailLines": tail,
    }


def _places(given: Given) -> list[tuple[str, str]]:
    """Namespaces and labels of the pods that may be meant: without a word about it, of both controllers."""
    asked_for, sealed = given.text("controller-namespace"), given.text("controller-name")
    selector = given.text("selector") or (f"name={sealed}" if sealed else None)
    if selector:
        return [(asked_for or cluster.CONTROLLER_NAMESPACE, selector)]
    named = f"name={cluster.CONTROLLER_NAME}"
    return [(asked_for or cluster.CONTROLLER_NAMESPACE, named), (asked_for or _DELIVERIES[0], _DELIVERIES[1])]


def _sources(client: "Cluster", places: Sequence[tuple[str, str]]) -> list[Source]:
    """Who may look into one of the places only sees what is there. Raises: ApiError."""
    from engine.kube.errors import Forbidden
    from engine.kube.refs import Resource

    found: list[Source] = []
    refused: list[Forbidden] = []
    for namespace, selector in places:
        try:
            pods = client.list(Resource("", "v1", "pods", "Pod"), namespace, label_selector=selector)
        except Forbidden as error:
            refused.append(error)
            continue
        found += [
            Source(namespace, pod["metadata"]["name"], container["name"])
            for pod in pods
            for container in kinds.mapping_at(pod, "spec").get("containers") or ()
        ]
    if refused and not found:
        raise refused[0]
    return sorted(found)


def _one_by_one(client: "Cluster", sources: Sequence[Source], query: Mapping[str, str | None]) -> Iterator[str]:
    for source in sources:
        with client.stream(*_address(source), query={**query, "container": source.container},
                           idle_seconds=_IDLE_SECONDS, accept="*/*") as stream:  # fmt: skip
            for line in stream.lines():
                yield line.decode(errors="replace")


def _together(client: "Cluster", sources: Sequence[Source], query: Mapping[str, str | None]) -> Iterator[str]:
    """The lines of all pods as they come, until each has ended."""
    told: queue.Queue[bytes | KsealError | None] = queue.Queue(maxsize=10_000)

    def follow(source: Source) -> None:
        try:
            with client.stream(*_address(source), accept="*/*", idle_seconds=_IDLE_SECONDS,
                               query={**query, "container": source.container, "follow": "true"}) as stream:  # fmt: skip
                for line in stream.lines():
                    told.put(line)
        except KsealError as error:
            told.put(error)
        finally:
            told.put(_END)

    for source in sources:
        threading.Thread(target=follow, args=(source,), daemon=True).start()
    running, failed = len(sources), None
    while running:
        one = told.get()
        if one is _END:
            running -= 1
        elif isinstance(one, KsealError):
            failed = one  # the others go on
        else:
            yield one.decode(errors="replace")
    if failed is not None:
        raise failed


def _address(source: Source) -> tuple[str]:
    from engine.kube.refs import Resource

    return (Resource("", "v1", "pods", "Pod").path(source.namespace, source.pod, "log"),)


VERB: Final = Verb(
    name="logs",
    summary="Show what the controller logs, of one object, kind or level.",
    text="The lines come from the pods of the controller of SealedSecrets and of that of deliveries, through the API "
    "server. They are shown as time, level, object, message and the rest; --raw leaves them as they are.",
    examples=(EXAMPLE, "kseal logs ks/apps --follow", "kseal logs --level error --since 1h"),
    options=(
        Option(("--kind",), "Only lines about objects of this kind.", "KIND"),
        Option(("--name",), "Only lines about objects of this name.", "NAME"),
        Option(("--level",), "Only lines of this level or a graver one.", "LEVEL", logline.LEVELS),
        Option(("-f", "--follow"), "Go on with new lines as they come."),
        Option(("--since",), "Only lines of the last 10s, 5m, 1h.", "TIME"),
        Option(("--tail",), "Only so many of the latest lines of each pod.", "LINES"),
        Option(("--raw",), "Lines as the controller wrote them."),
        Option(("--selector",), "Labels of the pods, instead of the name of the controller.", "LABELS"),
        *cluster.OPTIONS,
        *COMMON,
    ),
    run=run,
    files="KIND[/NAME]",
    words=kinds.WORDS,
)
