"""A program out of the distribution's archive, without installing it: fetched and checked by apt, unpacked into the
cache beside the libraries that the machine lacks. Nothing of the system changes, and no rights are needed."""

import os
import re
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.kit.cache import Cache
from tests.kit.errors import KitError
from tests.kit.process import Nest
from tests.kit.progress import say
from tests.kit.table import Program

_PROGRAMS: Final = ("usr/sbin", "usr/bin", "sbin", "bin")
_LIBRARY: Final = re.compile(r".+\.so(\.\d+)*")


def unpack(program: Program, target: Path, cache: Cache, environ: Mapping[str, str]) -> None:
    """Put a script at `target` that runs the program of a package with the libraries of the packages it needs.

    Raises: KitError with apt's own words.
    """
    if shutil.which("apt-get", path=environ.get("PATH")) is None:
        raise KitError("this machine has no apt-get", f"install {program.debian} by the means of the system")
    tree = cache.share(program.name, "unpacked")
    say(f"fetching {program.debian} from the distribution's archive (first use; about {program.seconds} s)")
    with Nest("archive", cache=cache) as nest:
        apt = _Apt(nest, environ)
        apt.run("update", "update", "--quiet")
        listed = apt.run("list", "install", "--print-uris", "--quiet", "--no-install-recommends", program.debian)
        names = re.findall(r"^'[^']+' ([^_ ]+)_", listed, re.MULTILINE) or [program.debian]
        apt.run("download", "download", "--quiet", *names)
        files = sorted(nest.folder.glob("*.deb"))
        fresh = nest.folder / "tree"
        for number, file in enumerate(files):
            apt.run(f"unpack{number}", "-x", str(file), str(fresh), command="dpkg-deb")
        found = next((at for at in _PROGRAMS if (fresh / at / program.on_path).is_file()), None)
        if found is None:
            raise KitError(f"the package {program.debian} has no program {program.on_path}")
        shutil.rmtree(tree, ignore_errors=True)
        fresh.rename(tree)
        folders = sorted({str(file.parent) for file in tree.rglob("*.so*") if _LIBRARY.fullmatch(file.name)})
        script = nest.folder / "script"
        script.write_text(
            f"#!/bin/sh\nexport LD_LIBRARY_PATH={shlex.quote(':'.join(folders))}\n"
            f'exec {shlex.quote(str(tree / found / program.on_path))} "$@"\n'
        )
        script.chmod(0o755)
        script.rename(target)


class _Apt:
    """apt with lists and downloads in a folder of ours: it needs no lock of the system, and its lists are of today."""

    def __init__(self, nest: Nest, environ: Mapping[str, str]) -> None:
        self._nest = nest
        self._environ = {**environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
        for name in ("lists/partial", "archives/partial"):
            (nest.folder / name).mkdir(parents=True)
        self._options = [
            f"-oDir::State::lists={nest.folder}/lists",
            f"-oDir::Cache={nest.folder}",
            "-oDebug::NoLocking=1",
            *(["-oAPT::Sandbox::User=root"] if os.geteuid() == 0 else []),
        ]

    def run(self, name: str, *words: str, command: str = "apt-get") -> str:
        """What one command says. Raises: KitError."""
        options = self._options if command == "apt-get" else []
        process = self._nest.start(name, [command, *options, *words], env=self._environ)
        if process.wait():
            raise KitError(f"{command} {words[0]} failed:\n{process.log_tail()}", "let apt reach its archive")
        return process.log.read_text(errors="replace")
