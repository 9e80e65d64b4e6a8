"""Data files of a program's own Go module: unpacked by `go` into its module cache, checksums checked by our go.sum."""

import json
import os
import subprocess
import tempfile
from pathlib import Path

from tests.kit import gotool
from tests.kit.cache import Cache
from tests.kit.errors import Unavailable

_MODULES = Path(__file__).parent / "go"


def folder(committed: str, module: str) -> Path:
    """The folder of `module` at the version that tests/kit/go/`committed` names.

    Raises: Unavailable when there is no Go toolchain, or it cannot reach what is not in its cache yet.
    """
    try:
        go = gotool.find(Cache.of(os.environ), os.environ)
    except gotool.NoToolchain as error:
        raise Unavailable(module, error.message, error.hint or "install Go") from error
    with tempfile.TemporaryDirectory() as scratch:
        done = subprocess.run(
            [go, "mod", "download", "-json", module],
            cwd=_MODULES / committed,
            env=gotool.environment(os.environ, Path(scratch)),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    if done.returncode:
        raise Unavailable(module, f"go mod download failed: {done.stderr.strip()}", "let go reach a module proxy")
    return Path(json.loads(done.stdout)["Dir"])
