"""How long a restart over thousands of SealedSecrets takes, what it asks of the API server, and how long news waits."""

import time
from collections import Counter, defaultdict
from typing import Final

from bench import material
from bench.arrival import EQUAL
from bench.figure import Bench, Goal, Row
from bench.fleet import KINDS, Fleet, Kind, compared
from tests.kit import metrics

TITLE = "Restart"
HOW = (
    "The controller is stopped by SIGTERM when all SealedSecrets are synced, and started again at the limits of the "
    "arrival. As soon as it answers its readiness probe, which the original does before it has listed anything, one "
    "more SealedSecret is created. Requests are those that the API server counted from the start until the controller "
    "has looked at all by its own count, without the bench's own."
)
_NEWS: Final = "news"
_LIMIT_SECONDS: Final = 600.0
_READS, _WRITES = ("GET", "LIST"), ("POST", "PUT", "PATCH", "APPLY", "DELETE")


def measure(bench: Bench) -> list[Row]:
    """Times, requests and CPU of restarts by both."""
    count = bench.size(4000, 8)
    taken: dict[Kind, list[dict[str, float]]] = defaultdict(list)
    for _ in range(bench.size(3, 1)):
        for kind in KINDS:
            taken[kind].append(restart(bench, kind, count))
    return [
        compared(f"restart over {count}, until ready", taken, "ready", "s"),
        compared("a new SealedSecret, from its create to synced", taken, "news", "s"),
        compared("from the start until all are looked at", taken, "all", "s", Goal(0.3)),
        compared("requests that read", taken, "reads", "requests"),
        compared("requests that write", taken, "writes", "requests"),
        compared("CPU of the controller", taken, "cpu", "s"),
        compared("peak memory of the controller", taken, "memory", "MB", Goal(1.5)),
    ]


def restart(bench: Bench, kind: Kind, count: int) -> dict[str, float]:
    """One restart; the keys are those of `measure`."""
    names = [f"db-{number:04}" for number in range(count)]
    news = material.sealed(_NEWS)
    with Fleet(kind, bench.installed, flags=EQUAL) as fleet:
        fleet.create([material.sealed(name) for name in names])
        fleet.progress.wait_for(names, limit_seconds=_LIMIT_SECONDS)
        everything = count + 2  # the warm-up and the news
        fleet.controller.stop()
        bench.quiet.wait()
        before, began = fleet.plane.requests(), time.monotonic()
        fleet.controller.start()
        ready = time.monotonic() - began
        created = time.monotonic()
        fleet.create([news])
        synced = fleet.progress.wait_for([_NEWS], limit_seconds=_LIMIT_SECONDS)
        fleet.wait_looked_at(everything, limit_seconds=_LIMIT_SECONDS)
        looked = time.monotonic() - began
        asked = _asked(fleet.plane.requests() - before)
        result = {
            "ready": ready,
            "news": synced - created,
            "all": looked,
            "reads": float(sum(asked[verb] for verb in _READS)),
            "writes": float(sum(asked[verb] for verb in _WRITES)),
            "cpu": fleet.cpu_seconds(),
            "memory": fleet.peak_megabytes(),
        }
    requests = ", ".join(f"{number} {verb}" for verb, number in sorted(asked.items()))
    bench.say(
        f"{kind}: ready in {ready:.2f} s, news in {result['news']:.2f} s, all in {looked:.2f} s; {requests}; "
        f"{result['cpu']:.2f} s of CPU, {result['memory']:.0f} MB"
    )
    return result


def _asked(requests: Counter[metrics.Request]) -> Counter[str]:
    """Requests by verb for the kinds that a controller deals with. The create of the news is the bench's, not its."""
    kinds = {"secrets", "sealedsecrets", "events", "namespaces", "customresourcedefinitions"}
    asked: Counter[str] = Counter()
    for request, number in requests.items():
        if request.resource in kinds:
            asked[request.verb] += number
    asked["POST"] -= 1
    return asked
