"""The Leases of Flux's controllers: has everybody let go of them?"""

import time
from collections.abc import Callable, Collection
from typing import Final

from controller.adopt.flux.installation import leases
from controller.adopt.flux.roles import Role
from engine.kube.client import Cluster

_LEASE_SECONDS: Final = 35.0
"""For a Lease that does not say how long it holds. Source: fluxcd/pkg runtime/leaderelection."""


class Freed:
    """Looks again and again, and says who still holds one of them; empty when nobody does.

    A holder that was killed gives nothing back: its Lease counts as free once it was seen unchanged for as long as it
    holds, by our own clock, as every other replica would judge it.
    """

    def __init__(self, namespace: str, roles: Collection[Role], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._namespace = namespace
        self._roles = roles
        self._clock = clock
        self._seen: dict[str, tuple[str, float]] = {}

    def __call__(self, cluster: Cluster) -> str:
        """Raises: ApiError."""
        now = self._clock()
        held = []
        for lease in leases(cluster, self._namespace):
            if lease.role not in self._roles or not lease.holder:
                continue
            version = str(lease.raw["metadata"]["resourceVersion"])
            if self._seen.get(lease.ref, ("", 0.0))[0] != version:
                self._seen[lease.ref] = version, now
            seconds = float(lease.raw["spec"].get("leaseDurationSeconds") or _LEASE_SECONDS)
            if now - self._seen[lease.ref][1] < seconds:
                held.append(f"{lease.ref}: is still held by {lease.holder}")
        return "; ".join(held)
