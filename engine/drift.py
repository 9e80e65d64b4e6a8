"""Whether a live object has moved away from what our last apply left; from the watch alone, without a request."""

from typing import Protocol

from engine.observed import CONTENT, Observed


class Applied(Protocol):
    """What is remembered of our last apply of an object: see engine.records.Record. Read only."""

    @property
    def uid(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def generation(self) -> int: ...
    @property
    def marks(self) -> bytes: ...


def is_suspicious(record: Applied, observed: Observed | None) -> bool:
    """True when someone may have changed what we applied: a dry-run then tells whether it matters.

    The object vanished or was made anew, its labels or annotations changed, or its generation moved, which the server
    raises with every change of the spec and with none of the status. Kinds without a generation (ConfigMap, Secret,
    ServiceAccount, RBAC, ...) have the resourceVersion instead, which any write moves, or, where a status would move it
    (Service, ResourceQuota, ...), marks of the content.

    An older view than our own apply counts too: the server may have been restored from a backup.
    """
    if observed is None or observed.uid != record.uid or observed.marks != record.marks:
        return True
    if observed.generation and record.generation:
        return observed.generation != record.generation
    if observed.marks.startswith(CONTENT):
        return False
    return observed.version != record.version
