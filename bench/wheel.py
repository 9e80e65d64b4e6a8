"""kseal as a user has it: the wheel in a new virtual environment with the pinned dependencies, byte-compiled.

The editable installation of the developer's environment will not do: its import hooks cost milliseconds at each start.
"""

import subprocess
import sys
import venv
from pathlib import Path
from typing import NamedTuple

from tests.kit.errors import KitError
from tests.kit.running import KSEAL
from tests.kit.tree import ROOT


class Installed(NamedTuple):
    """One installation."""

    kseal: Path
    python: Path


AS_DEVELOPED = Installed(KSEAL, Path(sys.executable))
"""The work tree itself: for trials of the bench, not for figures."""


def install(folder: Path) -> Installed:
    """Build the wheel from the work tree and install it below `folder`. Raises: KitError."""
    wheels, home = folder / "wheels", folder / "installed"
    pip = ["-m", "pip", "--quiet", "--disable-pip-version-check"]
    _run([sys.executable, *pip, "wheel", "--no-deps", "--no-build-isolation", "-w", str(wheels), str(ROOT)])
    (wheel,) = wheels.glob("*.whl")
    venv.create(home, with_pip=True)
    installed = Installed(home / "bin" / "kseal", home / "bin" / "python")
    requirements = ["--require-hashes", "-r", str(ROOT / "requirements" / "runtime.txt")]
    _run([str(installed.python), *pip, "install", "--compile", *requirements])
    _run([str(installed.python), *pip, "install", "--compile", "--no-deps", str(wheel)])
    return installed


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise KitError(f"{' '.join(command[1:5])} ... failed with code {done.returncode}", done.stderr.strip())
