"""Whether a thousand Kustomizations, and three thousand, take as long each as three hundred. Ours alone."""

from bench import fluxcorpus
from bench.figure import Bench, Goal, Row, Samples
from bench.fluxfleet import measured

TITLE = "Deliveries: more Kustomizations"
HOW = (
    "Ours alone, set up as the first, at 300, 1 000 and 3 000: times and requests are divided by the number of "
    "Kustomizations. The peer is ours at 300."
)


def measure(bench: Bench) -> list[Row]:
    """Per Kustomization, beside the smallest number; and memory as it is."""
    counts = [bench.size(real, quick) for real, quick in ((300, 2), (1000, 4), (3000, 6))]
    taken = {count: measured(bench, "kseal", fluxcorpus.plain(count)) for count in counts}
    found = []
    for count in counts[1:]:
        for what, text in (("cold", "cold"), ("commit", "commit of one line")):
            ours, base = (Samples([taken[one][f"{what} seconds"] / one * 1000], "ms") for one in (count, counts[0]))
            found.append(Row(f"{text}, each of {count}", ours, base, f"kseal, {counts[0]}", Goal(1.3)))
        memory, base = (Samples([taken[one]["memory"]], "MB") for one in (count, counts[0]))
        found.append(Row(f"peak memory, children included, at {count}", memory, base, f"kseal, {counts[0]}"))
    return found
