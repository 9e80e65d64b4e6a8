"""`kseal tree`: what an object of deliveries has applied, what grew out of that, and how all of it stands."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from controller.cli import asked, colouring, kinds, reach, standing
from controller.cli.kinds import KUSTOMIZATION, mapping_at
from sealer.cli import files, listing
from sealer.cli.misuse import Misused
from sealer.cli.terminal import printable
from sealer.cli.verb import COMMON, Given, Option, Verb

if TYPE_CHECKING:
    from engine.kube.client import Cluster
    from engine.kube.discovery import Discovery
    from engine.kube.refs import ObjectRef
    from engine.tree import Node
    from sealer.cli.terminal import Terminal

EXAMPLE: Final = "kseal tree kustomization/apps -n flux-system"
_DEEPEST: Final = 16
"""Kustomizations inside each other that are followed."""
_COLOURS: Final = {"Current": "32", "InProgress": "33", "Terminating": "33", "Failed": "31", "NotFound": "31"}


class Branch(NamedTuple):
    """One object as it is shown, and those below it."""

    ref: "ObjectRef"
    health: str
    message: str
    below: "tuple[Branch, ...]"


def run(given: Given, terminal: "Terminal", environ: Mapping[str, str]) -> int:
    """Raises: Misused, KsealError."""
    del terminal
    from controller.cli import found
    from engine.kube.discovery import Discovery

    (one, *more) = asked.objects(given.files, example=EXAMPLE)
    if more:
        raise Misused("one tree is shown at a time", hint=f"for example: {EXAMPLE}")
    with reach.opened(given, environ) as (client, home):
        root = found.one(client, one, home)
        grower = _Grower(client, Discovery(client), is_compact=given.flag("compact"))
        tree = grower.of(root.kind, root.obj)
    if given.text("output") == "json":
        files.write_output(listing.as_json(_described(tree)), None)
        return 0
    has_colour = colouring.is_wanted(given, environ)
    sys.stdout.write("".join(f"{line}\n" for line in lines(tree, has_colour=has_colour)))
    return 0


class _Grower:
    """Makes trees of the objects in a cluster."""

    def __init__(self, client: "Cluster", discovery: "Discovery", *, is_compact: bool) -> None:
        """`is_compact` shows what was applied, and not what grew out of that."""
        self._client = client
        self._discovery = discovery
        self._is_compact = is_compact
        self._seen: set[ObjectRef] = set()

    def of(self, kind: kinds.Kind, obj: Mapping[str, Any], depth: int = 0) -> Branch:
        """An object of deliveries with its inventory. Kustomizations among that are followed, each once."""
        from engine.health.rules import judge
        from engine.inventory import Inventory
        from engine.tree import ownership_tree

        ref = kind.ref_of(obj)
        self._seen.add(ref)
        entries = mapping_at(obj, "status", "inventory").get("entries")
        members = Inventory.of_status(entries if isinstance(entries, list) else ())
        nodes = ownership_tree(self._client, self._discovery, members)
        below = tuple(self._grown(node, depth) for node in nodes)
        verdict = judge(dict(obj))
        return Branch(ref, verdict.health.value, standing.short(standing.ready(obj).message), below)

    def _grown(self, node: "Node", depth: int) -> Branch:
        if _is_kustomization(node.ref) and node.ref not in self._seen and depth < _DEEPEST:
            from engine.kube.errors import NotFound

            try:
                live = self._client.get(KUSTOMIZATION.resource, node.ref.namespace, node.ref.name)
            except NotFound:
                return Branch(node.ref, node.verdict.health.value, node.verdict.message, ())
            return self.of(KUSTOMIZATION, live, depth + 1)
        below = () if self._is_compact else tuple(self._grown(child, depth) for child in node.children)
        return Branch(node.ref, node.verdict.health.value, node.verdict.message, below)


def _is_kustomization(ref: "ObjectRef") -> bool:
    return (ref.group, ref.kind) == (KUSTOMIZATION.resource.group, KUSTOMIZATION.name)


def lines(root: Branch, *, has_colour: bool) -> Iterator[str]:
    """A tree for a person, a line for each object."""
    yield _line(root, has_colour=has_colour)
    yield from _lines(root.below, "", has_colour=has_colour)


def _lines(below: Sequence[Branch], indent: str, *, has_colour: bool) -> Iterator[str]:
    """The lines below a branch, as `tree` draws them."""
    for number, one in enumerate(below, 1):
        is_last = number == len(below)
        yield f"{indent}{'└── ' if is_last else '├── '}{_line(one, has_colour=has_colour)}"
        yield from _lines(one.below, indent + ("    " if is_last else "│   "), has_colour=has_colour)


def _line(one: Branch, *, has_colour: bool) -> str:
    """The object and its health, and why where it is not as it should be."""
    health = one.health
    if has_colour and health in _COLOURS:
        health = colouring.coloured(health, _COLOURS[health])
    why = f": {printable(one.message)}" if one.message and one.health != "Current" else ""
    return f"{printable(str(one.ref))} {health}{why}"


def _described(one: Branch) -> dict[str, Any]:
    return {
        "object": str(one.ref),
        "group": one.ref.group,
        "kind": one.ref.kind,
        "namespace": one.ref.namespace,
        "name": one.ref.name,
        "health": one.health,
        "message": one.message,
        "children": [_described(child) for child in one.below],
    }


VERB: Final = Verb(
    name="tree",
    summary="Show what a Kustomization applied, what grew out of it, and how it stands.",
    text="Objects come from the inventory, those below them by their owner references: Deployment, ReplicaSet, Pod. "
    "Health is judged as Flux judges it. Kustomizations that were applied are followed.",
    examples=(EXAMPLE, "kseal tree ks web --compact", "kseal tree ks/web -o json"),
    options=(
        Option(("--compact",), "Only what was applied, not what grew out of it."),
        Option(("-o", "--output"), "text for a person, json for a program [default: text].", "FORM", ("text", "json")),
        *reach.OPTIONS,
        *COMMON,
    ),
    run=run,
    files="KIND/NAME",
    words=kinds.WORDS,
)
