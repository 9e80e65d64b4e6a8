"""The files of this repository as text, for the tests that read what we wrote."""

import functools
import subprocess
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
_BYTES: Final = "tests/fuzz/crashers/"
"""What broke a rule once is bytes, and need not be text."""


@functools.cache
def texts() -> dict[str, str]:
    """Path from the root -> content of each text file that is committed or waits to be."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    found = {}
    for name in filter(None, names):
        path = ROOT / name
        if name.startswith(_BYTES) or not path.is_file():
            continue
        if b"\0" not in (content := path.read_bytes()):
            found[name] = content.decode("utf-8")
    return found
