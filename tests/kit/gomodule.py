"""Where Go keeps the module of a program, fetched if need be: its data files are read there, its sources copied."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.kit import gotool
from tests.kit.cache import Cache
from tests.kit.errors import KitError
from tests.kit.process import Nest
from tests.kit.table import MODULES, Copied, Install, Module, Program


def folder_of(program: Program, recipe: Module | Install | Copied, cache: Cache, environ: Mapping[str, str]) -> Path:
    """The module's folder in Go's own cache, which is read-only.

    Its version is that of the committed go.mod, or of the table. Go checks what it fetches against the committed
    go.sum, or against its own database of checksums. Raises: KitError with what Go said.
    """
    go = gotool.find(cache, environ)
    with Nest("module", cache=cache) as nest:
        match recipe:
            case Module():
                arguments, folder = ["list", "-json=Module", recipe.package], MODULES / recipe.folder
            case Install():
                module = recipe.package.partition("/cmd/")[0]
                arguments, folder = ["mod", "download", "-json", f"{module}@v{program.version}"], nest.folder
            case Copied():
                arguments, folder = ["mod", "download", "-json", f"{recipe.module}@v{program.version}"], nest.folder
        done = subprocess.run(
            [go, *arguments],
            cwd=folder,
            env=gotool.environment(environ, nest.folder),
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise KitError(f"go {' '.join(arguments)} failed: {done.stderr.strip() or done.stdout.strip()}")
    said = json.loads(done.stdout)
    return Path(said["Module"]["Dir"] if isinstance(recipe, Module) else said["Dir"])


def copy(source: Path, target: Path) -> None:
    """Copy a module's folder so that files can be added to the copy, and the copy removed: Go's own is read-only."""
    shutil.copytree(source, target, copy_function=shutil.copyfile)
    for folder, _, _ in os.walk(target):
        Path(folder).chmod(0o700)
