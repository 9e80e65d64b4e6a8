"""One Kustomization of 3 000 objects, and a change of one line in it."""

from bench import fluxcorpus
from bench.figure import Bench, Row
from bench.fluxfleet import MAKERS, measured, rows

TITLE = "Deliveries: one Kustomization of 3 000 objects"
HOW = "ConfigMaps of five values, a hundred to a file. The commit changes one value of one of them."


def measure(bench: Bench) -> list[Row]:
    """Cold, and a commit, by both."""
    corpus = fluxcorpus.large(bench.size(3000, 20))
    return rows({maker: measured(bench, maker, corpus) for maker in MAKERS}, {})
