"""Which files of a source stay out of its artifact, by `.sourceignore` files and `spec.ignore`.

The syntax is that of .gitignore, the meaning that of Flux, which differs from git's: a file is judged by itself, also
below an excluded folder, so that `/*` with `!/deploy` keeps what is in deploy. The last pattern that fits decides:
version control first, then .sourceignore files from the root inward, then the resource's own. The defaults count only
where nobody wrote a pattern. Source: fluxcd/pkg sourceignore/, artifact/storage/archive.go.

Patterns are strangers': their number and length are bounded, wildcards are matched without going back, and all of it
has a budget.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from engine.patterns import PatternError, compiled, shown
from engine.source.base import IGNORE_FAILED, SourceError

FILE_NAME: Final = ".sourceignore"
VERSION_CONTROL: Final = (".git/", ".gitignore", ".gitmodules", ".gitattributes")
DEFAULTS: Final = (
    *("*.jpg", "*.jpeg", "*.gif", "*.png", "*.wmv", "*.flv", "*.tar.gz", "*.zip"),
    *(".github/", ".circleci/", ".travis.yml", ".gitlab-ci.yml", "appveyor.yml", ".drone.yml"),
    *("cloudbuild.yaml", "codeship-services.yml", "codeship-steps.yml"),
    *("**/.goreleaser.yml", "**/.sops.yaml", "**/.flux.yaml"),
)
LARGEST_FILE: Final = 1 << 20
_LONGEST: Final = 4_096
_MOST: Final = 10_000
_BUDGET: Final = 20_000_000
"""Comparisons of a pattern with a path, for one source: some seconds."""
_SPECIAL: Final = frozenset("*?[\\")
_NOT_YET: Final = object()

Test = Callable[[str], bool]


class _Pattern(NamedTuple):
    parts: tuple[str, ...]
    tests: tuple[Test, ...]
    is_inclusion: bool
    is_for_folders: bool
    has_slash: bool

    def fits(self, path: tuple[str, ...], is_dir: bool) -> bool:
        return self._fits_path(path, is_dir) if self.has_slash else self._fits_name(path, is_dir)

    def _fits_name(self, path: tuple[str, ...], is_dir: bool) -> bool:
        test = self.tests[0]
        for at, name in enumerate(path):
            if test(name):
                return not (self.is_for_folders and not is_dir and at == len(path) - 1)
        return False

    def _fits_path(self, path: tuple[str, ...], is_dir: bool) -> bool:
        at = 0
        is_found = is_anywhere = False
        for number, part in enumerate(self.parts):
            if part == "":
                is_anywhere = False
                continue
            if part == "**":
                if number == len(self.parts) - 1:
                    break
                is_anywhere = True
                continue
            if "**" in part or at == len(path):
                return False
            test = self.tests[number]
            if is_anywhere:
                is_anywhere = False
                while at < len(path):
                    at += 1
                    if test(path[at - 1]):
                        is_found = True
                        break
                    if at == len(path):
                        is_found = False
            elif test(path[at]):
                is_found = True
                at += 1
            else:
                return False
        return is_found and not (self.is_for_folders and not is_dir and at == len(path))


class Ignore:
    """The rules of one source."""

    def __init__(self, text: str | None = None, files: Mapping[str, str] | None = None) -> None:
        """`text` is the resource's own; `files` are contents of .sourceignore files by folder, "" for the root.

        Raises: SourceError when there is too much of it.
        """
        own = _patterns(text or "")
        by_folder = {folder: found for folder, text in (files or {}).items() if (found := _patterns(text))}
        if len(own) + sum(map(len, by_folder.values())) > _MOST:
            raise SourceError(f"more than {_MOST} ignore patterns", reason=IGNORE_FAILED)
        base = _parsed(VERSION_CONTROL if own or by_folder else VERSION_CONTROL + DEFAULTS)
        self._own = own[::-1]
        self._base = base[::-1]
        self._by_folder = {
            tuple(folder.split("/")) if folder else (): found[::-1] for folder, found in by_folder.items()
        }
        self._left = _BUDGET

    def excludes(self, path: str, is_dir: bool = False) -> bool:
        """Whether a path stays out. Raises: SourceError when the rules are too many for the source."""
        parts = tuple(path.split("/"))
        for patterns, relative in self._applicable(parts):
            self._left -= len(patterns)
            if self._left < 0:
                raise SourceError("too many ignore patterns for so many files", reason=IGNORE_FAILED)
            for pattern in patterns:
                if pattern.fits(relative, is_dir):
                    return not pattern.is_inclusion
        return False

    def _applicable(self, parts: tuple[str, ...]) -> Iterable[tuple[list[_Pattern], tuple[str, ...]]]:
        """Patterns, the strongest first, each with the path as seen from its file."""
        yield self._own, parts
        if self._by_folder:
            for cut in range(len(parts) - 1, -1, -1):
                if (found := self._by_folder.get(parts[:cut])) is not None:
                    yield found, parts[cut:]
        yield self._base, parts


def _patterns(text: str) -> list[_Pattern]:
    if len(text) > LARGEST_FILE:
        raise SourceError(f"ignore rules of more than {LARGEST_FILE} bytes", reason=IGNORE_FAILED)
    lines = (line.removesuffix("\r") for line in text.split("\n"))
    return _parsed(line for line in lines if line.strip() and not line.startswith("#"))


def _parsed(lines: Iterable[str]) -> list[_Pattern]:
    return [_pattern(line) for line in lines]


def _pattern(line: str) -> _Pattern:
    if len(line) > _LONGEST:
        raise SourceError(f"an ignore pattern of more than {_LONGEST} characters", reason=IGNORE_FAILED)
    is_inclusion = line.startswith("!")
    rest = line.removeprefix("!")
    if not rest.endswith("\\ "):
        rest = rest.rstrip(" ")
    is_for_folders = rest.endswith("/")
    rest = rest.removesuffix("/")
    parts = tuple(rest.split("/"))
    return _Pattern(parts, tuple(map(_test, parts)), is_inclusion, is_for_folders, "/" in rest)


def _test(glob: str) -> Test:
    """Whether a name fits one part of a pattern, in the syntax of Go's path.Match; a bad pattern fits nothing."""
    if not _SPECIAL & set(glob):
        return glob.__eq__
    if glob == "*":
        return lambda _: True
    if glob[0] == "*" and not _SPECIAL & set(glob[1:]):
        end = glob[1:]
        return lambda name: name.endswith(end)
    if glob[-1] == "*" and not _SPECIAL & set(glob[:-1]):
        begin = glob[:-1]
        return lambda name: name.startswith(begin)
    return _Glob(glob)


class _Glob:
    """A pattern with more than one wildcard, by RE2, and only when it is needed."""

    __slots__ = ("_compiled", "_glob")

    def __init__(self, glob: str) -> None:
        self._glob = glob
        self._compiled: Any = _NOT_YET  # None fits nothing

    def __call__(self, name: str) -> bool:
        if self._compiled is _NOT_YET:
            self._compiled = _compiled(self._glob)
        return self._compiled is not None and self._compiled.fullmatch(shown(name)) is not None


def _compiled(glob: str) -> Any:
    """None for what is no pattern."""
    pattern = _expression(glob)
    if pattern is None:
        return None
    try:
        return compiled(pattern)
    except PatternError:
        return None


def _expression(glob: str) -> str | None:
    """The pattern for RE2; None for a bad one. Source: Go path.Match."""
    made = ["(?s)"]
    at = 0
    while at < len(glob):
        character = glob[at]
        at += 1
        if character == "*":
            if made[-1] != "[^/]*":
                made.append("[^/]*")
        elif character == "?":
            made.append("[^/]")
        elif character == "[":
            found = _character_class(glob, at)
            if found is None:
                return None
            text, at = found
            made.append(text)
        elif character == "\\":
            if at == len(glob):
                return None
            made.append(_quoted(glob[at]))
            at += 1
        else:
            made.append(_quoted(character))
    return "".join(made)


def _character_class(glob: str, at: int) -> tuple[str, int] | None:
    """`[a-z]`, `[^a]`; a `]` or `-` in it is written with a backslash."""
    is_negated = glob[at : at + 1] == "^"
    at += is_negated
    ranges: list[str] = []
    while at < len(glob):
        if glob[at] == "]" and ranges:
            inner = "".join(ranges) or "\\x{0}"  # which no name has
            return f"[{'^' if is_negated else ''}{inner}]", at + 1
        low = _class_character(glob, at)
        if low is None:
            return None
        first, at = low
        last = first
        if glob[at : at + 1] == "-":
            high = _class_character(glob, at + 1)
            if high is None:
                return None
            last, at = high
        if first <= last:
            ranges.append(f"{_quoted(first)}-{_quoted(last)}")
        else:
            ranges.append("")  # Go takes it, and nothing fits
    return None


def _class_character(glob: str, at: int) -> tuple[str, int] | None:
    if at >= len(glob) or glob[at] in "-]":
        return None
    if glob[at] == "\\":
        at += 1
        if at >= len(glob):
            return None
    return (glob[at], at + 1) if at + 1 < len(glob) else None


def _quoted(character: str) -> str:
    return character if character.isalnum() else f"\\x{{{ord(character):x}}}"
