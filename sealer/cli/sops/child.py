"""The command that `exec-env` and `exec-file` run, by `/bin/sh -c`, and the user as whom it runs.

Source: getsops/sops cmd/sops/subcommand/exec.
"""

import os
import subprocess
from collections.abc import Mapping

from sealer.cli.sops.call import GENERIC, Call, Failed

_SHELL = ("/bin/sh", "-c")


def environment(call: Call, added: Mapping[str, str]) -> dict[str, str]:
    """Ours unless --pristine, then what the user of --user needs, then what is added, which wins."""
    base = {} if call.flag("pristine") else dict(call.environ)
    return {**base, **_of_user(call.text("user")), **added}


def run(call: Call, command: str, environ: Mapping[str, str]) -> int:
    """Run it and wait; its exit code. Raises: Failed when it cannot start."""
    try:
        process = subprocess.Popen([*_SHELL, command], env=dict(environ))
    except (OSError, ValueError) as error:  # ValueError: a NUL, which no variable can hold
        raise Failed(f"cannot run the command: {_reason(error)}") from None
    if call.flag("background"):
        return 0
    code = _waited(process)
    if code and call.voice.is_original:
        call.voice.error(f"exit status {code}" if code > 0 else f"signal: {-code}")
    return code if code >= 0 else 255


def replace_us(command: str, environ: Mapping[str, str]) -> None:
    """Become the command. Raises: Failed when that cannot be."""
    try:
        os.execve(_SHELL[0], [*_SHELL, command], dict(environ))  # noqa: S606  # it is what the flag asks for
    except (OSError, ValueError) as error:
        raise Failed(f"cannot run the command: {_reason(error)}") from None


def become(name: str) -> None:
    """Give up our user for another one; nothing for an empty name. Raises: Failed."""
    if not name:
        return
    user = _user(name)
    try:
        os.setgroups(os.getgrouplist(name, user.pw_gid))
        os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
        os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
    except OSError as error:
        raise Failed(f"cannot become the user {name}: {_reason(error)}", GENERIC, "only root can") from error


def _waited(process: "subprocess.Popen[bytes]") -> int:
    """The terminal sends Ctrl-C to the command as well, and what it means is for the command to say."""
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue


def _of_user(name: str) -> dict[str, str]:
    return {"HOME": _user(name).pw_dir, "USER": name, "LOGNAME": name} if name else {}


def _user(name: str):  # type: ignore[no-untyped-def]  # pwd is imported only where it is needed
    import pwd

    try:
        return pwd.getpwnam(name)
    except KeyError:
        raise Failed(f"user: unknown user {name}") from None


def _reason(error: Exception) -> str:
    return (error.strerror or "").lower() if isinstance(error, OSError) else "a value has a NUL character"
