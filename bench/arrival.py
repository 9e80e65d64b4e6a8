"""How long a thousand new SealedSecrets take from the first create until all are synced, and at what cost."""

import time
from collections import defaultdict
from typing import Final

from bench import material
from bench.figure import Bench, Goal, Row
from bench.fleet import KINDS, Fleet, Kind, compared

TITLE = "Arrival"
HOW = (
    "SealedSecrets of two values arrive at once at a running controller, on a new control plane for each run; the time "
    "is from the first create to the last one that a watch sees synced, the creation included. Equal limits are "
    "`--kubeclient-qps=200 --kubeclient-burst=200` for each client of both. At its defaults the original makes 5 "
    "requests a second, so there only 100 arrive. CPU is the controller's own, from ready to all synced; memory is the "
    "most that the process ever held."
)
EQUAL: Final = ("--kubeclient-qps=200", "--kubeclient-burst=200")
_LIMIT_SECONDS: Final = 600.0


def measure(bench: Bench) -> list[Row]:
    """Time, CPU and memory at equal limits; time at each one's defaults."""
    count, few = bench.size(1000, 8), bench.size(100, 2)
    taken: dict[Kind, list[dict[str, float]]] = defaultdict(list)
    for _ in range(bench.size(3, 1)):
        for kind in KINDS:
            taken[kind].append(arrive(bench, kind, count, flags=EQUAL))
    defaults = {kind: [arrive(bench, kind, few)] for kind in KINDS}
    return [
        compared(f"{count} arrive, equal limits", taken, "seconds", "s", Goal(0.3)),
        compared(f"{count} arrive, CPU of the controller", taken, "cpu", "s"),
        compared(f"{count} arrive, peak memory of the controller", taken, "memory", "MB", Goal(1.5)),
        compared(f"{few} arrive, each at its defaults", defaults, "seconds", "s"),
    ]


def arrive(bench: Bench, kind: Kind, count: int, *, flags: tuple[str, ...] = ()) -> dict[str, float]:
    """One run: seconds, CPU seconds and peak megabytes."""
    names = [f"db-{number:04}" for number in range(count)]
    objects = [material.sealed(name) for name in names]
    with Fleet(kind, bench.installed, flags=flags) as fleet:
        bench.quiet.wait()
        cpu, began = fleet.cpu_seconds(), time.monotonic()
        fleet.create(objects)
        created = time.monotonic() - began
        seconds = fleet.progress.wait_for(names, limit_seconds=_LIMIT_SECONDS) - began
        result = {"seconds": seconds, "cpu": fleet.cpu_seconds() - cpu, "memory": fleet.peak_megabytes()}
    bench.say(
        f"{kind} {' '.join(flags) or 'at its defaults'}: {count} in {seconds:.2f} s (created in {created:.2f} s), "
        f"{result['cpu']:.2f} s of CPU, {result['memory']:.0f} MB"
    )
    return result
