"""Semantic versions. Source: sprig semver.go."""

from engine.gotemplate.semver import parse
from engine.gotemplate.table import Function, function
from engine.gotemplate.version_constraints import check

_WEIGHT = 2_000

FUNCTIONS: dict[str, Function] = {
    "semver": function("string", parse, weight=_WEIGHT),
    "semverCompare": function("string, string", check, weight=_WEIGHT),
}
