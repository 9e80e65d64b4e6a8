"""Private folders on a memory file system, one for each child, named after the process that made them."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

_PREFIX: Final = "kseal-build-"


def new(memory: Path) -> Path:
    """A new folder, for this user alone. Raises: OSError."""
    return Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-{_begun(os.getpid())}-", dir=memory))


def sweep(memory: Path) -> int:
    """Remove what processes left that were killed; returns how many folders that were. Those alive keep theirs."""
    count = 0
    for folder in memory.glob(f"{_PREFIX}*-*-*"):
        process, begun, _ = folder.name.removeprefix(_PREFIX).split("-", 2)
        if process.isdecimal() and _begun(int(process)) != begun:
            shutil.rmtree(folder, ignore_errors=True)
            count += 1
    return count


def _begun(process: int) -> str:
    """When a process began, in ticks since the machine did: with its number, it names it for good. "" for none."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]
