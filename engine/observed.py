"""Observed: what is kept of a live object, a few hundred bytes whatever its size."""

import hashlib
from collections.abc import Mapping
from sys import intern
from typing import Any, NamedTuple

import orjson

from engine.health.rules import judge, needs_whole
from engine.health.verdict import Verdict


class Observed(NamedTuple):
    """One live object as a watch last told it. `generation` is 0 for kinds that have none."""

    uid: str
    version: str
    generation: int
    marks: bytes
    verdict: Verdict


CONTENT = b"c"
"""How marks begin that are of the content too: then the resourceVersion, which a status moves, says nothing more."""
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_BY_CONTROLLERS = (
    "deployment.kubernetes.io/",
    "endpoints.kubernetes.io/",
    "pv.kubernetes.io/",
    "volume.beta.kubernetes.io/",
    "volume.kubernetes.io/",
)
"""Annotations that Kubernetes' own controllers put onto objects after each apply; no manifest has them.

Source: k8s.io/kubernetes pkg/controller/deployment/util, volume/persistentvolume, endpoint."""


def marks_of(metadata: Mapping[str, Any]) -> bytes:
    """A digest of an object's labels and annotations, to see whether they changed.

    Annotations of Kubernetes' own controllers do not count. Of the annotation in which kubectl keeps a copy of the
    whole object only the presence counts: the copy may hold the data of a Secret, of which not even a digest shall lie
    anywhere.
    """
    annotations = metadata.get("annotations") or {}
    annotations = {
        name: "" if name == _LAST_APPLIED else value
        for name, value in annotations.items()
        if not name.startswith(_BY_CONTROLLERS)
    }
    text = orjson.dumps([metadata.get("labels") or {}, annotations], option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(text, digest_size=16).digest()


def content_marks_of(obj: Mapping[str, Any]) -> bytes:
    """The marks of a whole object. Where it has a status and no generation, which would tell a change of the one from a
    change of the rest (ResourceQuota, Service, PersistentVolumeClaim), they are of all but the status.

    Objects that may hold secrets have no status.
    """
    marks = marks_of(obj["metadata"])
    group, _, _ = str(obj.get("apiVersion") or "").rpartition("/")
    is_seen_whole = needs_whole(group, str(obj.get("kind") or ""))
    if obj["metadata"].get("generation") or "status" not in obj or not is_seen_whole:
        return marks
    rest = {name: value for name, value in obj.items() if name not in ("metadata", "status")}
    digest = hashlib.blake2b(orjson.dumps(rest, option=orjson.OPT_SORT_KEYS), digest_size=16)
    digest.update(marks)
    return CONTENT + digest.digest()


def observed_of(obj: dict[str, Any]) -> Observed:
    """What is kept of an object that the server sent. Raises: KeyError for what is no object."""
    metadata = obj["metadata"]
    generation = metadata.get("generation")
    return Observed(
        metadata["uid"],
        metadata["resourceVersion"],
        generation if isinstance(generation, int) else 0,
        content_marks_of(obj),
        _shared(judge(obj)),
    )


_MOST_SHARED = 1024
_verdicts: dict[Verdict, Verdict] = {}


def _shared(verdict: Verdict) -> Verdict:
    """The same verdict for all who have an equal one: thousands of objects say "Resource is current"."""
    if len(_verdicts) >= _MOST_SHARED:
        _verdicts.clear()
    return _verdicts.setdefault(verdict, verdict)


def key_of(namespace: str, name: str) -> tuple[str, str]:
    """Under what an object is kept; objects of a namespace share its name."""
    return intern(namespace), name
