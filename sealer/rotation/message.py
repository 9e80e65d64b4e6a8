"""The message of a commit that rotates, and what later runs read from it."""

from collections.abc import Iterable
from typing import Final

from sealer.rotation.job import FileReport

TRAILER: Final = "Sealing-Key"


def message(reports: Iterable[FileReport], others: Iterable[str], newest: str) -> str:
    """Subject, the keys before, the files, and the newest key as a trailer. `others` are files of a run before."""
    changed = [report for report in reports if report.data is not None]
    files = {report.path: sum(len(one.resealed) for one in report.objects) for report in changed}
    lines = [f"- {_line(path)} ({count} item{'s' if count != 1 else ''})" for path, count in sorted(files.items())]
    lines += [f"- {_line(path)}" for path in sorted(set(others) - files.keys())]
    old = {
        key for report in changed for one in report.objects for item, key in one.keys.items() if item in one.resealed
    }
    before = "".join(f"- {key}\n" for key in sorted(old - {newest}))
    return (
        f"Reseal {len(lines)} file{'s' if len(lines) != 1 else ''} under the newest sealing key\n\n"
        + (f"Keys before:\n{before}\n" if before else "")
        + "Files:\n"
        + "".join(f"{line}\n" for line in lines)
        + f"\n{TRAILER}: {newest}\n"
    )


def _line(path: str) -> str:
    """A path on one line, whatever characters are in it."""
    return path if path.isprintable() else ascii(path)
