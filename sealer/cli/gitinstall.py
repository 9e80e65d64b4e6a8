"""`kseal git install` and `uninstall`: what git is told, and where.

Three places: settings by `git config`; which files they are for, as lines of an attributes file; the hook. Each can be
taken away again without a trace, and nothing in them that is not ours is touched.
"""

import os
import re
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from engine.errors import KsealError
from sealer.cli import files
from sealer.cli.gitchild import Git
from sealer.cli.gittextconv import FOLDER
from sealer.cli.misuse import Misused

if TYPE_CHECKING:
    from sealer.cli.terminal import Terminal

PATTERNS: Final = ("*.yaml", "*.yml", "*.json", "*.env", "*.ini")
_BEGIN: Final = "# kseal git install: begin"
_END: Final = "# kseal git install: end"
_BLOCK: Final = re.compile(rf"^{re.escape(_BEGIN)}\n(?:.*\n)*?{re.escape(_END)}\n", re.MULTILINE)
_HOOK_MARK: Final = "# Made by kseal git install --hooks."
_HOOK: Final = re.compile(rf"#!/bin/sh\n{re.escape(_HOOK_MARK)}\nexec .+ git pre-commit\n")
_SECTIONS: Final = ("merge.kseal", "diff.kseal")


class Wish(NamedTuple):
    """What the command line asks for."""

    is_global: bool
    has_hooks: bool
    is_for_team: bool
    patterns: tuple[str, ...]


def install(wish: Wish, terminal: "Terminal", environ: Mapping[str, str]) -> int:
    """Tell git. A hook that is not ours stops it before anything is written."""
    git, program = Git(environ), _program(environ)
    attributes = _attributes(git, wish, environ)
    lines = "".join(f"{_pattern(pattern)} merge=kseal diff=kseal\n" for pattern in wish.patterns or PATTERNS)
    hook = _hook(git) if wish.has_hooks else None
    if hook and hook.exists() and not _is_ours(hook):
        raise KsealError(
            f"{hook} is another hook, which is not replaced",
            "call `kseal git pre-commit` in it, or use the hook of .pre-commit-hooks.yaml with pre-commit",
        )
    scope = "--global" if wish.is_global else "--local"
    for name, value in _settings(program).items():
        git.run("config", scope, name, value)
    _put(attributes, lines)
    if hook:
        hook.parent.mkdir(parents=True, exist_ok=True)
        files.write_file(str(hook), f"#!/bin/sh\n{_HOOK_MARK}\nexec {program} git pre-commit\n".encode())
        hook.chmod(0o755)
    terminal.info(f"{attributes} names the files")
    return 0


def uninstall(wish: Wish, terminal: "Terminal", environ: Mapping[str, str]) -> int:
    """Take away what `install` made, where it stands."""
    git = Git(environ)
    scope = "--global" if wish.is_global else "--local"
    attributes = _attributes(git, wish, environ)
    for section in _SECTIONS:
        if git.asks("config", scope, "--get-regexp", rf"^{re.escape(section)}\.") is not None:
            git.run("config", scope, "--remove-section", section)
    _put(attributes, "")
    if wish.is_global:
        return 0
    hook = _hook(git, is_asked=False)
    if hook and hook.exists() and _is_ours(hook):
        hook.unlink()
    elif hook and hook.exists() and _HOOK_MARK in hook.read_text(errors="replace"):
        terminal.warning(f"{hook} was changed by hand and stays", "remove its line with `git pre-commit`")
    shutil.rmtree(_path(git, "--git-common-dir") / FOLDER, ignore_errors=True)
    team = Path(git.asks("rev-parse", "--show-toplevel") or ".", ".gitattributes")
    if team.is_file() and _BLOCK.search(team.read_text(errors="surrogateescape")):
        terminal.warning(f"{team} names our drivers for everybody", "to end that: kseal git uninstall --team")
    return 0


def _settings(program: str) -> dict[str, str]:
    return {
        "merge.kseal.name": "SOPS files and SealedSecrets, value by value",
        "merge.kseal.driver": f"{program} git merge -- %O %A %B %P %L",
        # Of several common versions git makes one. Were a conflict between those settled as ours, the real merge would
        # take the other side's value unasked; `binary` keeps the version before both.
        "merge.kseal.recursive": "binary",
        "diff.kseal.textconv": f"{program} git textconv --",
        "diff.kseal.cachetextconv": "false",
    }


def _program(environ: Mapping[str, str]) -> str:
    """How git's shell calls us: by name where the name leads here, else by our path."""
    called = Path(sys.argv[0])
    here = called if called.is_absolute() else Path.cwd() / called
    found = shutil.which("kseal", path=environ.get("PATH"))
    if found and here.exists() and Path(found).samefile(here):
        return "kseal"
    if not (here.is_file() and os.access(here, os.X_OK)):
        raise KsealError(f"{called} is no program that git could call", "call the installed kseal")
    return shlex.quote(str(here))


def _attributes(git: Git, wish: Wish, environ: Mapping[str, str]) -> Path:
    """The file that says for which files the drivers are."""
    if wish.is_global:
        named = git.asks("config", "--global", "--type=path", "core.attributesFile")
        default = Path(environ.get("XDG_CONFIG_HOME") or Path(environ.get("HOME", "~")).expanduser() / ".config")
        return Path(named) if named else default / "git" / "attributes"
    if wish.is_for_team:
        return _path(git, "--show-toplevel") / ".gitattributes"
    return _path(git, "--git-common-dir") / "info" / "attributes"


def _path(git: Git, name: str) -> Path:
    found = git.asks("rev-parse", "--path-format=absolute", name)
    if not found:
        raise Misused("this is no Git repository", "go into one, or install for all: kseal git install --global")
    return Path(found)


def _hook(git: Git, *, is_asked: bool = True) -> Path | None:
    """Where git looks for the hook; None where another program manages hooks, which is an error if one is asked for."""
    managed = git.asks("config", "core.hooksPath")
    if managed is None:
        return _path(git, "--git-common-dir") / "hooks" / "pre-commit"
    if not is_asked:
        return None
    raise KsealError(
        f"core.hooksPath is set to {managed}: hooks are managed by another program",
        "have it call `kseal git pre-commit`",
    )


def _is_ours(hook: Path) -> bool:
    return hook.is_file() and bool(_HOOK.fullmatch(hook.read_text(errors="replace")))


def _pattern(pattern: str) -> str:
    """A pattern as a line of attributes begins with it. Raises: Misused."""
    if not pattern or pattern.startswith("!") or not pattern.isprintable():
        raise Misused(f'"{pattern}" is no pattern of attributes', "for example: '*.sops.yaml'")
    quotes = " " in pattern or pattern.startswith(("#", '"', "["))
    return '"' + pattern.replace("\\", "\\\\").replace('"', '\\"') + '"' if quotes else pattern


def _put(path: Path, lines: str) -> None:
    """Put our block on top of a file, in the place of one that is there, or take it out; a file of nothing goes.

    On top, because of two lines about one file the last one counts: what the person wrote stays in force.
    """
    try:
        before = path.read_text(errors="surrogateescape") if path.exists() else ""
        rest = _BLOCK.sub("", before)
        after = f"{_BEGIN}\n{lines}{_END}\n{rest}" if lines else rest
        if after == before:
            return
        if after:
            path.parent.mkdir(parents=True, exist_ok=True)
            is_new = not path.exists()
            files.write_file(str(path), after.encode(errors="surrogateescape"))
            if is_new:
                path.chmod(0o644)
        else:
            path.unlink()
    except OSError as error:
        raise KsealError(f"{path}: {(error.strerror or str(error)).lower()}") from error
