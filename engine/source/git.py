"""A Git repository as a source: which commit is wanted, and the files of it, signed by whom it should be.

`resolve` asks for refs only. `files` fetches into a mirror that stays, so that the next commit costs its difference,
and reads the tree out of it without a checkout. Source: fluxcd/pkg git/gogit/clone.go, fluxcd/source-controller
internal/controller/gitrepository_controller.go; messages begin as theirs do.
"""

import os
import shutil
import threading
import time
from collections import OrderedDict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple, Self

from engine.git import objects, verify
from engine.git.access import Access, AccessError
from engine.git.child import Git, GitError, Overtime
from engine.git.lsrefs import Ref, RefLister, Refs, refs_of_lines
from engine.git.mirror import Mirror, Mirrors, local
from engine.git.objects import Blob
from engine.git.wire import WireError
from engine.source import semver
from engine.source.archive import DEFAULT_LIMITS, Limits, check_path
from engine.source.base import (
    AUTHENTICATION_FAILED,
    EMPTY_REPOSITORY,
    GIT_FAILED,
    IGNORE_FAILED,
    URL_INVALID,
    SourceError,
    SourceStalled,
    Unverified,
    VerifyStalled,
)
from engine.source.guard import Guard
from engine.source.ignore import FILE_NAME, LARGEST_FILE, Ignore
from engine.source.tree import Tree

DEFAULT_BRANCH: Final = "master"
"""And not the remote's HEAD."""
_HEADS: Final = "refs/heads/"
_TAGS: Final = "refs/tags/"
_PEELED: Final = "^{}"
_MOST_BLOBS: Final = 1_000_000
"""Files of a repository, of which a source takes fewer."""
_PREFIXES: Final = 64
"""Refs that one question asks for on behalf of all who share it."""
_FORGOTTEN_SECONDS: Final = 7_200.0
"""After which a ref that nobody asked for any more is left out."""
_SHARED: Final = 4_096
_LARGEST_REFS: Final = 32 << 20
_KEPT_REFS: Final = 10_000
"""Refs of an answer that is kept for others; a larger one serves its asker only."""
_PROXIES: Final = (
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "all_proxy",
    "ALL_PROXY",
)

File = tuple[str, bool, bytes]
"""Path, whether it is executable, content."""


class GitRef(NamedTuple):
    """What is wanted; the first that is set of commit, name, tag, semver, branch, as Flux does and not as it says."""

    branch: str = ""
    tag: str = ""
    semver: str = ""
    name: str = ""
    commit: str = ""


class GitWanted(NamedTuple):
    """A repository, a reference, and which part of it."""

    url: str
    ref: GitRef = GitRef()
    sparse: tuple[str, ...] = ()
    timeout_seconds: float = 60.0


class GitCredentials(Access):
    """How to get at one repository."""

    @classmethod
    def of(
        cls, secret: Mapping[str, bytes], url: str, proxy: Mapping[str, bytes] | None = None, *, lasting: bytes = b""
    ) -> Self:
        """From the data of the Secrets; `secret` may be empty.

        `lasting` stands for a log-in that changes all the time, so that its mirror does not. Raises: SourceError,
        stalled for a URL that is none.
        """
        try:
            made = cls(url, secret, proxy)
        except AccessError as error:
            if error.is_url:
                raise SourceStalled(error.message, error.hint, reason=URL_INVALID) from error
            raise SourceError(
                f"failed to configure authentication options: {error.message}", error.hint, reason=AUTHENTICATION_FAILED
            ) from error
        made.lasting = lasting
        return made


class Resolved(NamedTuple):
    """A commit, and how status and events call it."""

    commit: str
    revision: str
    """`main@sha1:<hex>`; `<full ref>@sha1:<hex>` for a name; `sha1:<hex>` for a commit alone."""
    tag: str = ""
    """The tag by which it was found."""
    oid: str = ""
    """What the reference is at: the commit, or an annotated tag."""


class Verification(NamedTuple):
    """Which signatures are wanted."""

    mode: str
    """HEAD, Tag or TagAndHEAD."""
    keys: Mapping[str, bytes]
    """The Secret's data: `*.sshpub` are SSH keys, all others PGP key rings."""


class Include(NamedTuple):
    """Files of another source, put into this one."""

    tree: Tree
    from_path: str
    to_path: str


class Files:
    """The files of a source, in the order of their paths. Its mirror is held until they are read, or `close`."""

    def __init__(self, found: Iterator[File], stack: ExitStack, verified: str, count: int, subject: str) -> None:
        self.subject = subject
        """What the commit says of itself, in one short line."""
        self.verified = verified
        """What was verified, as the condition says it; empty for nothing."""
        self.count = count
        self._found = found
        self._stack = stack

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> File:
        try:
            return next(self._found)
        except BaseException:  # the end, too
            self.close()
            raise

    def close(self) -> None:
        """Give the mirror back; safe to repeat."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass(slots=True)
class _Poll:
    """The last answer for one repository and one set of credentials."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    prefixes: OrderedDict[str, float] = field(default_factory=OrderedDict)
    """What was asked for, and when last; the latest at the end."""
    begun: float = -1.0
    asked: frozenset[str] = frozenset()
    refs: Refs | None = None
    error: SourceError | None = None


class GitSource:
    """Git repositories, with their mirrors below a folder. Thread-safe."""

    def __init__(
        self,
        root: Path,
        *,
        environ: Mapping[str, str],
        guard: Guard,
        limits: Limits = DEFAULT_LIMITS,
        scratch: Path | None = None,
    ) -> None:
        """`scratch`, best in memory, gets copies of keys for the time that a child of git needs them.

        Raises: SourceError when the folder cannot be used.
        """
        self._environ = dict(environ)
        self._guard = guard
        self._limits = limits
        # Named after the root, since it is emptied at the start: a killed process may have left keys there.
        self._room = (scratch or root) / f"git-{verify.digest(str(root.absolute()).encode())[:12]}"
        self._lister = RefLister(guard)
        self._polls: OrderedDict[tuple[str, bytes], _Poll] = OrderedDict()
        self._lock = threading.Lock()
        child = {name: value for name, value in environ.items() if name not in _PROXIES}
        try:
            root.mkdir(parents=True, exist_ok=True, mode=0o700)
            shutil.rmtree(self._room, ignore_errors=True)
            self._room.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._key = _kept_key(root / "key")
            self._mirrors = Mirrors(root / "mirrors", environ=child)
            self._git = Git(root, environ=child)
        except OSError as error:
            raise SourceError(f"{root}: {(error.strerror or str(error)).lower()}") from error

    def resolve(
        self, wanted: GitWanted, credentials: GitCredentials | None = None, *, max_age_seconds: float = 0.0
    ) -> Resolved:
        """The commit that a reference is at now. Many who ask the same repository at once share one question.

        `max_age_seconds`: how old an answer given to somebody else may be.

        Raises: SourceError.
        """
        wanted = _normal(wanted)
        ref = wanted.ref
        with _told():
            access = self._access(wanted, credentials)
            if ref.commit:
                return Resolved(objects.check_commit(ref.commit), _revision_of_commit(ref))
            if ref.name:
                _check_ref(ref.name)
                found = self._at(access, wanted, ref.name.removesuffix(_PEELED), max_age_seconds)
                return Resolved(found.commit, f"{ref.name}@sha1:{found.commit}", _tag_of(ref.name), found.id)
            if ref.tag:
                found = self._at(access, wanted, f"{_TAGS}{ref.tag}", max_age_seconds)
                return Resolved(found.commit, f"{ref.tag}@sha1:{found.commit}", ref.tag, found.id)
            if ref.semver:
                return self._newest(access, wanted, max_age_seconds)
            branch = ref.branch or DEFAULT_BRANCH
            found = self._at(access, wanted, f"{_HEADS}{branch}", max_age_seconds)
            return Resolved(found.commit, f"{branch}@sha1:{found.commit}", oid=found.id)

    def files(
        self,
        wanted: GitWanted,
        resolved: Resolved,
        credentials: GitCredentials | None = None,
        *,
        ignore_text: str | None = None,
        verification: Verification | None = None,
        includes: Sequence[Include] = (),
    ) -> Files:
        """The files of a resolved commit that belong into the artifact, verified before the first one is given out.

        Raises: SourceError, also while the files are read; Unverified when the signature does not convince.
        """
        wanted = _normal(wanted)
        with ExitStack() as stack:
            with _told():
                access = self._access(wanted, credentials)
                mirror = stack.enter_context(self._mirror(access, wanted))
                self._bring(mirror, access, wanted, resolved)
            verified = "" if verification is None else self._verified(mirror, resolved, verification)
            with _told():
                found = self._listed(mirror, access, wanted, resolved)
                seconds = wanted.timeout_seconds
            places = _places(_sparse(found, wanted.sparse), includes)
            with _told():
                ignore = _ignore(mirror, places, ignore_text, seconds)
            kept = _within_limits(
                {path: each for path, each in places.items() if not ignore.excludes(path)}, self._limits
            )
            with _told():
                subject = _subject(mirror.git, resolved.commit)
            return Files(_read(mirror, kept, seconds), stack.pop_all(), verified, len(kept), subject)
        raise AssertionError

    def key(self, wanted: GitWanted, credentials: GitCredentials | None = None) -> str:
        """The name of the mirror that a source uses, for `sweep`. Raises: SourceError."""
        with _told():
            return self._mirror_key(self._access(wanted, credentials), wanted)

    def sweep(self, keep: Collection[str]) -> list[str]:
        """Drop mirrors whose keys nobody wants, and tidy the others; those in use are left alone. Returns what went."""
        gone = self._mirrors.sweep(keep)
        for key in self._mirrors.all_keys():
            try:
                with self._mirrors.locked(key, timeout_seconds=0.0) as mirror:
                    mirror.tidy()
            except GitError:
                continue  # in use, or broken: the next fetch finds out
        return gone

    def _access(self, wanted: GitWanted, credentials: GitCredentials | None) -> Access:
        return (credentials or GitCredentials.of({}, wanted.url)).within(self._environ)

    def _at(self, access: Access, wanted: GitWanted, name: str, max_age: float) -> Ref:
        refs = self._refs(access, name, wanted.timeout_seconds, max_age)
        if name in refs:
            return refs[name]
        self._check_not_empty(access, wanted)
        raise SourceError(
            f"couldn't find remote ref '{name}' in '{access.url}'", "does it exist, and is it spelled so?"
        )

    def _newest(self, access: Access, wanted: GitWanted, max_age: float) -> Resolved:
        refs = self._refs(access, _TAGS, wanted.timeout_seconds, max_age)
        tags = {name.removeprefix(_TAGS): ref for name, ref in refs.items() if name.startswith(_TAGS)}
        try:
            found = semver.newest(tags, wanted.ref.semver)
        except SourceError:
            if not tags:
                self._check_not_empty(access, wanted)
            raise
        tag = found[0] if len(found) == 1 else self._youngest(access, wanted, found)
        commit = tags[tag].commit
        return Resolved(commit, f"{tag}@sha1:{commit}", tag, tags[tag].id)

    def _youngest(self, access: Access, wanted: GitWanted, tags: Sequence[str]) -> str:
        """Of tags that are equal as versions, the one whose commit is the latest."""
        names = [f"{_TAGS}{tag}" for tag in tags]
        with self._mirror(access, wanted) as mirror:
            self._fetch(mirror, access, wanted, {name: local(name) for name in names}, depth=1)
            times = {}
            for name in names:
                written = mirror.git.run("log", "-1", "--format=%ct", "--end-of-options", f"{local(name)}^{{commit}}")
                times[name.removeprefix(_TAGS)] = int(written)
        return max(tags, key=lambda tag: times[tag])

    def _check_not_empty(self, access: Access, wanted: GitWanted) -> None:
        if not self._list(access, (), wanted.timeout_seconds):
            raise SourceError("git repository is empty", "push a first commit", reason=EMPTY_REPOSITORY)

    def _refs(self, access: Access, prefix: str, timeout_seconds: float, max_age: float) -> Refs:
        """An answer that was begun after the caller came here, less the age allowed."""
        came = time.monotonic()
        with self._lock:
            poll = self._polls.setdefault((access.url, access.fingerprint), _Poll())
            self._polls.move_to_end((access.url, access.fingerprint))
            while len(self._polls) > _SHARED:
                self._polls.popitem(last=False)
            poll.prefixes[prefix] = came
            poll.prefixes.move_to_end(prefix)
            while len(poll.prefixes) > _PREFIXES or next(iter(poll.prefixes.values())) < came - _FORGOTTEN_SECONDS:
                poll.prefixes.popitem(last=False)
        if not poll.lock.acquire(timeout=timeout_seconds * 2):  # the question under way, and the next one
            raise SourceError(f"unable to list remote for '{access.url}': others were busy with it for too long")
        try:
            if poll.begun < came - max_age or prefix not in poll.asked:
                with self._lock:
                    asked = frozenset(poll.prefixes) | {prefix}
                poll.begun, poll.asked, poll.refs, poll.error = time.monotonic(), asked, None, None
                try:
                    poll.refs = self._list(access, sorted(asked), timeout_seconds)
                except SourceError as error:
                    poll.error = error
            if (refs := poll.refs) is not None:
                if len(refs) > _KEPT_REFS:
                    poll.refs, poll.asked = None, frozenset()
                return refs
            failed = poll.error or SourceError("the refs were not listed")
        finally:
            poll.lock.release()
        raise SourceError(failed.message, failed.hint, reason=failed.reason) from failed

    @property
    def _scratch(self) -> Path:
        """A folder for files of one call, which is there again when somebody wiped it. Raises: SourceError."""
        try:
            self._room.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise SourceError(f"{self._room}: {(error.strerror or str(error)).lower()}") from error
        return self._room

    def _list(self, access: Access, prefixes: Sequence[str], timeout_seconds: float) -> Refs:
        try:
            if not access.is_ssh:
                return self._lister.list(access, prefixes, timeout_seconds=timeout_seconds)
            with access.environment(access.url, self._guard, self._scratch) as environment:
                patterns = [f"{prefix}*" for prefix in prefixes]
                words = ("ls-remote", "--quiet", "--end-of-options", access.url, *patterns)
                with self._git.opened(*words, environment=environment, timeout_seconds=timeout_seconds) as output:
                    said = output.read(_LARGEST_REFS + 1)
            if len(said) > _LARGEST_REFS:
                raise GitError(f"it has more than {_LARGEST_REFS} bytes of refs")
            return refs_of_lines(said)
        except (GitError, AccessError, SourceError) as error:
            raise SourceError(f"unable to list remote for '{access.url}': {error.message}", error.hint) from error

    def _mirror_key(self, access: Access, wanted: GitWanted) -> str:
        whole = "whole" if wanted.ref.commit else "newest"
        stable = access.stable_fingerprint(self._key)
        return verify.digest(access.url.encode(), stable, whole.encode())[:40]

    @contextmanager
    def _mirror(self, access: Access, wanted: GitWanted) -> Iterator[Mirror]:
        with self._mirrors.locked(self._mirror_key(access, wanted), timeout_seconds=wanted.timeout_seconds) as mirror:
            yield mirror

    def _bring(self, mirror: Mirror, access: Access, wanted: GitWanted, resolved: Resolved) -> None:
        """Have the commit in the mirror, whole."""
        if wanted.ref.commit:
            self._bring_history(mirror, access, wanted)
            return
        name, oid = _full_name(wanted.ref, resolved), resolved.oid or resolved.commit
        if mirror.holds(name, oid):
            return
        self._fetch(mirror, access, wanted, {name: local(name)}, depth=1)
        if mirror.holds(name, oid) or mirror.holds(_MOVED, oid):
            return
        try:  # it moved since it was resolved; servers of today give out what it was at, too
            self._fetch(mirror, access, wanted, {oid: local(_MOVED)}, depth=1)
        except GitError as error:
            raise SourceError(f"'{name}' moved away from {resolved.commit} while it was fetched") from error

    def _listed(self, mirror: Mirror, access: Access, wanted: GitWanted, resolved: Resolved) -> list[Blob]:
        """The commit's files; a mirror that lost some of them is begun anew, once."""
        seconds = wanted.timeout_seconds
        try:
            return objects.blobs(mirror.git, resolved.commit, most=_MOST_BLOBS, timeout_seconds=seconds)
        except Overtime:
            raise
        except GitError:
            mirror.discard()
            self._bring(mirror, access, wanted, resolved)
            return objects.blobs(mirror.git, resolved.commit, most=_MOST_BLOBS, timeout_seconds=seconds)

    def _bring_history(self, mirror: Mirror, access: Access, wanted: GitWanted) -> None:
        """A commit counts only where a branch has it in its history: a host may give out others, also strangers'."""
        ref = wanted.ref
        here = f"{_HEADS}{ref.branch or ''}"
        if _has(mirror, ref.commit, here):
            return
        there = f"{_HEADS}{ref.branch}" if ref.branch else f"{_HEADS}*"
        self._fetch(mirror, access, wanted, {there: there}, depth=None)
        if not _has(mirror, ref.commit, here):
            raise SourceError(f"unable to resolve commit object for '{ref.commit}': object not found")

    def _fetch(
        self, mirror: Mirror, access: Access, wanted: GitWanted, refs: Mapping[str, str], *, depth: int | None
    ) -> None:
        url = access.url
        if not access.is_ssh:
            url = self._lister.place(access, timeout_seconds=wanted.timeout_seconds)
        with access.environment(url, self._guard, self._scratch) as environment:
            mirror.fetch(url, refs, depth=depth, environment=environment, timeout_seconds=wanted.timeout_seconds)

    def _verified(self, mirror: Mirror, resolved: Resolved, wish: Verification) -> str:
        try:
            return verify.verified(
                mirror.git,
                commit=resolved.commit,
                tag=resolved.tag,
                tag_id=resolved.oid,
                mode=wish.mode,
                keys=wish.keys,
                scratch=self._scratch,
                environ=self._environ,
            )
        except verify.VerifyError as error:
            kind = VerifyStalled if error.is_final else Unverified
            raise kind(error.message, error.hint, reason=error.reason) from error


_MOVED: Final = "moved"


def _normal(wanted: GitWanted) -> GitWanted:
    """Commits are written in any case, and are told in the lower one."""
    return wanted._replace(ref=wanted.ref._replace(commit=wanted.ref.commit.lower()))


def _full_name(ref: GitRef, resolved: Resolved) -> str:
    if ref.name:
        return ref.name.removesuffix(_PEELED)
    return f"{_TAGS}{resolved.tag}" if resolved.tag else f"{_HEADS}{ref.branch or DEFAULT_BRANCH}"


def _tag_of(name: str) -> str:
    name = name.removesuffix(_PEELED)
    return name.removeprefix(_TAGS) if name.startswith(_TAGS) else ""


def _revision_of_commit(ref: GitRef) -> str:
    before = ref.name or ref.branch
    return f"{before}@sha1:{ref.commit}" if before else f"sha1:{ref.commit}"


def _check_ref(name: str) -> None:
    if name.startswith("/") or name.endswith("/"):
        raise SourceError(f"ref {name} is invalid; Git refs cannot begin or end with a slash '/'")


def _has(mirror: Mirror, commit: str, below: str) -> bool:
    try:
        return mirror.is_reachable(commit, below)
    except GitError:
        return False  # no repository yet


def _subject(git: Git, commit: str) -> str:
    """At most fifty characters, as Flux cuts it. Git itself cuts what is much longer."""
    found = git.run("log", "-1", "--format=%<(400,trunc)%s", "--end-of-options", commit).decode("utf-8", "replace")
    line = "".join(character for character in found.strip() if character.isprintable())
    return line if len(line) <= _SUBJECT else f"{line[:_SUBJECT]}..."


_SUBJECT: Final = 50


def _sparse(found: Sequence[Blob], wanted: Sequence[str]) -> list[Blob]:
    """What lies below the wanted folders. They are compared as texts, as go-git does: `apps` takes `apps-old/` too."""
    if not wanted:
        return list(found)
    beginnings = tuple(each.removeprefix("./") for each in wanted)
    kept = [blob for blob in found if blob.path.startswith(beginnings)]
    for begin, written in zip(beginnings, wanted, strict=True):
        folder = begin.rstrip("/")
        if folder not in ("", ".") and not any(
            blob.path == folder or blob.path.startswith(f"{folder}/") for blob in kept
        ):
            raise SourceError(
                f"failed to sparse checkout directories : sparse checkout dir '{written}' does not exist in repository",
                reason=GIT_FAILED,
            )
    return kept


class _Included(NamedTuple):
    tree: Tree
    path: str


_Place = Blob | _Included


def _places(blobs: Sequence[Blob], includes: Sequence[Include]) -> dict[str, _Place]:
    """What is at which path; an include, of a folder or of one file, goes over what was there."""
    places: dict[str, _Place] = {blob.path: blob for blob in blobs}
    for include in includes:
        source, target = _relative(include.from_path), _relative(include.to_path)
        if source in include.tree.files and target:
            places[target] = _Included(include.tree, source)
            continue
        cut = len(source) + 1 if source else 0
        found = include.tree.below(source)
        if not found and not include.tree.has_folder(source):
            raise SourceError(f"failed to copy include from {include.from_path}: no such folder", reason="CopyFailure")
        for path in found:
            places["/".join(filter(None, (target, path[cut:])))] = _Included(include.tree, path)
    if includes:
        _check_folders(places)
    return places


def _check_folders(places: Mapping[str, object]) -> None:
    """Raises: SourceError where a file of one source stands where another one has a folder."""
    for path in places:
        above = path.rpartition("/")[0]
        while above:
            if above in places:
                raise SourceError(
                    f"failed to copy include to {above}: there it is a file, elsewhere a folder", reason="CopyFailure"
                )
            above = above.rpartition("/")[0]


def _relative(path: str) -> str:
    """A path as it is written in a resource, where the root is `/`, and nothing is above it."""
    made: list[str] = []
    for part in path.split("/"):
        if part == "..":
            made = made[:-1]
        elif part not in ("", "."):
            made.append(part)
    return check_path("/".join(made)) if made else ""


def _ignore(mirror: Mirror, places: Mapping[str, _Place], text: str | None, seconds: float) -> Ignore:
    found = {path: each for path, each in places.items() if path.rpartition("/")[2] == FILE_NAME}
    for path, each in found.items():
        size = each.size if isinstance(each, Blob) else each.tree.files[each.path].size
        if size > LARGEST_FILE:
            raise SourceError(f'"{path}": more than {LARGEST_FILE} bytes of ignore rules', reason=IGNORE_FAILED)
    contents = {path: content for path, _, content in _read(mirror, found, seconds)}
    return Ignore(
        text, {path.rpartition("/")[0]: content.decode("utf-8", "replace") for path, content in contents.items()}
    )


def _within_limits(places: dict[str, _Place], limits: Limits) -> dict[str, _Place]:
    size = 0
    for path, each in places.items():
        size += each.size if isinstance(each, Blob) else each.tree.files[each.path].size
        if path.count("/") >= limits.depth:
            raise SourceError(f'"{path[:200]}": deeper than {limits.depth} folders', _LEAVE_OUT)
    if len(places) > limits.entries or size > limits.unpacked:
        raise SourceError(
            f"the source has {len(places)} files of {size} bytes together, more than the "
            f"{limits.entries} files and {limits.unpacked} bytes allowed",
            _LEAVE_OUT,
        )
    return places


_LEAVE_OUT: Final = "leave files out with spec.ignore, .sourceignore or spec.sparseCheckout"


def _read(mirror: Mirror, places: Mapping[str, _Place], seconds: float) -> Iterator[File]:
    ordered = sorted(places.items(), key=lambda item: item[0].split("/"))
    with _told():
        contents = objects.contents(
            mirror.git, [each for _, each in ordered if isinstance(each, Blob)], timeout_seconds=seconds
        )
        for path, each in ordered:
            if isinstance(each, Blob):
                try:
                    content = next(contents)
                except Overtime:
                    raise
                except GitError:
                    mirror.discard()  # it lost something: the next one who asks gets a new one
                    raise
                yield path, each.is_executable, content
            else:
                yield path, each.tree.files[each.path].is_executable, each.tree.read(each.path)


@contextmanager
def _told() -> Iterator[None]:
    """What the layers below raise, as errors of a source."""
    try:
        yield
    except SourceError as error:
        if error.reason == GIT_FAILED and not error.message.startswith(_FAILED):
            raise SourceError(f"{_FAILED}{error.message}", error.hint) from error
        raise
    except AccessError as error:
        message = f"failed to configure authentication options: {error.message}"
        raise SourceError(message, error.hint, reason=AUTHENTICATION_FAILED) from error
    except (GitError, WireError) as error:
        raise SourceError(f"{_FAILED}{error.message}", error.hint) from error


_FAILED: Final = "failed to checkout and determine revision: "


def _kept_key(path: Path) -> bytes:
    """Names of mirrors say nothing of credentials to who does not have it. Raises: OSError."""
    try:
        if len(key := path.read_bytes()) == 32:
            return key
    except FileNotFoundError:
        pass
    key = os.urandom(32)
    unfinished = path.with_name(f".key-{os.urandom(4).hex()}")
    unfinished.touch(mode=0o600)
    unfinished.write_bytes(key)
    unfinished.rename(path)
    return key
