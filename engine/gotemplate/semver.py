"""Semantic versions. Source: Masterminds/semver 3.4.0 version.go."""

import re

from engine.gotemplate import arguments, methods
from engine.gotemplate.errors import Refused
from engine.gotemplate.quoting import quote
from engine.gotemplate.table import function
from engine.gotemplate.values import Struct, Uint64, register

_WORDS = r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*"
_VERSION = re.compile(rf"v?([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?(?:-({_WORDS}))?(?:\+({_WORDS}))?")
_END = 1 << 64
LONGEST = 1_000
"""Characters of a version or a constraint; real ones have some dozens."""


class Version(Struct):
    """A *semver.Version."""

    __slots__ = ("metadata", "numbers", "original", "pre")

    def __init__(self, numbers: tuple[int, int, int], pre: str, metadata: str, original: str) -> None:
        self.numbers = numbers
        self.pre = pre
        self.metadata = metadata
        self.original = original

    def text(self) -> bytes:
        made = ".".join(map(str, self.numbers))
        made += f"-{self.pre}" if self.pre else ""
        return (made + (f"+{self.metadata}" if self.metadata else "")).encode()

    def json(self) -> bytes:
        return self.text()

    def go_text(self) -> bytes:
        major, minor, patch = self.numbers
        texts = (quote(text.encode()).decode() for text in (self.pre, self.metadata, self.original))
        pre, metadata, original = texts
        return (
            f"&semver.Version{{major:{major:#x}, minor:{minor:#x}, patch:{patch:#x}, "
            f"pre:{pre}, metadata:{metadata}, original:{original}}}"
        ).encode()

    def next(self, place: int) -> "Version":
        """With one number increased and all after it zero; a pre-release is followed by its release."""
        numbers = list(self.numbers)
        if place < 2 or not self.pre:
            numbers[place] = (numbers[place] + 1) % _END
        numbers[place + 1 :] = [0] * (2 - place)
        made = VersionValue((numbers[0], numbers[1], numbers[2]), "", "", "")
        made.original = ("v" if self.original[:1] == "v" else "") + made.text().decode()
        return made


class VersionValue(Version):
    """A semver.Version that is no pointer, as the methods for the next version return it."""

    __slots__ = ()


def parse(text: bytes) -> Version:
    """A version, of which minor and patch may be missing and numbers may begin with zeros. Raises: Refused."""
    written = text.decode("latin-1")
    match = _VERSION.fullmatch(written) if len(written) <= LONGEST else None
    if match is None:
        raise Refused("no semantic version")
    major, minor, patch = (int(match[number] or 0) for number in (1, 2, 3))
    pre = match[4] or ""
    has_leading_zero = any(part.isdigit() and len(part) > 1 and part[0] == "0" for part in pre.split("."))
    if max(major, minor, patch) >= _END or has_leading_zero:
        raise Refused("no semantic version")
    return Version((major, minor, patch), pre, match[5] or "", written)


def compare(one: Version, other: Version) -> int:
    """-1, 0 or 1. A pre-release comes before its release; metadata does not count."""
    if one.numbers != other.numbers:
        return 1 if one.numbers > other.numbers else -1
    if not one.pre or not other.pre:
        return bool(other.pre) - bool(one.pre)
    return _compare_pre(one.pre, other.pre)


def _compare_pre(one: str, other: str) -> int:
    parts, others = one.split("."), other.split(".")
    for number in range(max(len(parts), len(others))):
        first = parts[number] if number < len(parts) else ""
        second = others[number] if number < len(others) else ""
        if first != second:
            return 1 if _rank(first) > _rank(second) else -1
    return 0


def _rank(part: str) -> tuple[int, int, str]:
    """Nothing before numbers before words; a number of more than 64 bits counts as a word."""
    if part.isdigit() and int(part) < _END:
        return 1, int(part), ""
    return (2, 0, part) if part else (0, 0, "")


register(Version, "*semver.Version", "ptr")
register(VersionValue, "semver.Version", "struct")
arguments.register("version", Version)
_METHODS = {
    "Compare": function("version", compare),
    "Equal": function("version", lambda one, other: compare(one, other) == 0),
    "GreaterThan": function("version", lambda one, other: compare(one, other) > 0),
    "GreaterThanEqual": function("version", lambda one, other: compare(one, other) >= 0),
    "IncMajor": function("", lambda version: version.next(0)),
    "IncMinor": function("", lambda version: version.next(1)),
    "IncPatch": function("", lambda version: version.next(2)),
    "LessThan": function("version", lambda one, other: compare(one, other) < 0),
    "LessThanEqual": function("version", lambda one, other: compare(one, other) <= 0),
    "Major": function("", lambda version: Uint64(version.numbers[0])),
    "Metadata": function("", lambda version: version.metadata.encode("latin-1")),
    "Minor": function("", lambda version: Uint64(version.numbers[1])),
    "Original": function("", lambda version: version.original.encode("latin-1")),
    "Patch": function("", lambda version: Uint64(version.numbers[2])),
    "Prerelease": function("", lambda version: version.pre.encode("latin-1")),
    "String": function("", Version.text),
}
methods.register(Version, _METHODS)
_BY_POINTER = {"Compare", "Equal", "GreaterThan", "GreaterThanEqual", "LessThan", "LessThanEqual", "Original"}
methods.register(VersionValue, {name: body for name, body in _METHODS.items() if name not in _BY_POINTER})
