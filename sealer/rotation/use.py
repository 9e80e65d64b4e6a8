"""Which keys are in use: by the SealedSecrets that live in a cluster, and by those in files.

What cannot be read or opened is listed apart, since it may need any of the keys.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from engine.kube.client import Cluster
from engine.kube.refs import Resource
from sealer.errors import FormatError, UnsealError
from sealer.keys import Fingerprint
from sealer.reseal import Resealed, open_all
from sealer.ring import KeyRing
from sealer.rotation.job import Job
from sealer.sealedsecret import parse
from sealer.spread import spread

SEALED_SECRETS = Resource("bitnami.com", "v1alpha1", "sealedsecrets", "SealedSecret")
_TOGETHER = 8


class Use(NamedTuple):
    """One place and the keys that it needs; `keys` is None where that cannot be known, and `why` says so."""

    place: str
    keys: frozenset[Fingerprint] | None
    why: str = ""


class Reader:
    """Stands in for a resealer: says which keys open an object, and reseals nothing."""

    newest = Fingerprint("none")
    at_once: int | None = None

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    def reseal(self, raw: Mapping[str, Any]) -> Resealed:
        """Raises: UnsealError, FormatError."""
        return Resealed({}, {name: item.fingerprint for name, item in open_all(parse(raw), self._ring).items()})


def live(cluster: Cluster, ring: KeyRing) -> list[Use]:
    """The use by each SealedSecret of a cluster. Raises: KsealError when they cannot be listed."""
    reader = Reader(ring)

    def look(raw: Mapping[str, Any]) -> Use:
        metadata = raw.get("metadata") or {}
        place = f"SealedSecret/{metadata.get('namespace')}/{metadata.get('name')}"
        whole = {"apiVersion": SEALED_SECRETS.api_version, "kind": SEALED_SECRETS.kind, **raw}
        try:
            return Use(place, frozenset(reader.reseal(whole).opened_by.values()))
        except (UnsealError, FormatError) as error:
            return Use(place, None, error.message)

    return spread(look, list(cluster.list(SEALED_SECRETS)), from_count=_TOGETHER)


def in_files(job: Job) -> list[Use]:
    """The use by each SealedSecret of files; `job` was made with a Reader. Raises: KsealError."""
    found = []
    for report in job.run():
        for one in report.objects:
            place = f"{one.file}:{one.line}"
            found.append(Use(place, None, one.error.message) if one.error else Use(place, frozenset(one.keys.values())))
        if report.error is not None:
            found.append(Use(report.path, None, report.error.message.removeprefix(f"{report.path}: ")))
    return found


def count(uses: Iterable[Use], key: Fingerprint) -> int:
    """How many places need a key for certain."""
    return sum(use.keys is not None and key in use.keys for use in uses)


def unknown(uses: Iterable[Use]) -> list[Use]:
    """The places that may need any key."""
    return [use for use in uses if use.keys is None]


def needing(uses: Sequence[Use], key: Fingerprint) -> list[Use]:
    """The places that need a key, or may."""
    return [use for use in uses if use.keys is None or key in use.keys]
