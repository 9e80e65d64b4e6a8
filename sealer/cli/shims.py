"""`kseal shims install`: links by which scripts that call the original programs get this one."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import KsealError
from sealer.cli.misuse import Misused
from sealer.cli.verb import COMMON, Given, Option, Verb

if TYPE_CHECKING:
    from sealer.cli.terminal import Terminal

NAMES = ("kubeseal", "sops")
_OURS = b"sealer.cli.main"


def run(given: Given, terminal: "Terminal", environ: Mapping[str, str]) -> int:
    """Make all links that are asked for, or none."""
    names = _names(given)
    target = _this_program()
    folder = Path(given.text("dir") or Path(environ.get("HOME") or "~").expanduser() / ".local" / "bin")
    links = [folder / name for name in names]
    for link in links:
        _refuse_foreign(link)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for link in links:
            _link(link, target)
    except OSError as error:
        raise KsealError(f"cannot make links in {folder}: {(error.strerror or str(error)).lower()}") from error
    for link in links:
        terminal.info(f"{link} leads to {target}")
    if str(folder) not in environ.get("PATH", "").split(os.pathsep):
        terminal.warning(f"{folder} is not on PATH, so the links are not found", hint="add it to PATH")
    return 0


def _names(given: Given) -> tuple[str, ...]:
    if given.files[:1] != ("install",):
        raise Misused("say what to do: kseal shims install")
    names = tuple(dict.fromkeys(given.files[1:])) or NAMES
    for name in names:
        if name not in NAMES:
            raise Misused(f'there is no shim "{name}"', hint=f"it has {', '.join(NAMES)}")
    return names


def _this_program() -> Path:
    """The script or link by which we were called, as an absolute path. Raises: KsealError when there is none."""
    called = Path(sys.argv[0])
    path = called if called.is_absolute() else Path.cwd() / called
    if not path.is_file() or not os.access(path, os.X_OK):
        raise KsealError(f"{called} is no program that a link could lead to", hint="call the installed kseal")
    return path


def _refuse_foreign(link: Path) -> None:
    """Raises: KsealError where something stands that is not ours."""
    if not os.path.lexists(link) or _is_ours(link):
        return
    raise KsealError(f"{link} is another program, which is not replaced", hint="move it away, or choose another --dir")


def _is_ours(link: Path) -> bool:
    """Whether a link leads to a script of this package; one that leads nowhere is ours if a kseal stood there."""
    if not link.is_symlink():
        return False
    try:
        with link.open("rb") as file:
            return _OURS in file.read(4096)
    except FileNotFoundError:
        return link.readlink().name == "kseal"
    except OSError:
        return False


def _link(link: Path, target: Path) -> None:
    """Put the link there in one step, so that at no moment the name is missing."""
    temporary = link.with_name(f".{link.name}.{os.urandom(4).hex()}.tmp")
    temporary.symlink_to(target)
    temporary.replace(link)


VERB = Verb(
    name="shims",
    summary="Install links that answer to the names of the original programs.",
    text="`kseal shims install` makes links `kubeseal` and `sops`, under which this program takes the flags of the "
    "original programs, and ends with their exit codes. A foreign file of such a name is never replaced. To undo it, "
    "remove the links. `kseal kubeseal ...` and `kseal sops ...` do the same without a link.",
    examples=("kseal shims install", "kseal shims install kubeseal --dir ~/bin"),
    options=(Option(("--dir",), "Where to put the links [default: ~/.local/bin].", "PATH"), *COMMON),
    run=run,
    files="WORD",
    words=("install", *NAMES),
)
