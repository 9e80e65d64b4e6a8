"""How long 300 Kustomizations take beside the real Flux, and what they ask: cold, after a commit, in an interval."""

from bench import fluxcorpus
from bench.figure import Bench, Goal, Row
from bench.fluxfleet import MAKERS, measured, rows

TITLE = "Deliveries: 300 Kustomizations, each in its own namespace"
HOW = (
    "Each has four objects (a Deployment at 0 replicas, Service, ServiceAccount and Ingress), a folder of one "
    "repository, and `wait: true`. Both makers have a fresh control plane with controllers, and 20 workers; no limit "
    "of requests binds either, since Flux keeps to none where the API server has fair queues. Cold is "
    "from the first Kustomization created until all are ready, with the artifact there. A commit changes one line for "
    "one of them; from the request to fetch it until all report it. The interval is of five minutes, in which each is "
    "looked at once, with nothing to do. Requests are those of the controllers in the audit log, watches aside; CPU "
    "and memory are of the process trees, the memory that processes share counted once."
)


def measure(bench: Bench) -> list[Row]:
    """All phases by both."""
    seconds = bench.size(fluxcorpus.INTERVAL_SECONDS, 10)
    corpus = fluxcorpus.plain(bench.size(300, 4), interval=seconds)
    taken = {maker: measured(bench, maker, corpus, interval_seconds=seconds) for maker in MAKERS}
    return rows(
        taken,
        {"cold seconds": Goal(0.2), "commit seconds": Goal(0.03), "commit requests": Goal(0.06), "memory": Goal(1.0)},
    )
