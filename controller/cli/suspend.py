"""`kseal suspend`: objects of deliveries are left as they are until they are resumed."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from controller.cli import kinds, reach, switching
from sealer.cli import listing
from sealer.cli.verb import COMMON, Given, Verb

if TYPE_CHECKING:
    from sealer.cli.terminal import Terminal

EXAMPLE: Final = "kseal suspend kustomization/apps -n flux-system"


def run(given: Given, terminal: "Terminal", environ: Mapping[str, str]) -> int:
    """Raises: Misused, KsealError."""
    with reach.opened(given, environ) as (client, home):
        objects = switching.chosen(client, given, home, terminal, example=EXAMPLE)
        switching.report([switching.switch(client, one, to=True) for one in objects], given)
    return 0


VERB: Final = Verb(
    name="suspend",
    summary="Stop the reconciliation of objects; what they applied stays.",
    text="A suspended source fetches nothing new; a suspended Kustomization applies, repairs and deletes nothing, also "
    "when it is deleted itself. kseal resume is the way back.",
    examples=(EXAMPLE, "kseal suspend ks --all -n flux-system", "kseal suspend gitrepo,ks -l team=web -A"),
    options=(
        switching.EVERY,
        reach.SELECTOR,
        reach.EVERYWHERE,
        listing.OUTPUT,
        *reach.OPTIONS,
        *COMMON,
    ),
    run=run,
    files="KIND[/NAME]",
    words=kinds.WORDS,
)
