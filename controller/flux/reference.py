"""The artifact that the status of a source names. Pure.

Source: flux.md section 3.1; fluxcd/pkg apis/meta/artifact_types.go.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from engine.source.base import Artifact

ORIGIN_REVISION: Final = "org.opencontainers.image.revision"
_SHA1_LENGTH: Final = 40


def artifact_of(raw: Mapping[str, Any]) -> Artifact | None:
    """What a source offers now; None where it has nothing yet."""
    found = (raw.get("status") or {}).get("artifact")
    if not isinstance(found, Mapping):
        return None
    return Artifact(
        path=str(found.get("path") or ""),
        url=str(found.get("url") or ""),
        revision=str(found.get("revision") or ""),
        digest=str(found.get("digest") or ""),
        last_update=_time(found.get("lastUpdateTime")),
        size=int(found.get("size") or 0),
        metadata=dict(found.get("metadata") or {}),
    )


def has_revision(artifact: Artifact, revision: str) -> bool:
    """Whether the artifact is of this revision, in the present or the former spelling."""
    return bool(revision) and _present(artifact.revision) == _present(revision)


def origin_revision(artifact: Artifact) -> str:
    """Which commit an artifact that somebody pushed was made from; empty where nobody says."""
    return artifact.metadata.get(ORIGIN_REVISION, "")


def _present(revision: str) -> str:
    """`branch/hash`, as it was written before 2023, becomes `branch@sha1:hash`."""
    if "@" in revision or ":" in revision:
        return revision
    named, separator, digest = revision.rpartition("/")
    if len(digest) == _SHA1_LENGTH:
        digest = f"sha1:{digest}"
    return f"{named}@{digest}" if separator else digest


def _time(text: object) -> datetime:
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return datetime.fromtimestamp(0, UTC)
