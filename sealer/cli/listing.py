"""Listings: `-o table|json`, for verbs that report on many things."""

import json
from collections.abc import Sequence
from typing import Any

from sealer.cli.terminal import printable
from sealer.cli.verb import Option

OUTPUT = Option(
    ("-o", "--output"), "table for a person, json for a program [default: table].", "FORM", ("table", "json")
)


def table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell; nothing at all without rows. Control characters are escaped."""
    if not rows:
        return ""
    lines = [heading, *[[printable(cell) for cell in row] for row in rows]]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "".join(
        "   ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() + "\n"
        for line in lines
    )


def as_json(value: Any) -> str:
    """A report as JSON, two spaces a level."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
