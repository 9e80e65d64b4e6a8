"""Go's text/template with sprig as a judge: a child process (go/gotemplate) that renders what it is given."""

import json
import struct
import subprocess
from base64 import b64decode, b64encode
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple


class Question(NamedTuple):
    """A template with its data: `strings` for a map[string]string, else anything that JSON carries."""

    template: bytes
    data: Any = None
    strings: dict[str, bytes] | None = None
    is_plain: bool = False
    """Without the functions of sprig."""


class Answer(NamedTuple):
    """What came out; `output` is None when rendering failed, and `error` is then Go's own text."""

    output: bytes | None
    error: str


def ask(program: Path, questions: Iterable[Question]) -> list[Answer]:
    """The answers to all questions, by one run of the program."""
    sent = b"".join(struct.pack(">I", len(text)) + text for text in map(_encoded, questions))
    said = subprocess.run([program], input=sent, stdout=subprocess.PIPE, check=True).stdout
    answers: list[Answer] = []
    place = 0
    while place < len(said):
        (size,) = struct.unpack_from(">I", said, place)
        answers.append(_answer(json.loads(said[place + 4 : place + 4 + size])))
        place += 4 + size
    return answers


def functions(program: Path) -> set[str]:
    """The names of the functions of sprig that the judge offers."""
    return set(json.loads(subprocess.run([program, "functions"], stdout=subprocess.PIPE, check=True).stdout))


def _encoded(question: Question) -> bytes:
    asked: dict[str, Any] = {"template": b64encode(question.template).decode(), "plain": question.is_plain}
    if question.strings is not None:
        asked["strings"] = {name: b64encode(value).decode() for name, value in question.strings.items()}
    elif question.data is not None:
        asked["json"] = question.data
    return json.dumps(asked).encode()


def _answer(said: dict[str, str]) -> Answer:
    if "error" in said:
        return Answer(None, said["error"])
    return Answer(b64decode(said.get("output", "")), "")
