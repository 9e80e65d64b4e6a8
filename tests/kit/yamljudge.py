"""The Go YAML libraries as a judge: a child process (go/yamljudge) that says what they make of a document."""

import json
import struct
from typing import Any, Literal

from tests.kit.judge import Judge

Question = Literal["2", "S", "3", "M", "J"]


class Refused(Exception):
    """The library gives an error; the text is its own."""


class YamlJudge(Judge):
    """One child process for any number of questions."""

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
        self._send(question.encode() + struct.pack(">I", len(text)) + text)
        mark, size = struct.unpack(">cI", self._read(5))
        answer = self._read(size)
        if mark != b"+":
            raise Refused(answer.decode(errors="replace"))
        return answer
