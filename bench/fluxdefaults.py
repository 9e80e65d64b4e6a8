"""The same 300 Kustomizations with both makers' own defaults."""

from bench import fluxcorpus
from bench.figure import Bench, Row
from bench.fluxfleet import MAKERS, measured, rows
from tests.kit.flux import DEFAULTS

TITLE = "Deliveries: 300 Kustomizations, at defaults"
HOW = "As the first, each in its own namespace, but nobody is told how much to do at once: Flux has four workers then."


def measure(bench: Bench) -> list[Row]:
    """Cold, and a commit, by both."""
    corpus = fluxcorpus.plain(bench.size(300, 4))
    return rows({maker: measured(bench, maker, corpus, limits=DEFAULTS) for maker in MAKERS}, {})
