"""Do the same thing to many items on all cores, in order; to few items without the cost of threads.

RSA and AES in `cryptography` free the interpreter's lock, so threads are enough.
"""

import os
from collections.abc import Callable, Sequence
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_RUNS_PER_CORE = 8


def spread(function: Callable[[Item], Result], items: Sequence[Item], *, from_count: int) -> list[Result]:
    """The results in the order of the items; below `from_count` items, or on one core, in the calling thread.

    The first exception, in the order of the items, is raised once the items already begun are done.
    """
    workers = min(usable_cores(), len(items))
    if len(items) < from_count or workers < 2:
        return [function(item) for item in items]
    from concurrent.futures import ThreadPoolExecutor

    # In runs, because to hand over one item costs more than to seal it; several for each core, because they differ.
    size = max(1, len(items) // (workers * _RUNS_PER_CORE))
    runs = [items[start : start + size] for start in range(0, len(items), size)]
    with ThreadPoolExecutor(workers, thread_name_prefix="seal") as pool:
        done = pool.map(lambda run: [function(item) for item in run], runs)
        return [result for results in done for result in results]


def usable_cores() -> int:
    """The cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
