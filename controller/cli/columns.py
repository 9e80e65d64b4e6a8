"""Tables that grow: rows are shown as they come, in columns that stay as wide as they once were."""

from collections.abc import Sequence

from sealer.cli import files
from sealer.cli.terminal import printable

_GAP = "   "


class Columns:
    """Writes rows to standard output; the heading comes before the first."""

    def __init__(self, heading: Sequence[str], *, is_headed: bool = True) -> None:
        self._heading = heading
        self._widths = [len(cell) for cell in heading]
        self._is_headed = not is_headed

    def write(self, rows: Sequence[Sequence[str]]) -> None:
        """Show rows. Control characters are escaped."""
        if not rows:
            return
        shown = [[printable(cell) for cell in row] for row in rows]
        for row in shown:
            self._widths = [max(width, len(cell)) for width, cell in zip(self._widths, row, strict=True)]
        lines = shown if self._is_headed else [[*self._heading], *shown]
        self._is_headed = True
        files.write_output("".join(map(self._line, lines)), None)

    def _line(self, row: Sequence[str]) -> str:
        return _GAP.join(cell.ljust(width) for cell, width in zip(row, self._widths, strict=True)).rstrip() + "\n"
