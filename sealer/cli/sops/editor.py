"""The person's editor: which program it is, and one round with it.

Source: getsops/sops cmd/sops/edit.go, runEditor.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sealer.cli.sops.call import Failed

if TYPE_CHECKING:
    from collections.abc import Sequence

EDITOR_FAILED = 201
_USUAL = ("vim", "nano", "vi")


def run(path: str, environ: Mapping[str, str]) -> None:
    """Open a file in the editor and wait. Raises: Failed when there is none, or it fails."""
    import subprocess

    command = [*_command(environ), path]
    try:
        code = subprocess.run(command, env=dict(environ), check=False).returncode
    except OSError as error:
        raise _failed(f'exec: "{command[0]}": {(error.strerror or str(error)).lower()}') from error
    if code:
        raise _failed(f"exit status {code}" if code > 0 else f"signal {-code}")


def _command(environ: Mapping[str, str]) -> "Sequence[str]":
    import shlex
    import shutil

    for variable in ("SOPS_EDITOR", "EDITOR"):
        if environ.get(variable):
            try:
                words = shlex.split(environ[variable])
            except ValueError:
                raise _failed(f"invalid ${variable}: {environ[variable]}") from None
            if not words:
                raise _failed(f"invalid ${variable}: {environ[variable]}")
            return words
    for name in _USUAL:
        if found := shutil.which(name, path=environ.get("PATH")):
            return [found]
    raise _failed(f"no editor available: SOPS_EDITOR and EDITOR are not set, and there is none of {', '.join(_USUAL)}")


def _failed(why: str) -> Failed:
    return Failed(f"Could not run editor: {why}", EDITOR_FAILED, "set SOPS_EDITOR or EDITOR")
