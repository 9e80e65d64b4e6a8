"""The results as a page of Markdown."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from bench import machine
from bench.figure import Figure, Row
from bench.quiet import Quiet

RESULTS = Path(__file__).with_name("RESULTS.md")

_INTRODUCTION = """\
# Results of the bench

Written by `make bench`. Each figure stands beside the real program, measured in the same run on the same machine:
medians, with the smallest and largest value in brackets. A ratio is ours by the peer's.
"""
_HEAD = "| figure | kseal | peer | | ratio | goal | met |\n|---|---|---|---|---|---|---|\n"


class Result(NamedTuple):
    """One figure and what it came to."""

    figure: Figure
    rows: Sequence[Row]


def rendered(results: Iterable[Result], quiet: Quiet) -> str:
    """The page; `quiet` knows how far to trust it."""
    date = datetime.now(UTC).date()
    parts = [_INTRODUCTION, f"Measured {date} with {machine.described()}. {quiet}\n"]
    parts += [_section(result) for result in results]
    return "\n".join(parts)


def _section(result: Result) -> str:
    lines = "".join(_line(row) for row in result.rows)
    return f"## {result.figure.TITLE}\n\n{result.figure.HOW}\n\n{_HEAD}{lines}"


def _line(row: Row) -> str:
    ratio = "" if row.ratio is None else f"{row.ratio:.3f}x" if row.ratio < 0.1 else f"{row.ratio:.2f}x"
    met = {None: "", True: "yes", False: "**no**"}[row.is_met]
    cells = (row.figure, row.ours, row.peer or "", row.peer_name, ratio, row.goal or "", met)
    return f"| {' | '.join(map(str, cells))} |\n"
