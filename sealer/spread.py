"""Do the same thing to many items on all cores, in order; to few items without the cost of threads.

RSA and AES in `cryptography` free the interpreter's lock, so threads are enough.
"""

import os
from collections.abc import Callable, Sequence
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def spread(function: Callable[[Item], Result], items: Sequence[Item], *, from_count: int) -> list[Result]:
    """The results in the order of the items; below `from_count` items, or on one core, in the calling thread.

    The first exception, in the order of the items, is raised once the items already begun are done.
    """
    workers = min(usable_cores(), len(items))
    if len(items) < from_count or workers < 2:
        return [function(item) for item in items]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(workers, thread_name_prefix="seal") as pool:
        return list(pool.map(function, items))


def usable_cores() -> int:
    """The cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
