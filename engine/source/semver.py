"""The newest tag in a range, by Flux's rules: three parts, a `v` before them or not, and the range as Masterminds' are.

Source: fluxcd/pkg version/version.go, git/gogit/clone.go.
"""

from collections.abc import Iterable
from functools import cmp_to_key

from engine.gotemplate import semver, version_constraints
from engine.gotemplate.errors import Refused
from engine.source.base import SourceError


def newest(tags: Iterable[str], wanted: str) -> list[str]:
    """The tags of the highest version in a range: one, or several that differ in build metadata (or the `v`) only.

    Raises: SourceError for what is no range, and when no tag is in it.
    """
    try:
        version_constraints.check(wanted.encode(), b"0.0.0")
    except Refused as error:
        raise SourceError(f"semver parse error: improper constraint: {wanted[:200]}") from error
    found = [(version, tag) for tag in tags if (version := _within(tag, wanted)) is not None]
    if not found:
        raise SourceError(f"no match found for semver: {wanted[:200]}")
    highest = max((version for version, _ in found), key=cmp_to_key(semver.compare))
    return sorted(tag for version, tag in found if semver.compare(version, highest) == 0)


def _within(tag: str, wanted: str) -> semver.Version | None:
    if tag.count(".") < 2:
        return None
    try:
        version = semver.parse(tag.encode("utf-8", "surrogateescape"))
        return version if version_constraints.check(wanted.encode(), tag.encode()) else None
    except (Refused, UnicodeEncodeError):
        return None
