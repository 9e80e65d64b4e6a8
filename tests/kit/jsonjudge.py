"""A judge: a child process that answers questions, both JSON values behind their length."""

import json
import struct
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self


class JsonJudge:
    """One child process for any number of questions. Use as a context manager."""

    def __init__(self, program: Path) -> None:
        self._process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.communicate()

    def ask(self, question: object) -> Any:
        """The answer to a question."""
        assert self._process.stdin
        text = json.dumps(question).encode()
        self._process.stdin.write(struct.pack(">I", len(text)) + text)
        self._process.stdin.flush()
        (size,) = struct.unpack(">I", self._read(4))
        return json.loads(self._read(size))

    def _read(self, size: int) -> bytes:
        assert self._process.stdout
        answer = self._process.stdout.read(size)
        if len(answer) != size:
            raise RuntimeError(f"the judge ended with exit code {self._process.wait()}")
        return answer
