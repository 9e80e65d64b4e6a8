"""The Go YAML libraries as a judge: a child process (go/yamljudge) that says what they make of a document."""

import json
import struct
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

Question = Literal["2", "S", "3", "M", "J"]


class Refused(Exception):
    """The library gives an error; the text is its own."""


class Judge:
    """One child process for any number of questions. Use as a context manager."""

    def __init__(self, program: Path) -> None:
        self._process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.communicate()

    def reads(self, document: bytes, *, question: Question) -> Any:
        """The value of the first document. Raises: Refused."""
        return json.loads(self._ask(question, document))

    def writes(self, value: Any) -> str:
        """What `kubeseal -o yaml` would print. Raises: Refused for characters that YAML needs escaped."""
        return self._ask("M", json.dumps(value, ensure_ascii=False).encode()).decode()

    def indents(self, value: Any) -> str:
        """What `kubeseal -o json` would print, keys sorted, numbers as 64-bit floats."""
        return self._ask("J", json.dumps(value).encode()).decode()

    def _ask(self, question: Question, text: bytes) -> bytes:
        assert self._process.stdin
        self._process.stdin.write(question.encode() + struct.pack(">I", len(text)) + text)
        self._process.stdin.flush()
        mark, size = struct.unpack(">cI", self._read(5))
        answer = self._read(size)
        if mark != b"+":
            raise Refused(answer.decode(errors="replace"))
        return answer

    def _read(self, size: int) -> bytes:
        assert self._process.stdout
        answer = self._process.stdout.read(size)
        if len(answer) != size:
            raise RuntimeError(f"the judge ended with exit code {self._process.wait()}")
        return answer
