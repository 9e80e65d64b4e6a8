"""Semantic versions. Source: sprig semver.go."""

from engine.gotemplate.semver import check, parse
from engine.gotemplate.table import Function, function

_WEIGHT = 2_000

FUNCTIONS: dict[str, Function] = {
    "semver": function("string", parse, weight=_WEIGHT),
    "semverCompare": function("string, string", check, weight=_WEIGHT),
}
