"""Remote bases of kustomizations, by the Git and HTTP of sources: guarded, bounded, each asked once in a while.

Only what everybody may read is fetched: a base has no credentials of its own, and is not given those of the source.
"""

import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

from engine.errors import KsealError
from engine.render.base import BuildError, Files, quoted
from engine.render.remote import Held
from engine.source.base import SourceError
from engine.source.download import download
from engine.source.git import GitRef, GitSource, GitWanted, Resolved
from engine.source.guard import Guard

_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_KEPT: Final = 32
_KEPT_BYTES: Final = 256 * 1024 * 1024
"""Of all repositories that are kept, and of all files: one alone may be as large."""
_ALL: Final = "/.kseal-nothing-is-left-out\n"
"""A pattern, so that the default ones do not count; it means no file."""

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class _Recent(Generic[Key, Value]):
    """What was asked for last, as much as fits; thread-safe."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._left = limit_bytes
        self._kept: OrderedDict[Key, tuple[Value, int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Key) -> Value | None:
        with self._lock:
            if key not in self._kept:
                return None
            self._kept.move_to_end(key)
            return self._kept[key][0]

    def put(self, key: Key, value: Value, size: int) -> None:
        """Keep a value in place of those asked for longest ago; not one that would not fit alone."""
        if size > self._limit:
            return
        with self._lock:
            if key in self._kept:
                self._left += self._kept.pop(key)[1]
            while self._kept and (size > self._left or len(self._kept) >= _KEPT):
                self._left += self._kept.popitem(last=False)[1][1]
            self._kept[key] = value, size
            self._left -= size


class RemoteBases:
    """Fetches bases; used by many threads at once. `engine.build.Builder` takes it as `remote`."""

    def __init__(
        self,
        git: GitSource,
        guard: Guard,
        *,
        fresh_seconds: float = 60.0,
        timeout_seconds: float = 60.0,
        file_bytes: int = 16 * 1024 * 1024,
        kept_bytes: int = _KEPT_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`fresh_seconds` is how long an answer is good: branches move, and every build asks. `kept_bytes` bounds what
        is kept in memory of repositories, and as much of files."""
        self._git = git
        self._guard = guard
        self._fresh = fresh_seconds
        self._timeout = timeout_seconds
        self._file_bytes = file_bytes
        self._clock = clock
        self._files = _Recent[str, tuple[float, bytes]](kept_bytes)
        self._commits = _Recent[tuple[str, str], Files](kept_bytes)

    def repository(self, url: str, ref: str) -> Files:
        """The files of a repository. Raises: BuildError, in the words of the source that failed."""
        wanted, resolved = self._resolved(url, ref)
        commit = resolved.commit
        known = self._commits.get((url, commit))
        if known is not None:
            return known
        try:
            with self._git.files(wanted, resolved, ignore_text=_ALL) as found:
                held = Held((path, data) for path, _, data in found)
        except SourceError as error:
            raise BuildError(f"remote base {quoted(url)}: {error.message}", error.hint) from error
        self._commits.put((url, commit), held, held.size)
        return held

    def file(self, url: str) -> bytes:
        """What an address answers. Raises: BuildError."""
        now = self._clock()
        known = self._files.get(url)
        if known is not None and now - known[0] < self._fresh:
            return known[1]
        try:
            with download(url, guard=self._guard, size_limit=self._file_bytes, attempts=3) as answer:
                data = answer.read()
        except KsealError as error:
            raise BuildError(f"remote resource {quoted(url)}: {error.message}", error.hint) from error
        self._files.put(url, (now, data), len(data))
        return data

    def _resolved(self, url: str, ref: str) -> tuple[GitWanted, Resolved]:
        """The commit that a ref is at: itself, or that of a branch, or that of a tag. Raises: BuildError."""
        names = [f"refs/heads/{ref}", f"refs/tags/{ref}"] if ref else ["HEAD"]
        refs = [GitRef(commit=ref)] if _COMMIT.fullmatch(ref) else [GitRef(name=name) for name in names]
        problem: SourceError | None = None
        for one in refs:
            wanted = GitWanted(url, one, timeout_seconds=self._timeout)
            try:
                return wanted, self._git.resolve(wanted, max_age_seconds=self._fresh)
            except SourceError as error:
                problem = problem or error
        told = problem.message if problem else "no such reference"
        raise BuildError(f"remote base {quoted(url)}: {told}", problem.hint if problem else None) from problem
