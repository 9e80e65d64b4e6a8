"""What every source speaks of: artifacts, and what can go wrong with one.

SourceError           a source cannot be had; `reason` is the word for conditions and events
├── Unverified        the content came, its signature does not convince
└── SourceStalled     only a change of the resource helps
    └── VerifyStalled     a signature is wanted where there can be none
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple

from engine.errors import KsealError, Stalled


class Artifact(NamedTuple):
    """Stored content of a source at a revision, as a status tells it."""

    path: str
    """Below the root of the store: `gitrepository/flux-system/apps/<commit>.tar.gz`."""
    url: str
    revision: str
    digest: str
    """`sha256:<hex>` of the stored file."""
    last_update: datetime
    size: int
    metadata: Mapping[str, str] = {}


class SourceError(KsealError):
    """`reason` is one of the reasons that conditions of sources have."""

    def __init__(self, message: str, hint: str | None = None, *, reason: str = "GitOperationFailed") -> None:
        super().__init__(message, hint)
        self.reason = reason


class Unverified(SourceError):
    """No good signature by one of the keys given."""


class SourceStalled(SourceError, Stalled):
    """Trying again without a change of the resource is useless."""


class VerifyStalled(Unverified, SourceStalled):
    """The resource asks for a signature where there can be none."""


GIT_FAILED: Final = "GitOperationFailed"
EMPTY_REPOSITORY: Final = "EmptyGitRepository"
AUTHENTICATION_FAILED: Final = "AuthenticationFailed"
URL_INVALID: Final = "URLInvalid"
IGNORE_FAILED: Final = "SourceIgnoreError"
ARCHIVE_FAILED: Final = "ArchiveOperationFailed"
READ_FAILED: Final = "ReadOperationFailed"
STORE_FAILED: Final = "DirectoryCreationFailed"
"""Reasons of conditions. Source: fluxcd/source-controller api/v1/condition_types.go, gitrepository_types.go."""
