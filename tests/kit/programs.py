"""Finding a real program: named by the person, on PATH, in the cache, or built now. The first that fits is taken.

One that a Python package brings is looked for only there.
"""

import functools
import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.kit import build as building
from tests.kit import buildinfo
from tests.kit.cache import Cache
from tests.kit.errors import KitError, Misconfigured, Unavailable
from tests.kit.table import Accept, Packaged, Program, named

__all__ = ["Found", "Unavailable", "find", "locate"]

Source = Literal["env", "path", "cache", "build", "package"]
Builder = Callable[[Program, Cache, Mapping[str, str]], float]

# sbin: where Debian keeps sshd, which a person's PATH often lacks.
_SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")
_VERSION = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")


@dataclass(frozen=True, slots=True)
class Found:
    """Where a program is, how it got there, and the seconds that building it took (0 when it was there)."""

    program: Program
    path: Path
    source: Source
    version: str
    seconds: float = 0.0


class _NotTheOne(Exception):
    """Why a file on PATH is not taken."""


@functools.cache
def find(name: str) -> Path:
    """The path of a program, built at first use. Raises: Unavailable with the cure, Misconfigured."""
    return locate(named(name)).path


def locate(
    program: Program,
    *,
    environ: Mapping[str, str] = os.environ,
    cache: Cache | None = None,
    build: Builder = building.build,
) -> Found:
    """Look in the places of this module's first line, in that order; what was wrong with each goes into the error."""
    cache = cache or Cache.of(environ)
    if chosen := environ.get(variable(program)):
        return _chosen(program, chosen)
    if program.packaged:
        return _packaged(program, program.packaged)
    tried: list[str] = []
    if program.on_path:
        try:
            return _on_path(program, environ)
        except _NotTheOne as reason:
            tried.append(str(reason))
    if program.recipe is None and not program.unpacks:
        raise Unavailable(program.name, "; ".join(tried), f"on Debian and Ubuntu: apt-get install {program.debian}")
    cached = cache.binary(program.name, program.version)
    if cached.exists():
        return Found(program, cached, "cache", program.version)
    tried.append(f"not in the cache ({cached.parent})")
    if not building.allowed(environ):
        raise Unavailable(program.name, "; ".join([*tried, "building is off (KSEAL_TEST_BUILD=0)"]), _cure(program))
    try:
        seconds = build(program, cache, environ)
    except KitError as error:
        raise Unavailable(program.name, "; ".join([*tried, str(error)]), error.hint or _cure(program)) from error
    return Found(program, cached, "build", program.version, seconds)


def _packaged(program: Program, packaged: Packaged) -> Found:
    """The file in a Python package; the wrapper script that it installs beside it is passed by."""
    spec = importlib.util.find_spec(packaged.module)
    path = Path(spec.origin).parent / packaged.file if spec and spec.origin else None
    if path is None or not path.is_file():
        cure = f"pip install {packaged.distribution}; or set {variable(program)} to the path of one"
        raise Unavailable(program.name, f"the Python package {packaged.distribution} is not installed", cure)
    return Found(program, path, "package", importlib.metadata.version(packaged.distribution))


def variable(program: Program) -> str:
    """The environment variable by which a person names the file to use."""
    return "KSEAL_TEST_" + program.name.upper().replace("-", "_")


def _cure(program: Program) -> str:
    return f"run: python -m tests.kit fetch {program.name}; or set {variable(program)} to the path of one"


def _chosen(program: Program, chosen: str) -> Found:
    """The file that the person named, as it is: a wrong path is an error, or another program would be tested."""
    path = Path(chosen)
    if not (path.is_file() and os.access(path, os.X_OK)):
        raise Misconfigured(f'{variable(program)}: "{chosen}" is not an executable file')
    info = buildinfo.read(path)
    return Found(program, path.absolute(), "env", info.version.removeprefix("v") if info else "")


def _on_path(program: Program, environ: Mapping[str, str]) -> Found:
    folders = [environ.get("PATH", os.defpath), *([] if program.recipe else _SYSTEM_FOLDERS)]
    file = shutil.which(program.on_path, path=os.pathsep.join(folders))
    if file is None:
        raise _NotTheOne("not on PATH")
    path = Path(file).absolute()
    version = _proven_version(program, path) if program.recipe else _asked_version(program, path)
    if not accepts(program, version):
        wanted = f"{program.version} or a newer one of its major version"
        raise _NotTheOne(
            f"{path} is version {version}, not {program.version if program.accept is Accept.EXACT else wanted}"
        )
    return Found(program, path, "path", version)


def _proven_version(program: Program, path: Path) -> str:
    """The version of the original. A wrapper, a dispatcher or a shim of the same name is refused unrun."""
    info = buildinfo.read(path)
    if info is None:
        raise _NotTheOne(f"{path} is not a Go program, so it is not the original")
    if info.package != program.package:
        raise _NotTheOne(f"{path} is {info.package}, not {program.package}")
    if re.fullmatch(r"v\d+\.\d+\.\d+", info.version):
        return info.version.removeprefix("v")
    return _asked_version(program, path)  # official builds of Kubernetes call their module `(devel)`


def _asked_version(program: Program, path: Path) -> str:
    """What the program says of itself."""
    environ = dict(os.environ) | {"SOPS_DISABLE_VERSION_CHECK": "true"}
    done = subprocess.run(
        [path, *program.ask_version], env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    found = _VERSION.search(done.stdout + done.stderr)
    if not found:
        raise _NotTheOne(f"{path} does not say its version")
    return found[0]


def accepts(program: Program, version: str) -> bool:
    """Whether a version found on PATH will do. Pre-releases are read as the release that they lead to."""
    if program.accept is Accept.ANY:
        return True
    have, want = _numbers(version), _numbers(program.version)
    match program.accept:
        case Accept.EXACT:
            return have == want
        case Accept.PATCH:
            return have[0] == want[0] and have >= want
        case Accept.MINOR:
            return have[0] == want[0] and have[:2] >= want[:2]


def _numbers(version: str) -> tuple[int, int, int]:
    found = _VERSION.search(version)
    if not found:
        return 0, 0, 0
    return int(found[1]), int(found[2]), int(found[3] or 0)
