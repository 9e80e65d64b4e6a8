"""Bringing a program into the cache, built from Go modules or out of the distribution's archive: once, whole, and so
that the person who waits knows why."""

import os
from collections.abc import Mapping
from pathlib import Path

from tests.kit import archive, gomodule, gotool
from tests.kit.cache import Cache
from tests.kit.errors import KitError
from tests.kit.process import Nest, Process
from tests.kit.progress import Ticker, say
from tests.kit.table import MODULES, Copied, Install, Module, Program

_SHOWN_LINES = 8


class BuildFailed(KitError):
    """Go could not build a program; the message ends with what Go said."""


def build(program: Program, cache: Cache, environ: Mapping[str, str]) -> float:
    """Put a program into the cache unless it is there. Returns the seconds that it took, waiting included.

    One lock a program lets parallel runs build it once; one lock for all lets only one build run at a time, since
    the largest takes 2 GB of memory. The file appears by rename, so a build that is cut short leaves nothing.

    Raises: BuildFailed, NoToolchain.
    """
    what = f"{program.name} {program.version}".strip()
    ticker = Ticker(f"waiting for {what}", lambda: "another process builds it")
    target = cache.binary(program.name, program.version)
    with cache.lock(program.name, waiting=lambda: say(f"waiting for another process to build {what}")):
        if target.exists():
            return ticker.seconds
        with cache.lock("build", waiting=lambda: say(f"waiting for another build to end before building {what}")):
            _build(program, target, cache, environ)
    return ticker.seconds


def _build(program: Program, target: Path, cache: Cache, environ: Mapping[str, str]) -> None:
    if program.recipe is None:
        archive.unpack(program, target, cache, environ)
        return
    what = f"{program.name} {program.version}"
    go = gotool.find(cache, environ)
    say(f"building {what} (first use; about {program.seconds} s on two cores with nothing cached)")
    with Nest("build", cache=cache) as nest:
        output = nest.folder / "output"
        output.mkdir()
        env = gotool.environment(environ, nest.folder) | {"GOBIN": str(output)}
        folder = _working_folder(program, nest.folder, cache, environ)
        process = nest.start("go", command(go, program, output), env=env, cwd=folder)
        ticker = Ticker(f"building {what}", lambda: f"{_packages(process)} packages compiled")
        if process.wait(tick=ticker.tick):
            raise BuildFailed(f"building {what} failed:\n{_complaint(process)}")
        (built,) = output.iterdir()
        built.chmod(0o755)
        built.rename(target)
    say(f"built {what} in {ticker.seconds:.0f} s")


def command(go: Path, program: Program, output: Path) -> list[str | Path]:
    """The Go command that leaves exactly one file in `output` (where GOBIN points, for the second form)."""
    stamps = [f"-X {variable}={value}" for variable, value in (program.stamps or {}).items()]
    flags = ["-v", "-trimpath", "-ldflags", " ".join(["-s", "-w", *stamps])]
    match program.recipe:
        case Module(package=package) | Copied(package=package):
            return [go, "build", *flags, "-o", output / program.name, package]
        case Install(package=package):
            return [go, "install", *flags, f"{package}@v{program.version}"]
        case None:
            raise BuildFailed(f"{program.name} is not built from source")


def _working_folder(program: Program, scratch: Path, cache: Cache, environ: Mapping[str, str]) -> Path:
    """The committed module, a copy of the program's own, or for `go install` a folder that is in no module."""
    match program.recipe:
        case Module(folder=folder):
            return MODULES / folder
        case Copied(added=added) as recipe:
            place = scratch / "module"
            gomodule.copy(gomodule.folder_of(program, recipe, cache, environ), place)
            for path, content in added.items():
                (place / path).parent.mkdir(parents=True, exist_ok=True)
                (place / path).write_text(content)
            return place
        case _:
            return scratch


def _packages(process: Process) -> int:
    return sum(not line.startswith("go: ") for line in _lines(process))


def _complaint(process: Process) -> str:
    """What Go said at the end, without its list of downloads."""
    return "\n".join([line for line in _lines(process) if not line.startswith("go: downloading")][-_SHOWN_LINES:])


def _lines(process: Process) -> list[str]:
    return process.log.read_text(errors="replace").splitlines()


def allowed(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether programs may be built at all."""
    return environ.get("KSEAL_TEST_BUILD") != "0"
