"""The message of a commit that rotates, and what later runs read from it."""

from collections.abc import Iterable
from typing import Final

from sealer.rotation.job import FileReport

TRAILER: Final = "Sealing-Key"
SOPS_TRAILER: Final = "Data-Keys: new"


def message(reports: Iterable[FileReport], others: Iterable[str], newest: str | None) -> str:
    """Subject, the keys before, the files, and what later runs look for as trailers.

    `others` are files of a run before. `newest` is the newest sealing key, None for a run over SOPS files alone.
    """
    changed = [report for report in reports if report.data is not None]
    files = {report.path: sum(len(one.resealed) for one in report.objects) for report in changed if not report.sops}
    of_sops = {report.path for report in changed if report.sops}
    lines = [f"- {_line(path)} ({count} item{'s' if count != 1 else ''})" for path, count in sorted(files.items())]
    lines += [f"- {_line(path)} (new data key)" for path in sorted(of_sops)]
    left = sorted(set(others) - files.keys() - of_sops)
    lines += [f"- {_line(path)}" for path in left]
    old = {
        key for report in changed for one in report.objects for item, key in one.keys.items() if item in one.resealed
    }
    before = "".join(f"- {key}\n" for key in sorted(old - {newest}))
    trailers = ([f"{TRAILER}: {newest}"] if newest else []) + ([SOPS_TRAILER] if of_sops or not newest else [])
    return (
        f"{_subject(len(files), len(of_sops), len(left), has_sealing_key=newest is not None)}\n\n"
        + (f"Keys before:\n{before}\n" if before else "")
        + "Files:\n"
        + "".join(f"{line}\n" for line in lines)
        + "\n"
        + "".join(f"{trailer}\n" for trailer in trailers)
    )


def _subject(resealed: int, of_sops: int, left: int, *, has_sealing_key: bool) -> str:
    """What the commit does. Files that a killed run left are counted with what this one does."""
    if has_sealing_key and (resealed + left or not of_sops):
        also = f", and rotate {_files(of_sops, 'SOPS ')}" if of_sops else ""
        return f"Reseal {_files(resealed + left)} under the newest sealing key{also}"
    return f"Rotate the data key{'s' if of_sops + left != 1 else ''} of {_files(of_sops + left, 'SOPS ')}"


def _files(count: int, kind: str = "") -> str:
    return f"{count} {kind}file{'s' if count != 1 else ''}"


def _line(path: str) -> str:
    """A path on one line, whatever characters are in it."""
    return path if path.isprintable() else ascii(path)
