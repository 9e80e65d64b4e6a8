"""Renewing the lock files in requirements/ from pyproject.toml, with hashes, for every platform at once."""

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from tests.kit.errors import KitError
from tests.kit.progress import say

_ROOT = Path(__file__).parents[2]
_UV = "uv==0.13.9"
_FILES = {
    "runtime": ("pyproject.toml", "--extra", "controller", "--extra", "aws", "--extra", "vault"),
    "build": ("--group", "build"),
    "demo": ("pyproject.toml", "--extra", "controller", "--group", "build"),
    "dev": ("pyproject.toml", "--all-extras", "--group", "dev"),
    "go": ("--group", "go"),
}
_FLAGS = ("--universal", "--generate-hashes", "--no-header", "--python-version", "3.11")


def renew(*, upgrade: bool = False) -> None:
    """Make each lock file fit pyproject.toml, keeping what is pinned; `upgrade` takes the newest versions instead.

    Raises: KitError.
    """
    with tempfile.TemporaryDirectory(prefix="kseal-lock-") as folder:
        venv.create(folder, with_pip=True)
        uv = Path(folder) / "bin" / "uv"
        _run([Path(folder) / "bin" / "python", "-m", "pip", "install", "--quiet", _UV])
        flags = (*_FLAGS, "--upgrade") if upgrade else _FLAGS
        for name, wanted in _FILES.items():
            target = Path("requirements") / f"{name}.txt"
            _run([uv, "pip", "compile", "--quiet", *flags, *wanted, "-o", target])
            say(f"renewed {target}")


def _run(command: list[str | Path]) -> None:
    done = subprocess.run(command, cwd=_ROOT, check=False, stdout=sys.stderr)
    if done.returncode:
        raise KitError(f"{Path(command[0]).name} {command[1]} failed with code {done.returncode}")
