"""What versions must be like: `>=1.2 <2 || 3.x`. Source: Masterminds/semver 3.4.0 constraints.go."""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from engine.gotemplate.errors import Refused
from engine.gotemplate.semver import LONGEST, Version, compare, parse

_LOOSE = (
    r"v?([0-9|x|X|\*]+)(\.[0-9|x|X|\*]+)?(\.[0-9|x|X|\*]+)?"
    r"(-([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?(\+([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?"
)
_SIGNS = r"=||!=|>|<|>=|=>|<=|=<|~|~>|\^"
_ANY = {"x", "X", "*"}


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
    if len(written) > LONGEST:
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
                return place == 2 and bool(version.pre or part.version.pre) and (version.pre != part.version.pre)
            if version.numbers[place] != part.version.numbers[place]:
                return True
    return compare(version, part.version) != 0


def _is_greater(version: Version, part: Constraint) -> bool:
    if not part.is_dirty or version.numbers[0] != part.version.numbers[0]:
        return (
            compare(version, part.version) == 1 if not part.is_dirty else version.numbers[0] > part.version.numbers[0]
        )
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
