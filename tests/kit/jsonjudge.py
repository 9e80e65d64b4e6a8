"""Asking a judge, a child process: questions and answers are JSON values behind their length."""

import json
import struct
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def ask(program: Path, questions: Iterable[object]) -> list[Any]:
    """The answers to all questions, by one run of the program."""
    sent = b"".join(struct.pack(">I", len(text)) + text for text in (json.dumps(one).encode() for one in questions))
    said = subprocess.run([program], input=sent, stdout=subprocess.PIPE, check=True).stdout
    answers: list[Any] = []
    place = 0
    while place < len(said):
        (size,) = struct.unpack_from(">I", said, place)
        answers.append(json.loads(said[place + 4 : place + 4 + size]))
        place += 4 + size
    return answers
