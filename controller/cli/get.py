"""`kseal get`: the objects of deliveries and how they stand, once or for as long as somebody watches."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from controller.cli import asked, kinds, reach, standing
from controller.cli.asked import Asked
from sealer.cli import files
from sealer.cli.verb import COMMON, Given, Option, Verb

if TYPE_CHECKING:
    from controller.cli.found import Found
    from controller.cli.standing import StatusSelector
    from engine.kube.client import Cluster
    from sealer.cli.terminal import Terminal

EXAMPLE: Final = "kseal get kustomizations -A"
OUTPUT: Final = Option(
    ("-o", "--output"),
    "table for a person, json or yaml for a program [default: table].",
    "FORM",
    ("table", "json", "yaml"),
)
_FAILED: Final = 1


def run(given: Given, terminal: "Terminal", environ: Mapping[str, str]) -> int:
    """Raises: Misused, KsealError."""
    wanted = asked.read(given.files or (kinds.ALL,), example=EXAMPLE)
    selector = given.text("status-selector")
    status = standing.status_selector(selector) if selector else None
    with reach.opened(given, environ) as (client, home):
        namespace = reach.scope(given, home)
        if given.flag("watch"):
            return _watch(client, wanted, namespace, status, given)
        return _once(client, wanted, namespace, status, given, terminal)


def _once(
    client: "Cluster",
    wanted: Sequence[Asked],
    namespace: str | None,
    status: "StatusSelector | None",
    given: Given,
    terminal: "Terminal",
) -> int:
    from controller.cli.found import Missing, look

    objects: list[Found] = []
    code = 0
    try:
        for found in look(
            client, wanted, namespace, label_selector=given.text("selector"), terminal=terminal
        ):  # extended one by one: what is missing is said after what is there was found
            objects.append(found)  # noqa: PERF402  a comprehension would lose what came before the error
    except Missing:
        code = _FAILED
    shown = [one for one in objects if status is None or status.fits(one.obj)]
    is_one = len(wanted) == 1 and wanted[0].name != "" and len(shown) == 1
    form = given.text("output") or "table"
    if form == "table":
        _table(shown, wanted, given, with_namespace=namespace is None)
        if not objects and code == 0:
            _say_nothing_found(wanted, namespace, terminal)
    else:
        _write([one.obj for one in shown], form, is_one=is_one)
    return code


def _table(shown: "Sequence[Found]", wanted: Sequence[Asked], given: Given, *, with_namespace: bool) -> None:
    from controller.cli.columns import Columns

    table = Columns(standing.heading(with_namespace=with_namespace), is_headed=not given.flag("no-header"))
    with_kind = _has_several_kinds(wanted)
    table.write(
        [standing.row(one.kind, one.obj, with_namespace=with_namespace, with_kind=with_kind) for one in shown]
    )


def _watch(
    client: "Cluster",
    wanted: Sequence[Asked],
    namespace: str | None,
    status: "StatusSelector | None",
    given: Given,
) -> int:
    """A row for each object and each change of one, until Ctrl-C."""
    from controller.cli.columns import Columns
    from controller.cli.following import Followed, changes

    served = _served(client, wanted)
    followed = [
        Followed(
            one.kind.resource, namespace, given.text("selector"), f"metadata.name={one.name}" if one.name else None
        )
        for one in served
    ]
    form, with_kind = given.text("output") or "table", _has_several_kinds(wanted)
    table = Columns(standing.heading(with_namespace=namespace is None), is_headed=not given.flag("no-header"))
    by_resource = {one.kind.resource: one.kind for one in served}
    for change in changes(client, followed):
        if change.obj is None or (status is not None and not status.fits(change.obj)):
            continue
        if form == "table":
            kind = by_resource[change.resource]
            table.write([standing.row(kind, change.obj, with_namespace=namespace is None, with_kind=with_kind)])
        else:
            _write([change.obj], form, is_one=True)
    return 0


def _served(client: "Cluster", wanted: Sequence[Asked]) -> list[Asked]:
    """Without the kinds that the server does not know, unless there are no others."""
    from engine.kube.discovery import serves

    if len({one.kind for one in wanted}) == 1:
        return list(wanted)
    return [one for one in wanted if serves(client, one.kind.resource)] or list(wanted[:1])


def _write(objects: Sequence[Mapping[str, Any]], form: str, *, is_one: bool) -> None:
    """The object, or a List of all, as kubectl prints them: without the book-keeping of field managers."""
    from engine.kube import manifest

    shown = [_without_managers(obj) for obj in objects]
    whole = shown[0] if is_one else {"apiVersion": "v1", "kind": "List", "items": shown}
    files.write_output(manifest.to_json(whole) if form == "json" else manifest.to_yaml(whole), None)


def _without_managers(obj: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {name: value for name, value in obj["metadata"].items() if name != "managedFields"}
    return {**obj, "metadata": metadata}


def _has_several_kinds(wanted: Sequence[Asked]) -> bool:
    return len({one.kind for one in wanted}) > 1


def _say_nothing_found(wanted: Sequence[Asked], namespace: str | None, terminal: "Terminal") -> None:
    names = " or ".join(dict.fromkeys(one.kind.name for one in wanted))
    if namespace is None:
        terminal.warning(f"there is no {names} in any namespace")
    else:
        terminal.warning(f'there is no {names} in namespace "{namespace}"', "look everywhere with -A")


VERB: Final = Verb(
    name="get",
    summary="Show sources, Kustomizations and Receivers, and how they stand.",
    text="KIND is gitrepository, externalartifact, kustomization, receiver, their plural or short name (gitrepo, ea, "
    "ks), sources, or all, which is what is shown when nothing is named. A word that is no kind is the name of an "
    "object of the kind before it: KIND/NAME and KIND NAME are the same.",
    examples=(
        EXAMPLE,
        "kseal get all -A --status-selector ready=false",
        "kseal get ks/apps -n flux-system -o yaml",
        "kseal get sources git --watch",
    ),
    options=(
        reach.EVERYWHERE,
        reach.SELECTOR,
        Option(
            ("--status-selector",), "Only objects with such a condition: ready=false, stalled!=true.", "CONDITION"
        ),
        reach.WATCH,
        OUTPUT,
        Option(("--no-header",), "Tables without their heading."),
        *reach.OPTIONS,
        *COMMON,
    ),
    run=run,
    files="KIND[/NAME]",
    words=(*kinds.WORDS, "sources"),
)
