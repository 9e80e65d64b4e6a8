"""Versions and what they must be like. Source: Masterminds/semver 3.4.0 version.go and constraints.go."""

import re
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from engine.gotemplate import arguments, methods
from engine.gotemplate.errors import Refused
from engine.gotemplate.quoting import quote
from engine.gotemplate.table import function
from engine.gotemplate.values import Struct, Uint64, register

_WORDS = r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*"
_VERSION = re.compile(rf"v?([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?(?:-({_WORDS}))?(?:\+({_WORDS}))?")
_LOOSE = (
    r"v?([0-9|x|X|\*]+)(\.[0-9|x|X|\*]+)?(\.[0-9|x|X|\*]+)?"
    r"(-([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?(\+([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?"
)
_SIGNS = r"=||!=|>|<|>=|=>|<=|=<|~|~>|\^"
_ANY = {"x", "X", "*"}
_END = 1 << 64
_LONGEST = 1_000
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
    match = _VERSION.fullmatch(written) if len(written) <= _LONGEST else None
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


class Constraint(NamedTuple):
    """One sign with one version; what was left out or an `x` is zero and marked."""

    sign: str
    version: Version
    is_dirty: bool
    lacks_minor: bool
    lacks_patch: bool


def check(constraint: bytes, version: bytes) -> bool:
    """Whether a version fits `>=1.2 <2 || 3.x` and the like. Raises: Refused."""
    groups = _constraints(constraint)
    wanted = parse(version)
    return any(
        all(_fits(wanted, part, is_pre_allowed=any(each.version.pre for each in group)) for part in group)
        for group in groups
    )


@cache
def _patterns() -> tuple[Any, Any, Any, Any]:
    """By RE2, since these patterns can take very long in another engine."""
    import re2

    one = rf"({_SIGNS})\s*({_LOOSE})"
    return (
        re2.compile(rf"\s*({_LOOSE})\s+-\s+({_LOOSE})\s*"),
        re2.compile(rf"(\s*{one}\s*)((?:\s+|,\s*){one}\s*)*"),
        re2.compile(one),
        re2.compile(rf"\s*{one}\s*"),
    )


def _constraints(text: bytes) -> list[list[Constraint]]:
    written = text.decode("latin-1")
    if len(written) > _LONGEST:
        raise Refused("no version constraint")
    spans, whole, one, _ = _patterns()
    for match in list(spans.finditer(written)):
        written = written.replace(match[0], f">= {match[1]}, <= {match[11]} ", 1)
    groups: list[list[Constraint]] = []
    for group in written.split("||"):
        if not whole.fullmatch(group):
            raise Refused("no version constraint")
        groups.append([_constraint(match[0]) for match in one.finditer(group)])
    return groups


def _constraint(text: str) -> Constraint:
    match = _patterns()[3].fullmatch(text)
    sign, written, major, minor, patch, pre = (match[number] or "" for number in (1, 2, 3, 4, 5, 6))
    lacks_minor = lacks_patch = False
    is_dirty = True
    if major in _ANY:
        written = f"0.0.0{pre}"
    elif minor[1:] in _ANY or not minor:
        lacks_minor, written = True, f"{major}.0.0{pre}"
    elif patch[1:] in _ANY or not patch:
        lacks_patch, written = True, f"{major}{minor}.0{pre}"
    else:
        is_dirty = False
    return Constraint(sign, parse(written.encode("latin-1")), is_dirty, lacks_minor, lacks_patch)


def _fits(version: Version, part: Constraint, *, is_pre_allowed: bool) -> bool:
    return (not version.pre or is_pre_allowed) and _CHECKS[part.sign](version, part)


def _is_equal(version: Version, part: Constraint) -> bool:
    return _is_near(version, part) if part.is_dirty else compare(version, part.version) == 0


def _is_other(version: Version, part: Constraint) -> bool:
    if part.is_dirty:
        for place, is_open in ((0, False), (1, part.lacks_minor), (2, part.lacks_patch)):
            if is_open:
                return place == 2 and bool(version.pre or part.version.pre) and (
                    (version.pre != part.version.pre)
                )
            if version.numbers[place] != part.version.numbers[place]:
                return True
    return compare(version, part.version) != 0


def _is_greater(version: Version, part: Constraint) -> bool:
    if not part.is_dirty or version.numbers[0] != part.version.numbers[0]:
        return compare(version, part.version) == 1 if not part.is_dirty else version.numbers[0] > part.version.numbers[0]
    if part.lacks_minor:
        return False
    if part.lacks_patch:
        return version.numbers[1] > part.version.numbers[1]
    return compare(version, part.version) == 1


def _is_at_most(version: Version, part: Constraint) -> bool:
    if not part.is_dirty:
        return compare(version, part.version) <= 0
    major, minor, _ = version.numbers
    return major < part.version.numbers[0] or (
        major == part.version.numbers[0] and (minor <= part.version.numbers[1] or part.lacks_minor)
    )


def _is_near(version: Version, part: Constraint) -> bool:
    """`~1.2.3`: the same major and minor version, and not less."""
    if compare(version, part.version) < 0:
        return False
    if part.version.numbers == (0, 0, 0) and not part.lacks_minor and not part.lacks_patch:
        return True
    same_minor = version.numbers[1] == part.version.numbers[1] or part.lacks_minor
    return version.numbers[0] == part.version.numbers[0] and same_minor


def _is_compatible(version: Version, part: Constraint) -> bool:
    """`^1.2.3`: the same up to the first number that is not zero, and not less."""
    if compare(version, part.version) < 0:
        return False
    (major, minor, patch), (own_major, own_minor, own_patch) = part.version.numbers, version.numbers
    if major > 0 or part.lacks_minor:
        return own_major == major
    if own_major > 0:
        return False
    if minor > 0 or part.lacks_patch:
        return own_minor == minor
    return own_minor == 0 and own_patch == patch


_CHECKS: dict[str, Callable[[Version, Constraint], bool]] = {
    "": _is_equal,
    "=": _is_equal,
    "!=": _is_other,
    ">": _is_greater,
    "<": lambda version, part: compare(version, part.version) < 0,
    ">=": lambda version, part: compare(version, part.version) >= 0,
    "=>": lambda version, part: compare(version, part.version) >= 0,
    "<=": _is_at_most,
    "=<": _is_at_most,
    "~": _is_near,
    "~>": _is_near,
    "^": _is_compatible,
}

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
