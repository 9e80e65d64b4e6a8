"""The YAML store of SOPS as a judge: a child process (go/sopsyaml) that says what it makes of documents and trees."""

import json
import struct
import subprocess
from base64 import b64decode, b64encode
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sealer.sops.tree import Branch, Branches, Comment, Timestamp, to_bytes, to_text

Question = tuple[str, bytes]


def tree_of(document: bytes) -> Question:
    """What the store reads; the answer is for `branches_of`."""
    return "T", document


def emission_of(document: bytes) -> Question:
    """What the store writes of what it reads."""
    return "P", document


def text_of(branches: Branches, indent: int = 0) -> Question:
    """What the store writes of branches."""
    asked = {"indent": indent, "branches": [_told(branch) for branch in branches]}
    return "W", json.dumps(asked).encode()


def ask(program: Path, questions: Iterable[Question]) -> list[bytes | None]:
    """The answers to all questions, by one run of the program; None where the store refuses."""
    sent = b"".join(mark.encode() + struct.pack(">I", len(text)) + text for mark, text in questions)
    said = subprocess.run([program], input=sent, stdout=subprocess.PIPE, check=True).stdout
    answers: list[bytes | None] = []
    place = 0
    while place < len(said):
        mark, size = struct.unpack_from(">cI", said, place)
        place += 5 + size
        answers.append(said[place - size : place] if mark == b"+" else None)
    return answers


def branches_of(answer: bytes) -> Branches:
    """The branches that an answer about a tree tells of."""
    return [_heard(told) for told in json.loads(answer)]


def _told(value: Any) -> dict[str, Any]:
    match value:
        case Branch():
            return {"branch": [[_told(key), _told(item)] for key, item in value]}
        case list():
            return {"list": [_told(item) for item in value]}
        case Comment():
            return {"comment": [_encoded(value.text), value.inline]}
        case str():
            return {"str": _encoded(value)}
        case bool():
            return {"bool": value}
        case int():
            return {"int": str(value)}
        case float():
            return {"float": repr(value)}
        case Timestamp():
            return {"time": value.text}
        case _:
            return {"null": True}


def _heard(told: dict[str, Any]) -> Any:
    ((kind, content),) = told.items()
    match kind:
        case "branch":
            return Branch((_heard(key), _heard(item)) for key, item in content)
        case "list":
            return [_heard(item) for item in content]
        case "comment":
            return Comment(to_text(b64decode(content[0])), inline=content[1])
        case "str":
            return to_text(b64decode(content))
        case "int":
            return int(content)
        case "float":
            return float(content)
        case "time":
            return Timestamp(content)
        case "bool":
            return content
        case "null":
            return None
        case _:
            return f"odd: {content}"


def _encoded(text: str) -> str:
    return b64encode(to_bytes(text)).decode()
