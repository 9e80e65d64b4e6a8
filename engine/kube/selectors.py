"""Selectors of labels in their textual form, matched here instead of by the server: `app=web,tier in (a, b),!legacy`.

Source: k8s.io/apimachinery pkg/labels/selector.go.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

_LONGEST = 10_000
_PART = re.compile(
    r"""\s*(?:
        (?P<absent>!)\s*(?P<not_key>[^\s,=!()<>]+)
      | (?P<key>[^\s,=!()<>]+)\s*
        (?:
            (?P<operator>==|=|!=|<|>)\s*(?P<value>[^\s,=!()<>]*)
          | (?P<set>in|notin)\s*\((?P<values>[^()]*)\)
        )?
    )\s*(?:,|$)""",
    re.VERBOSE,
)


class SelectorError(ValueError):
    """A text is no selector."""


class _Requirement(NamedTuple):
    key: str
    operator: str
    values: frozenset[str] = frozenset()

    def fits(self, labels: Mapping[str, object]) -> bool:
        value = labels.get(self.key)
        match self.operator:
            case "exists":
                return self.key in labels
            case "absent":
                return self.key not in labels
            case "in":
                return self.key in labels and value in self.values
            case "notin":
                return self.key not in labels or value not in self.values
        limit = next(iter(self.values))
        try:
            number, bound = int(str(value)), int(limit)
        except ValueError:
            return False
        return number < bound if self.operator == "<" else number > bound


class Selector:
    """All requirements of a selector; one without any fits everything."""

    def __init__(self, text: str) -> None:
        """Raises: SelectorError."""
        if len(text) > _LONGEST:
            raise SelectorError(f"a selector has at most {_LONGEST} characters")
        self._requirements = []
        place = 0
        while text[place:].strip():
            part = _PART.match(text, place)
            if part is None:
                raise SelectorError(f"{text[place:][:100]!r} is no requirement of a selector")
            self._requirements.append(_requirement(part))
            place = part.end()

    def fits(self, labels: Mapping[str, object]) -> bool:
        return all(requirement.fits(labels) for requirement in self._requirements)


def _requirement(part: re.Match[str]) -> _Requirement:
    if part["absent"]:
        return _Requirement(part["not_key"], "absent")
    if part["set"]:
        return _Requirement(part["key"], part["set"], frozenset(value.strip() for value in part["values"].split(",")))
    if not part["operator"]:
        return _Requirement(part["key"], "exists")
    operator = {"=": "in", "==": "in", "!=": "notin"}.get(part["operator"], part["operator"])
    return _Requirement(part["key"], operator, frozenset({part["value"]}))
