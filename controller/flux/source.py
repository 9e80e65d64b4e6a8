"""One GitRepository brought to an artifact: storage, log-in, includes, fetch, archive; the status is written last.

The queue hands over a name. An interval without news costs one question to the Git server and no request that writes:
the original says "no changes since last reconciliation" in an Event each time, which is left out, and it writes the
status several times on the way to a new artifact, where one time is enough.

Source: flux.md section 3.1; fluxcd/source-controller internal/controller/gitrepository_controller.go.
"""

import binascii
import copy
import random
import threading
import time
from base64 import b64decode
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from controller.flux import conditions, gitspec
from controller.flux.artifacts import Artifacts, advertised_url
from controller.flux.conditions import (
    PROGRESSING_WITH_RETRY,
    READY,
    RECONCILING,
    STALLED,
    SUCCEEDED,
    At,
    Status,
    timestamp,
)
from controller.flux.events import Teller
from controller.flux.gitspec import GitSpec, owner_of
from controller.flux.halt import BACKOFF, NEVER, Next
from controller.flux.names import GIT_REPOSITORIES, REQUESTED_AT, Name
from controller.flux.objects import Objects
from controller.flux.reference import artifact_of, has_revision
from controller.flux.statuses import Statuses
from controller.flux.summary import (
    FAILURES,
    FETCH_FAILED,
    IN_STORAGE,
    INCLUDE_UNAVAILABLE,
    OUTDATED,
    STORAGE_FAILED,
    VERIFIED,
    summarize,
)
from engine.git.access import AccessError
from engine.git.githubapp import APP_ID, GitHubApps
from engine.kube.client import Cluster
from engine.kube.errors import ApiError
from engine.kube.refs import SECRETS
from engine.source.archive import pack
from engine.source.base import AUTHENTICATION_FAILED, Artifact, SourceError, SourceStalled, Unverified
from engine.source.git import GitCredentials, GitSource, Include, Resolved, Verification
from engine.source.store import Store

SHARING: Final = 0.05
"""As much as intervals vary anyway; so sources of one repository that come at about the same time ask once."""
SWEEP_SECONDS: Final = 3600.0
"""How often mirrors that nobody uses are looked for; what is dropped too early is fetched again."""
VERIFICATION_ERROR: Final = "VerificationError"
INVALID_PROVIDER: Final = "InvalidProviderConfiguration"
_STORAGE_REASONS: Final = frozenset(
    {
        "DirectoryCreationFailed",
        "StatOperationFailed",
        "ReadOperationFailed",
        "AcquireLockFailed",
        "ArchiveOperationFailed",
        "SourceIgnoreError",
        "IllegalPath",
        "InvalidPath",
        "CopyFailure",
    }
)
Inclusion = tuple[gitspec.Include, Artifact, dict[str, Any]]
"""What is included, its artifact, and the same as the status has it."""


class _Unavailable(SourceError):
    """An included GitRepository has nothing to include yet."""


@dataclass(slots=True)
class _Work:
    """One look at one GitRepository."""

    name: Name
    raw: dict[str, Any]
    """As it was when the look began."""
    status: Status
    """As it is going to be."""
    at: At
    progress: str
    """What is under way, for the case that it fails."""
    artifact: Artifact | None
    """What is in the store and whole."""
    is_new: bool = False
    """Whether another artifact was stored than before."""
    revision: str = ""
    """What is upstream, where that is news."""
    subject: str = ""
    """Of the commit that was stored."""

    @property
    def is_asked(self) -> bool:
        """Whether more has led here than that the interval is over."""
        requested = (self.raw["metadata"].get("annotations") or {}).get(REQUESTED_AT)
        before = self.raw.get("status") or {}
        return (
            (requested is not None and requested != before.get("lastHandledReconcileAt"))
            or before.get("observedGeneration") != self.at.generation
            or self.artifact is None
            or any(conditions.get(before, kind) is not None for kind in FAILURES)
        )

    @property
    def spec(self) -> dict[str, Any]:
        found: dict[str, Any] = self.raw.get("spec") or {}
        return found


class SourceReconciler:
    """Works on GitRepositories; one name at a time in each thread."""

    def __init__(
        self,
        cluster: Cluster,
        objects: Objects,
        *,
        store: Store,
        artifacts: Artifacts,
        git: GitSource,
        apps: GitHubApps,
        teller: Teller,
        statuses: Statuses,
        advertised: str,
        on_revision: Callable[[str, Name, str], None],
        log: Any,
        jitter_percent: int = 5,
        sharing: float = SHARING,
        requeue: timedelta = timedelta(seconds=30),
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`sharing` is the part of an interval for which an answer counts that the Git server gave for another source.

        `advertised` is the address in URLs of artifacts; `on_revision` is told kind, name and the new revision.

        `requeue` is how soon an include is looked for again that has nothing yet.
        """
        self._cluster = cluster
        self._objects = objects
        self._store = store
        self._artifacts = artifacts
        self._git = git
        self._apps = apps
        self._teller = teller
        self._statuses = statuses
        self._advertised = advertised
        self._on_revision = on_revision
        self._log = log
        self._jitter = jitter_percent / 100
        self._sharing = sharing
        self._requeue = requeue
        self._now = now
        self._chance = chance
        self._clock = clock
        self._swept_at = clock()
        self._lock = threading.Lock()
        self._mirrors: dict[Name, str] = {}
        """The mirror that each uses."""

    def reconcile(self, name: Name) -> Next:
        """Look at one GitRepository; when to look again. Raises: ApiError when its state cannot be written."""
        seen = self._objects.get(name)
        if seen is None:
            self._forget(name)
            return NEVER
        raw = seen.object()
        if seen.is_deleting:
            self._forget(name)
            self._statuses.remove_finalizer(raw)
            return NEVER
        work = self._begin(name, self._statuses.add_finalizer(raw))
        if work.spec.get("suspend"):
            return self._pass_over(work)
        began = time.monotonic()
        try:
            spec = gitspec.read(work.raw)
            resolved = self._steps(work, spec)
        except SourceError as error:
            return self._fail(work, error)
        self._succeed(work, resolved)
        self._sweep_mirrors()
        self._log.debug("source looked at", ref=str(name), revision=resolved.revision, seconds=time.monotonic() - began)
        return Next(spec.interval.total_seconds() * (1 + self._jitter * (2 * self._chance() - 1)))

    def sweep(self) -> None:
        """Drop artifacts of GitRepositories that went while nobody looked. Only when all that exist are known."""
        known = {owner_of(name) for name in self._objects.names()}
        for owner in self._store.owners():
            if owner.startswith("gitrepository/") and owner not in known:
                self._store.drop(owner)

    def _sweep_mirrors(self) -> None:
        """Once in a while: drop mirrors that no GitRepository has used since the start, and tidy the others."""
        now = self._clock()
        with self._lock:
            if now - self._swept_at < SWEEP_SECONDS:
                return
            self._swept_at = now
            wanted = {*self._mirrors.values()}
        gone = self._git.sweep(wanted)
        self._log.info("mirrors swept", dropped=len(gone), kept=len(wanted))

    def _forget(self, name: Name) -> None:
        self._store.drop(owner_of(name))
        with self._lock:
            self._mirrors.pop(name, None)

    def _begin(self, name: Name, raw: dict[str, Any]) -> _Work:
        status = copy.deepcopy(raw.get("status") or {})
        if (verified := conditions.get(status, VERIFIED)) is not None and verified.get("status") == "False":
            conditions.remove(status, VERIFIED)  # it was of a commit that may be there no more; a good one stands
        generation = raw["metadata"].get("generation") or 0
        observed = status.get("observedGeneration", 0)
        progress = "reconciliation in progress"
        if observed != generation:
            progress = f"processing object: new generation {observed} -> {generation}"
        at = At(generation, self._now())
        return _Work(name, raw, status, at, progress, artifact_of(raw))

    def _pass_over(self, work: _Work) -> Next:
        """Suspended: say only that this was seen."""
        if work.status.get("conditions"):
            work.status["observedGeneration"] = work.at.generation
        self._write(work)
        return NEVER

    def _steps(self, work: _Work, spec: GitSpec) -> Resolved:
        """All that has to be done, in order. Raises: SourceError."""
        self._check_storage(work)
        credentials = self._credentials(work, spec)
        with self._lock:
            self._mirrors[work.name] = self._git.key(spec.wanted, credentials)
        included = self._included(work, spec)
        age = 0.0 if work.is_asked else spec.interval.total_seconds() * self._sharing
        resolved = self._git.resolve(spec.wanted, credentials, max_age_seconds=age)
        if work.artifact is not None and has_revision(work.artifact, resolved.revision):
            offered = [found for _, _, found in included]
            if not gitspec.is_content_changed(work.spec, work.status, offered):
                return resolved
        else:
            work.revision = resolved.revision
        self._archive(work, spec, credentials, resolved, included)
        return resolved

    def _check_storage(self, work: _Work) -> None:
        """Forget an artifact that is not in the store any more, or not as it was put there."""
        if work.artifact is None:
            work.progress = "building artifact"
            conditions.remove(work.status, IN_STORAGE)
            return
        owner = owner_of(work.name)
        self._store.collect(owner, work.artifact.path)
        if self._store.verify(work.artifact.path, work.artifact.digest):
            work.status["artifact"]["url"] = advertised_url(self._advertised, work.artifact.path)
            return
        if (broken := self._is_broken(work.artifact)) is not None:
            message = f"failed to verify integrity of artifact: {broken}"
            self._teller.tell(work.raw, "error", "ArtifactVerificationFailed", message)
        work.progress = "building artifact: disappeared from storage"
        work.artifact = None
        work.status.pop("artifact", None)
        conditions.remove(work.status, IN_STORAGE)

    def _is_broken(self, artifact: Artifact) -> str | None:
        """What to say of an artifact that is there and not as it was stored; None when it is not there."""
        try:
            self._store.open(artifact.path).close()
        except (SourceError, OSError):
            return None
        return f"its digest is not '{artifact.digest}'"

    def _credentials(self, work: _Work, spec: GitSpec) -> GitCredentials | None:
        """What to log in with. Raises: SourceError."""
        namespace = work.name.namespace
        proxy = self._secret(namespace, spec.proxy_secret, "failed to configure proxy options")
        secret = self._secret(namespace, spec.secret, f"failed to get secret '{namespace}/{spec.secret}'")
        has_app = bool((secret or {}).get(APP_ID))
        if spec.provider == gitspec.GITHUB and secret is not None:
            return self._app_credentials(spec, secret, proxy, has_app=has_app)
        if has_app:
            raise SourceError(
                f"secretRef '{namespace}/{spec.secret}' has github app data but provider is not set to github",
                reason=INVALID_PROVIDER,
            )
        return GitCredentials.of(secret or {}, spec.wanted.url, proxy)

    def _app_credentials(
        self, spec: GitSpec, secret: dict[str, bytes], proxy: dict[str, bytes] | None, *, has_app: bool
    ) -> GitCredentials:
        """What a GitHub App logs in with. Raises: SourceError."""
        if not has_app:
            raise SourceError(
                "secretRef with github app data must be specified when provider is set to github",
                reason=INVALID_PROVIDER,
            )
        try:
            made = self._apps.log_in(secret, proxy)
        except AccessError as error:
            raise SourceError(
                f"failed to configure authentication options: {error.message}",
                error.hint,
                reason=AUTHENTICATION_FAILED,
            ) from error
        lasting = b"\0".join(name.encode() + b"=" + value for name, value in sorted(secret.items()))
        return GitCredentials.of(made, spec.wanted.url, proxy, lasting=lasting)

    def _secret(
        self, namespace: str, name: str | None, failing: str, reason: str = AUTHENTICATION_FAILED
    ) -> dict[str, bytes] | None:
        """The items of a Secret; None where none is named. Raises: SourceError."""
        if name is None:
            return None
        try:
            raw = self._cluster.get(SECRETS, namespace, name)
            return {key: b64decode(value or "", validate=True) for key, value in (raw.get("data") or {}).items()}
        except ApiError as error:
            raise SourceError(f"{failing}: {error.message}", error.hint, reason=reason) from error
        except (binascii.Error, ValueError):
            raise SourceError(f"{failing}: an item is no base64", reason=reason) from None

    def _included(self, work: _Work, spec: GitSpec) -> list[Inclusion]:
        """The artifacts of spec.include, in that order. Raises: SourceError for one that is not there."""
        found: list[Inclusion] = []
        for include in spec.includes:
            seen = self._objects.get(Name(work.name.namespace, include.name))
            if seen is None:
                raise _Unavailable(
                    f"could not get resource for include '{include.name}': there is no such GitRepository",
                    reason="NotFound",
                )
            raw = seen.object()
            artifact = artifact_of(raw)
            if artifact is None:
                raise _Unavailable(f"no artifact available for include '{include.name}'", reason="NoArtifact")
            found.append((include, artifact, raw["status"]["artifact"]))
        if gitspec.is_include_changed(work.status, [offered for _, _, offered in found]):
            work.progress = "building artifact: included artifacts differ from last observed includes"
        return found

    def _archive(
        self,
        work: _Work,
        spec: GitSpec,
        credentials: GitCredentials | None,
        resolved: Resolved,
        included: list[Inclusion],
    ) -> None:
        """Fetch, check the signature, and store what is wanted. Raises: SourceError."""
        verification = self._verification(work, spec)
        with ExitStack() as held:
            includes = [
                Include(held.enter_context(self._artifacts.lease(found)), include.from_path, include.to_path)
                for include, found, _ in included
            ]
            files = held.enter_context(
                self._git.files(
                    spec.wanted,
                    resolved,
                    credentials,
                    ignore_text=spec.ignore,
                    verification=verification,
                    includes=includes,
                )
            )
            file = f"{resolved.commit}.tar.gz"
            stored = self._store.put(owner_of(work.name), file, lambda target: pack(files, target))
        before = (work.raw.get("status") or {}).get("artifact") or {}
        work.status["artifact"] = {
            "path": stored.path,
            "url": advertised_url(self._advertised, stored.path),
            "revision": resolved.revision,
            "digest": stored.digest,
            "size": stored.size,
            "lastUpdateTime": timestamp(work.at.now),
        }
        work.subject = files.subject
        work.is_new = before.get("digest") != stored.digest
        _observe(work.status, work.spec, [offered for _, _, offered in included])
        if spec.verify_mode is not None:
            work.status["sourceVerificationMode"] = spec.verify_mode
            conditions.set_condition(work.status, VERIFIED, "True", SUCCEEDED, files.verified, work.at)

    def _verification(self, work: _Work, spec: GitSpec) -> Verification | None:
        if spec.verify_mode is None:
            return None
        try:
            keys = self._secret(work.name.namespace, spec.verify_secret, "public keys secret error", VERIFICATION_ERROR)
        except SourceError as error:
            raise Unverified(error.message, error.hint, reason=error.reason) from error
        return Verification(spec.verify_mode, keys or {})

    def _succeed(self, work: _Work, resolved: Resolved) -> None:
        status, before = work.status, work.raw.get("status") or {}
        conditions.remove(status, *FAILURES, OUTDATED, RECONCILING, STALLED)
        if not work.spec.get("verify"):
            conditions.remove(status, VERIFIED)
            status.pop("sourceVerificationMode", None)
        message = f"stored artifact for revision '{resolved.revision}'"
        conditions.set_condition(status, IN_STORAGE, "True", SUCCEEDED, message, work.at)
        status["observedGeneration"] = work.at.generation
        self._write(work)
        revision, digest = status["artifact"]["revision"], status["artifact"]["digest"]
        has_recovered = any(conditions.get(before, kind) is not None for kind in FAILURES)
        if work.is_new or has_recovered:
            self._teller.tell(
                work.raw,
                "info",
                "NewArtifact" if work.is_new else SUCCEEDED,
                f"stored artifact for commit '{work.subject or resolved.revision}'",
                {"revision": revision, "digest": digest},
            )
        if (before.get("artifact") or {}).get("revision") != revision or work.is_new:
            self._log.info("artifact stored", ref=str(work.name), revision=revision, size=status["artifact"]["size"])
            self._on_revision(GIT_REPOSITORIES.kind, work.name, revision)

    def _fail(self, work: _Work, error: SourceError) -> Next:
        status, at = work.status, work.at
        conditions.remove(status, *FAILURES, OUTDATED)
        kind, value = _condition(error)
        conditions.set_condition(status, kind, value, error.reason, error.message, at)
        if kind == STORAGE_FAILED and work.revision:
            message = f"new upstream revision '{work.revision}'"
            work.progress = f"building artifact: {message}"
            if work.artifact is not None:
                conditions.set_condition(status, OUTDATED, "True", "NewRevision", message, at)
        if isinstance(error, SourceStalled):
            conditions.mark_stalled(status, error.reason, error.message, at)
            status["observedGeneration"] = at.generation
        else:
            conditions.mark_reconciling(status, PROGRESSING_WITH_RETRY, work.progress, at)
        self._write(work)
        if _ready_words(status) != _ready_words(work.raw.get("status")):  # not each time the same is tried in vain
            severity: Any = "trace" if isinstance(error, _Unavailable) else "error"
            told = f"{error.message}; {error.hint}" if error.hint else error.message
            self._teller.tell(work.raw, severity, error.reason, told)
        self._log.warning("source cannot be had", ref=str(work.name), reason=error.reason, cause=error.message)
        if isinstance(error, SourceStalled):
            return NEVER
        return Next(self._requeue.total_seconds()) if isinstance(error, _Unavailable) else BACKOFF

    def _write(self, work: _Work) -> None:
        requested = (work.raw["metadata"].get("annotations") or {}).get(REQUESTED_AT)
        if requested:
            work.status["lastHandledReconcileAt"] = requested
        summarize(work.status, work.at)
        self._statuses.write(work.raw, work.status)


def _condition(error: SourceError) -> tuple[str, str]:
    """Which condition says what went wrong, and how."""
    if isinstance(error, Unverified):
        return VERIFIED, "False"
    if isinstance(error, _Unavailable):
        return INCLUDE_UNAVAILABLE, "True"
    return (STORAGE_FAILED if error.reason in _STORAGE_REASONS else FETCH_FAILED), "True"


def _observe(status: Status, spec: Mapping[str, Any], included: list[dict[str, Any]]) -> None:
    """Keep what the artifact was made from; what is not said is left out."""
    observed = {
        "observedIgnore": spec.get("ignore"),
        "observedInclude": spec.get("include") or None,
        "observedSparseCheckout": spec.get("sparseCheckout") or None,
        "includedArtifacts": included or None,
    }
    for field, value in observed.items():
        if value is None:
            status.pop(field, None)
        else:
            status[field] = value


def _ready_words(status: Status | None) -> tuple[object, ...]:
    found = conditions.get(status, READY) or {}
    return found.get("status"), found.get("reason"), found.get("message")
