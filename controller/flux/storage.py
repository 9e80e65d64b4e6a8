"""The folders of deliveries: artifacts that we store, trees that we extracted, mirrors of repositories."""

from typing import Final

from controller.flux.artifacts import Artifacts
from controller.flux.component import Shared
from engine.source.git import GitSource
from engine.source.guard import METADATA, Guard
from engine.source.store import Store
from engine.source.trees import Trees

_ARTIFACTS: Final = "artifacts"
_TREES: Final = "trees"
_MIRRORS: Final = "mirrors"


def store_of(shared: Shared) -> Store:
    """The artifacts of this process. Raises: SourceError."""
    flux = shared.settings.flux
    found: Store = shared.once(
        "store", lambda: Store(shared.root / _ARTIFACTS, ttl=flux.artifact_ttl, records=flux.artifact_records)
    )
    return found


def guard_of(shared: Shared) -> Guard:
    """Whom a source may make us speak to."""
    flux = shared.settings.flux

    def make() -> Guard:
        return Guard(allow=flux.allow_networks, deny=(*METADATA, *flux.deny_networks), lockdown=flux.lockdown)

    found: Guard = shared.once("guard", make)
    return found


def git_of(shared: Shared) -> GitSource:
    """Repositories elsewhere, and the mirrors of them."""
    found: GitSource = shared.once(
        "git", lambda: GitSource(shared.root / _MIRRORS, environ=shared.environ, guard=guard_of(shared))
    )
    return found


def artifacts_of(shared: Shared) -> Artifacts:
    """Trees of artifacts, ours and others'. Raises: SourceError."""

    def make() -> Artifacts:
        return Artifacts(
            store_of(shared),
            Trees(shared.root / _TREES),
            guard_of(shared),
            attempts=min(shared.settings.flux.http_retries, 1) + 1,  # a worker waits a moment at most; then the queue
            source_host=shared.environ.get("SOURCE_CONTROLLER_LOCALHOST", ""),
            watcher_host=shared.environ.get("SOURCE_WATCHER_LOCALHOST", ""),
            stop=shared.stopping,
        )

    found: Artifacts = shared.once("artifacts", make)
    return found
