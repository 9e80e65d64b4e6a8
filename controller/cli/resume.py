"""`kseal resume`: suspended objects are reconciled again."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from controller.cli import kinds, reach, switching, waiting
from sealer.cli import listing
from sealer.cli.verb import COMMON, Given, Option, Verb

if TYPE_CHECKING:
    from sealer.cli.terminal import Terminal

EXAMPLE: Final = "kseal resume kustomization/apps -n flux-system --wait"


def run(given: Given, terminal: "Terminal", environ: Mapping[str, str]) -> int:
    """Raises: Misused, KsealError."""
    limit = waiting.limit_seconds(given)
    with reach.opened(given, environ) as (client, home):
        objects = switching.chosen(client, given, home, terminal, example=EXAMPLE)
        switched = [switching.switch(client, one, to=False) for one in objects]
        if not given.flag("wait"):
            switching.report(switched, given)
            return 0
        waits = [waiting.Wait(one.found.kind, one.found.obj) for one in switched]
        return waiting.until_done(client, waits, limit, given, terminal)


VERB: Final = Verb(
    name="resume",
    summary="Start the reconciliation of suspended objects again.",
    text="With --wait it ends when each object is ready, or with exit code 1 when one has failed or the time is over.",
    examples=(EXAMPLE, "kseal resume ks --all -n flux-system", "kseal resume gitrepo,ks -l team=web -A"),
    options=(
        switching.EVERY,
        reach.SELECTOR,
        reach.EVERYWHERE,
        Option(("--wait",), "Wait until the objects are ready."),
        waiting.TIMEOUT,
        listing.OUTPUT,
        *reach.OPTIONS,
        *COMMON,
    ),
    run=run,
    files="KIND[/NAME]",
    words=kinds.WORDS,
)
