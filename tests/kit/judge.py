"""A judge: a child process that answers questions through pipes, each behind its length."""

import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self


class Judge:
    """One child process for any number of questions. Use as a context manager; what a question is says its kind."""

    def __init__(self, program: Path) -> None:
        self._process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.communicate()

    def _send(self, message: bytes) -> None:
        assert self._process.stdin
        self._process.stdin.write(message)
        self._process.stdin.flush()

    def _read(self, size: int) -> bytes:
        assert self._process.stdout
        answer = self._process.stdout.read(size)
        if len(answer) != size:
            raise RuntimeError(f"the judge ended with exit code {self._process.wait()}")
        return answer
