"""300 overlays over one base, no two alike: every one is a build of its own."""

from bench import fluxcorpus
from bench.figure import Bench, Row
from bench.fluxfleet import MAKERS, measured, rows

TITLE = "Deliveries: 300 distinct overlays"
HOW = (
    "As the first, but each Kustomization is an overlay over one base of four objects, with a name prefix, an image "
    "and a patch of its own. The commit changes the patch of one."
)


def measure(bench: Bench) -> list[Row]:
    """Cold, and a commit, by both."""
    corpus = fluxcorpus.overlays(bench.size(300, 4))
    return rows({maker: measured(bench, maker, corpus) for maker in MAKERS}, {})
