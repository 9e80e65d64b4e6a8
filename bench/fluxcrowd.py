"""The same 300 Kustomizations with all their objects in one namespace."""

from bench import fluxcorpus
from bench.figure import Bench, Goal, Row
from bench.fluxfleet import MAKERS, measured, rows

TITLE = "Deliveries: 300 Kustomizations, all in one namespace"
HOW = "As above, but all objects are in one namespace, which Flux lists each time that it looks at the health of a few."


def measure(bench: Bench) -> list[Row]:
    """Cold, and a commit, by both."""
    corpus = fluxcorpus.plain(bench.size(300, 4), together=True)
    taken = {maker: measured(bench, maker, corpus) for maker in MAKERS}
    return rows(taken, {"cold seconds": Goal(0.2), "commit seconds": Goal(0.03), "commit requests": Goal(0.06)})
