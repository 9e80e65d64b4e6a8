"""What rendering may cost, so that a template can neither stall a controller nor fill its memory.

Cost is counted, not timed, so that the same template fails always or never. One unit is about a nanosecond.
"""

from typing import NamedTuple

from engine.gotemplate.errors import Refused

STEP = 1_000
"""What evaluating one node of a template costs, and writing one value of a list or map."""
_ITEM = 100


class Limits(NamedTuple):
    """Upper bounds for one template and one rendering of it."""

    text: int = 1 << 20
    """Characters of the template; a Secret holds no more than 1 MiB."""
    tokens: int = 100_000
    """Words and signs of the template, between {{ }}; so many take half a second to read."""
    nesting: int = 50
    """Parentheses and blocks inside each other, together."""
    depth: int = 60
    """The same while rendering, through all templates that invoke each other; Python's own stack bounds it."""
    output: int = 1 << 20
    """Bytes of the output, and of each string on the way to it."""
    items: int = 50_000
    """Entries of one list or map."""
    cost: int = 500_000_000
    """Units in all: about half a second, or some hundred thousand nodes evaluated."""


DEFAULT = Limits()


class Meter:
    """Counts the cost of one rendering. Every method raises Refused when a bound is passed."""

    __slots__ = ("left", "limits")

    def __init__(self, limits: Limits = DEFAULT) -> None:
        self.limits = limits
        self.left = limits.cost

    def spend(self, units: int) -> None:
        self.left -= units
        if self.left < 0:
            raise Refused("rendering takes too long")

    def size(self, length: int) -> None:
        """Ask before making a string of so many bytes."""
        if length > self.limits.output:
            raise Refused(f"a string of more than {self.limits.output} bytes")
        self.spend(length)

    def items(self, count: int) -> None:
        """Ask before making a list or map of so many entries."""
        if count > self.limits.items:
            raise Refused(f"a list or map of more than {self.limits.items} entries")
        self.spend(count * _ITEM)

    def join(self, separator: bytes, parts: list[bytes]) -> bytes:
        """`separator.join(parts)`, if it is not too long."""
        self.size(sum(map(len, parts)) + len(separator) * max(len(parts) - 1, 0))
        return separator.join(parts)
