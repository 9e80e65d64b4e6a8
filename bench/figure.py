"""What a measurement is: samples, a row that sets ours beside a peer's, and the goal that the row is held against."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from bench.quiet import Quiet
from bench.wheel import Installed
from tests.kit.process import Nest

Unit = Literal["ms", "s", "MB", "per second", "requests"]


@dataclass(frozen=True, slots=True)
class Samples:
    """What one program took, once per repetition, in `unit`."""

    values: Sequence[float]
    unit: Unit

    @property
    def median(self) -> float:
        """The value that stands for all: one slow repetition does not move it."""
        return statistics.median(self.values)

    def __str__(self) -> str:
        shown = f"{_short(self.median)} {self.unit}"
        if len(self.values) == 1:
            return shown
        return f"{shown} ({_short(min(self.values))} to {_short(max(self.values))})"


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound for the ratio ours / peer's. Source: the project's contract on speed, per figure."""

    bound: float
    kind: Literal["at most", "at least"] = "at most"

    def is_met(self, ratio: float) -> bool:
        """Whether a ratio keeps within the bound, as exactly as it is shown."""
        return round(ratio, 3) <= self.bound if self.kind == "at most" else round(ratio, 3) >= self.bound

    def __str__(self) -> str:
        return f"{self.kind} {self.bound:g}x"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the results."""

    figure: str
    ours: Samples
    peer: Samples | None = None
    peer_name: str = ""
    goal: Goal | None = None

    def __str__(self) -> str:
        ratio = "" if self.ratio is None else f" = {self.ratio:.3f}x"
        return f"{self.figure}: {self.ours}" + (f" by {self.peer} ({self.peer_name}){ratio}" if self.peer else "")

    @property
    def ratio(self) -> float | None:
        """Ours by the peer's; None where there is nothing to compare with."""
        return self.ours.median / self.peer.median if self.peer and self.peer.median else None

    @property
    def is_met(self) -> bool | None:
        """None where there is no goal."""
        return None if self.goal is None or self.ratio is None else self.goal.is_met(self.ratio)


@dataclass(frozen=True, slots=True)
class Bench:
    """What every figure is given."""

    nest: Nest
    """A folder for its files, and the keeper of its processes."""
    installed: Installed
    """kseal as a user has it."""
    quick: bool
    """Tiny sizes, to see that the bench itself works: the figures mean nothing then."""
    quiet: Quiet
    """To be asked before each repetition."""
    say: Callable[[str], None] = field(repr=False)
    """Progress, for the person who waits."""
    share: float = 1.0
    """What part of each size is taken, but never less than the tiny one."""

    def size(self, real: int, quick: int) -> int:
        """How many of something."""
        return quick if self.quick else max(quick, round(real * self.share))


class Figure(Protocol):
    """A module of this folder that measures."""

    TITLE: str
    """Of its part of the results."""
    HOW: str
    """How it is measured, for the reader of the results."""

    def measure(self, bench: Bench) -> list[Row]: ...


def _short(value: float) -> str:
    """Three digits that mean something: 0.123, 1.23, 12.3, 123, 1234."""
    if value >= 100 or value == round(value):
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 1 else f"{value:.3f}"
