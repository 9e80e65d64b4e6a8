"""Run git as a child process: its own environment, no hooks, no prompts, no foreign configuration, within limits.

A repository is what strangers wrote. Nothing in one may start a program or reach a file of this machine: hooks are
off, local transports are off, objects are checked as they arrive, and the configuration of machine and person is not
read. Source: git-config(1) protocol.allow, safe.bareRepository, transfer.fsckObjects; CVE-2022-39253 for file.
"""

import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

from engine.errors import KsealError

TIMEOUT_SECONDS: Final = 600.0
MEMORY_KIBIBYTES: Final = 4 * 1024 * 1024
"""Address space of the child; a repository of manifests needs a hundredth of it."""
_SETTINGS: Final = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.askPass": "",
    "credential.helper": "",
    "protocol.file.allow": "never",
    "protocol.ext.allow": "never",
    "transfer.fsckObjects": "true",
    "fetch.fsckObjects": "true",
    "receive.fsckObjects": "true",
    "http.followRedirects": "false",
    "submodule.recurse": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "advice.detachedHead": "false",
}
FILE_BLOCKS: Final = 8 * 1024 * 1024
"""Largest file that the child may write, in blocks of 512 bytes: a server that never stops sending fills no disk."""
# A shell sets the limits and becomes git: between fork and exec no code of ours runs, which threads would make unsafe.
# A limit of files that is there already stays: it may be lower.
_LIMITED: Final = (
    "/bin/sh",
    "-c",
    f'ulimit -v "$0" && {{ [ "$(ulimit -f)" != unlimited ] || ulimit -f {FILE_BLOCKS}; }} && exec "$@"',
    str(MEMORY_KIBIBYTES),
)
_KEPT: Final = (
    "PATH",
    "TMPDIR",
    "SSH_AUTH_SOCK",
    "SSL_CERT_FILE",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "HTTPS_PROXY",
)
_LINES_SHOWN: Final = 3
_WORDS_READ: Final = 65_536
_SAID_BY_ALL: Final = ("fatal: Could not read from remote", "Please make sure you have", "and the repository exists")
_CURES: Final = (
    (
        "HOST IDENTIFICATION HAS CHANGED",
        "somebody may stand between; if the host says that it has a new key, put that into known_hosts",
    ),
    (
        "Host key verification failed",
        "put the host's key into known_hosts: ssh-keyscan HOST shows it, compare it with what the host publishes",
    ),
    ("Permission denied (", "is the deploy key known there, and may it write? its private half is the file identity"),
    ("could not read Username", "name a folder with username and password, or bearerToken, with --git-credentials"),
)
"""What git and ssh say, and what to do about it; the first that fits."""


class GitError(KsealError):
    """Git refused or failed. The message has git's own last words; URLs with credentials never get that far."""


class Overtime(GitError):
    """Git did not end in the time that it had."""


class Git:
    """Git in one folder. `environment` is added to the child's: credentials, identity."""

    def __init__(
        self, folder: Path, *, environ: Mapping[str, str], environment: Mapping[str, str] | None = None
    ) -> None:
        """`environ` is the caller's own environment, of which a few names are passed on."""
        self.folder = folder
        self._environ = environ
        self._environment = dict(environment or {})

    def inside(self, folder: Path) -> "Git":
        """The same in another folder."""
        return Git(folder, environ=self._environ, environment=self._environment)

    def run(
        self,
        *arguments: str,
        given: bytes = b"",
        settings: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> bytes:
        """What a git command writes to standard output. `settings` go over those of the module.

        Raises: GitError when it fails, takes too long or cannot be started.
        """
        code, output, errors = self._run(arguments, given, settings or {}, environment or {}, timeout_seconds)
        if code:
            raise _error(arguments[0], code, errors)
        return output

    def asks(self, *arguments: str, environment: Mapping[str, str] | None = None) -> str | None:
        """One line of answer, None when git says no (by exit code 1 or 128). Raises: GitError as `run`."""
        code, output, errors = self._run(arguments, b"", {}, environment or {}, TIMEOUT_SECONDS)
        if code not in (0, 1, 128):
            raise _error(arguments[0], code, errors)
        return output.decode("utf-8", "surrogateescape").removesuffix("\n") if code == 0 else None

    @contextmanager
    def opened(
        self,
        *arguments: str,
        given: bytes = b"",
        environment: Mapping[str, str] | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> Iterator[IO[bytes]]:
        """What a git command writes, as it comes; who stops reading early ends it.

        Raises: GitError as `run`, at the end of the context when all was read and git failed.
        """
        with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as asked:
            asked.write(given)
            asked.seek(0)
            child = self._started(arguments, {}, environment or {}, asked, said)
            if child.stdout is None:
                raise GitError("cannot start git: no pipe to read from")
            overtime = threading.Event()
            watch = threading.Timer(timeout_seconds, _end, (child, overtime))
            watch.daemon = True
            watch.start()
            try:
                with child.stdout as output:
                    yield output
                    is_read = not output.read(1)
                code = child.wait(timeout=timeout_seconds) if is_read else 0
            except subprocess.TimeoutExpired:
                overtime.set()
                code = 1
            finally:
                watch.cancel()
                if child.poll() is None:
                    _kill(child)
                    child.wait()
            if overtime.is_set():
                raise Overtime(f"git {arguments[0]}: no end after {timeout_seconds:g} s")
            if code:
                said.seek(0)
                raise _error(arguments[0], code, said.read(_WORDS_READ))

    def _run(
        self,
        arguments: Sequence[str],
        given: bytes,
        settings: Mapping[str, str],
        environment: Mapping[str, str],
        timeout_seconds: float,
    ) -> tuple[int, bytes, bytes]:
        child = self._started(arguments, settings, environment, subprocess.PIPE, subprocess.PIPE)
        try:
            output, errors = child.communicate(given, timeout=timeout_seconds)
        except subprocess.TimeoutExpired as error:
            raise Overtime(f"git {arguments[0]}: no end after {timeout_seconds:g} s") from error
        finally:
            if child.poll() is None:
                _kill(child)
                child.communicate()
        if child.returncode == 127:
            raise GitError("cannot start git: it is not on the PATH", "install git")
        return child.returncode, output, errors

    def _started(
        self,
        arguments: Sequence[str],
        settings: Mapping[str, str],
        environment: Mapping[str, str],
        asked: IO[bytes] | int,
        said: IO[bytes] | int,
    ) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                [*_LIMITED, "git", *arguments],
                cwd=self.folder,
                env=self._child_environment(settings, environment),
                stdin=asked,
                stdout=subprocess.PIPE,
                stderr=said,
                process_group=0,
            )
        except OSError as error:
            raise GitError(f"cannot start git: {(error.strerror or str(error)).lower()}", "install git") from error

    def _child_environment(self, settings: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
        """Settings travel by the environment, where other users of the machine do not see them; some hold tokens."""
        given = {**self._environment, **environment}
        whole = {**_SETTINGS, **settings}
        for number in range(int(given.pop("GIT_CONFIG_COUNT", "0"))):
            whole[given.pop(f"GIT_CONFIG_KEY_{number}")] = given.pop(f"GIT_CONFIG_VALUE_{number}")
        numbered = {f"GIT_CONFIG_KEY_{number}": key for number, key in enumerate(whole)}
        values = {f"GIT_CONFIG_VALUE_{number}": value for number, value in enumerate(whole.values())}
        return {
            **{name: self._environ[name] for name in _KEPT if name in self._environ},
            "HOME": os.devnull,
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ALLOW_PROTOCOL": "http:https:ssh",
            "GIT_SSH_VARIANT": "ssh",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_CONFIG_COUNT": str(len(whole)),
            **numbered,
            **values,
            **given,
        }


def _end(child: subprocess.Popen[bytes], overtime: threading.Event) -> None:
    overtime.set()
    _kill(child)


def _kill(child: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)


def _error(verb: str, code: int, errors: bytes) -> GitError:
    text = errors.decode("utf-8", "replace")
    hint = next((cure for words, cure in _CURES if words in text), None)
    return GitError(f"git {verb}: {_last_words(text) or f'exit code {code}'}", hint)


def _last_words(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    passed_by = ("hint:", "remote: ", "Cloning", "To ", *_SAID_BY_ALL)
    told = [line for line in lines if not line.startswith(passed_by)] or lines
    return "; ".join(told[-_LINES_SHOWN:])
