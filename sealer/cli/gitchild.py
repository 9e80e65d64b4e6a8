"""Git in the person's own repository: their configuration and environment, no prompts, English messages, within limits.

Unlike `engine.git`, which works on what strangers wrote, this is called by the person's git, or beside it: variables
such as GIT_DIR and GIT_INDEX_FILE say which repository and which index is meant, and must reach it.
"""

import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Final

from engine.errors import KsealError

_TIMEOUT_SECONDS: Final = 120.0


class Git:
    """Git in one folder, None for the current one."""

    def __init__(self, environ: Mapping[str, str], folder: str | None = None) -> None:
        self._environ = {**environ, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0"}
        self._folder = folder

    def run(self, *arguments: str) -> bytes:
        """What a command writes to standard output. Raises: KsealError when it fails."""
        done = self._done(arguments)
        if done.returncode:
            raise KsealError(f"git {arguments[0]}: {_last_words(done.stderr) or f'exit code {done.returncode}'}")
        return done.stdout

    def asks(self, *arguments: str) -> str | None:
        """An answer without its line end, None when git says no. Raises: KsealError when it cannot be started."""
        done = self._done(arguments)
        return _text(done.stdout).removesuffix("\n") if done.returncode == 0 else None

    def merge_lines(self, paths: Iterable[str], *options: str) -> tuple[bytes, bool]:
        """`git merge-file` of ours, base and theirs: what it prints, and whether nothing was in conflict.

        Raises: KsealError for what has no lines.
        """
        done = self._done(("merge-file", "-p", *options, "--", *paths))
        if done.returncode >= 128:
            raise KsealError(f"git merge-file: {_last_words(done.stderr)}")
        return done.stdout, done.returncode == 0

    def _done(self, arguments: tuple[str, ...]) -> "subprocess.CompletedProcess[bytes]":
        try:
            return subprocess.run(
                ["git", *arguments],
                cwd=self._folder,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_TIMEOUT_SECONDS,
                check=False,
            )
        except OSError as error:
            raise KsealError(f"cannot start git: {(error.strerror or str(error)).lower()}", "install git") from error
        except subprocess.TimeoutExpired as error:
            raise KsealError(f"git {arguments[0]}: no end after {_TIMEOUT_SECONDS:g} s") from error

    @contextmanager
    def blobs(self) -> "Iterator[Blobs]":
        """One process that hands out objects. Raises: KsealError when it cannot be started."""
        try:
            child = subprocess.Popen(
                ["git", "cat-file", "--batch"],
                cwd=self._folder,
                env=self._environ,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        except OSError as error:
            raise KsealError(f"cannot start git: {(error.strerror or str(error)).lower()}", "install git") from error
        with child:
            assert child.stdin is not None  # noqa: S101  # both are pipes
            assert child.stdout is not None  # noqa: S101
            try:
                yield Blobs(child.stdin, child.stdout)
            finally:
                child.stdin.close()
                child.kill()


class Blobs:
    """Objects by their ids, one question and one answer at a time."""

    def __init__(self, questions: IO[bytes], answers: IO[bytes]) -> None:
        self._questions, self._answers = questions, answers

    def read(self, name: str, most: int) -> bytes | None:
        """The content of a blob, None for one of more bytes than are read. Raises: KsealError."""
        try:
            self._questions.write(f"{name}\n".encode())
            self._questions.flush()
            header = self._answers.readline(1024).split()
            if len(header) != 3 or header[1] != b"blob":
                raise KsealError(f"git cat-file: {name}: no such blob")
            size = int(header[2])
            if size > most:
                self._skip(size + 1)
                return None
            data = self._answers.read(size)
            self._skip(1)
        except OSError as error:
            raise KsealError("git cat-file ended before its time") from error
        if len(data) != size:
            raise KsealError("git cat-file ended before its time")
        return data

    def _skip(self, size: int) -> None:
        while size:
            got = len(self._answers.read(min(size, 1 << 20)))
            if not got:
                raise KsealError("git cat-file ended before its time")
            size -= got


def text_of(names: bytes) -> list[str]:
    """The members of a list that NUL ends, as paths of this machine."""
    return [os.fsdecode(name) for name in names.split(b"\0") if name]


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _last_words(errors: bytes) -> str:
    lines = [line.strip() for line in errors.decode("utf-8", "replace").splitlines() if line.strip()]
    return "; ".join(lines[-2:])
