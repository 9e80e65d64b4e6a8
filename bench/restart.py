"""How long a restart over a thousand SealedSecrets takes, what it asks of the API server, and how long news waits."""

import time
from collections import Counter, defaultdict
from typing import Final

from bench import material
from bench.arrival import EQUAL
from bench.figure import Bench, Row, Samples, Unit
from bench.fleet import Fleet, Kind
from tests.kit import metrics

TITLE = "Restart"
HOW = (
    "The controller is stopped by SIGTERM when all SealedSecrets are synced, and started again at the limits of the "
    "arrival. As soon as it answers its readiness probe, which the original does before it has listed anything, one "
    "more SealedSecret is created. Requests are those that the API server counted from the start until the controller "
    "has looked at all, without the bench's own."
)
_NEWS: Final = "news"
_LIMIT_SECONDS: Final = 600.0
_KINDS: Final[tuple[Kind, ...]] = ("kseal", "original")
_READS, _WRITES = ("GET", "LIST"), ("POST", "PUT", "PATCH", "APPLY", "DELETE")


def measure(bench: Bench) -> list[Row]:
    """Times, requests and CPU of restarts by both."""
    count = bench.size(1000, 8)
    taken: dict[Kind, list[dict[str, float]]] = defaultdict(list)
    for _ in range(bench.size(3, 1)):
        for kind in _KINDS:
            taken[kind].append(restart(bench, kind, count))
    return [
        _row(f"restart over {count}, until ready", taken, "ready", "s"),
        _row("a new SealedSecret, from its create to synced", taken, "news", "s"),
        _row("from the start until all are looked at", taken, "all", "s"),
        _row("requests that read", taken, "reads", "requests"),
        _row("requests that write", taken, "writes", "requests"),
        _row("CPU of the controller", taken, "cpu", "s"),
        _row("peak memory of the controller", taken, "memory", "MB"),
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
        fleet.wait(lambda: fleet.looked_at() >= everything, "all are looked at", limit_seconds=_LIMIT_SECONDS)
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


def _row(figure: str, taken: dict[Kind, list[dict[str, float]]], what: str, unit: Unit) -> Row:
    ours, peer = (Samples([run[what] for run in taken[kind]], unit) for kind in _KINDS)
    return Row(figure, ours, peer, "sealed-secrets-controller")
