"""A judge whose questions and answers are JSON values behind their length."""

import json
import struct
from typing import Any

from tests.kit.judge import Judge


class JsonJudge(Judge):
    """One child process for any number of questions."""

    def ask(self, question: object) -> Any:
        """The answer to a question."""
        text = json.dumps(question).encode()
        self._send(struct.pack(">I", len(text)) + text)
        (size,) = struct.unpack(">I", self._read(4))
        return json.loads(self._read(size))
