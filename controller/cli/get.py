"""`kseal get`: the objects of deliveries and how they stand, once or for as long as somebody watches."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from controller.cli import asked, kinds, reach, standing
from controller.cli.asked import Asked
from sealer.cli import files
from sealer.cli.verb import COMMON, Given, Option, Verb

if TYPE_CHECKING:
    from controller.cli.columns import Columns
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


class Question(NamedTuple):
    """What is asked for, and where; `namespace` None is everywhere."""

    wanted: Sequence[Asked]
    namespace: str | None
    status: "StatusSelector | None"

    @property
    def has_several_kinds(self) -> bool:
        """Whether names need their kind before them."""
        return len({one.kind for one in self.wanted}) > 1

    def fits(self, obj: Mapping[str, Any]) -> bool:
        """Whether an object has the condition that is asked for."""
        return self.status is None or self.status.fits(obj)

    def table(self, given: Given) -> "Columns":
        """The table for the answer."""
        from controller.cli.columns import Columns

        return Columns(standing.heading(with_namespace=self.namespace is None), is_headed=not given.flag("no-header"))

    def row(self, kind: kinds.Kind, obj: Mapping[str, Any]) -> tuple[str, ...]:
        """A row of it."""
        return standing.row(kind, obj, with_namespace=self.namespace is None, with_kind=self.has_several_kinds)


def run(given: Given, terminal: "Terminal", environ: Mapping[str, str]) -> int:
    """Raises: Misused, KsealError."""
    wanted = asked.read(given.files or (kinds.ALL,), example=EXAMPLE)
    selector = given.text("status-selector")
    status = standing.status_selector(selector) if selector else None
    with reach.opened(given, environ) as (client, home):
        question = Question(wanted, reach.scope(given, home), status)
        return _watch(client, question, given) if given.flag("watch") else _once(client, question, given, terminal)


def _once(client: "Cluster", question: Question, given: Given, terminal: "Terminal") -> int:
    from controller.cli.found import Missing, look

    objects: list[Found] = []
    code = 0
    try:
        for found in look(
            client, question.wanted, question.namespace, label_selector=given.text("selector"), terminal=terminal
        ):
            objects.append(found)  # noqa: PERF402  extend would lose what came before the error
    except Missing:
        code = _FAILED
    shown = [one for one in objects if question.fits(one.obj)]
    form = given.text("output") or "table"
    if form == "table":
        question.table(given).write([question.row(one.kind, one.obj) for one in shown])
        if not objects and code == 0:
            _say_nothing_found(question, terminal)
    else:
        is_one = len(question.wanted) == 1 and question.wanted[0].name != "" and len(shown) == 1
        _write([one.obj for one in shown], form, is_one=is_one)
    return code


def _watch(client: "Cluster", question: Question, given: Given) -> int:
    """A row for each object and each change of one, until Ctrl-C."""
    from controller.cli.following import Followed, changes

    served = _served(client, question.wanted)
    followed = [
        Followed(
            one.kind.resource,
            question.namespace,
            given.text("selector"),
            f"metadata.name={one.name}" if one.name else None,
        )
        for one in served
    ]
    by_resource = {one.kind.resource: one.kind for one in served}
    form, table = given.text("output") or "table", question.table(given)
    for change in changes(client, followed):
        if change.obj is None or not question.fits(change.obj):
            continue
        if form == "table":
            table.write([question.row(by_resource[change.resource], change.obj)])
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


def _say_nothing_found(question: Question, terminal: "Terminal") -> None:
    names = " or ".join(dict.fromkeys(one.kind.name for one in question.wanted))
    if question.namespace is None:
        terminal.warning(f"there is no {names} in any namespace")
    else:
        terminal.warning(f'there is no {names} in namespace "{question.namespace}"', "look everywhere with -A")


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
        Option(("--status-selector",), "Only objects with such a condition: ready=false, stalled!=true.", "CONDITION"),
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
