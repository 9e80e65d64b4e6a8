"""Flux's substitution after a build as a judge: a child process (go/envsubstjudge) that runs its envsubst."""

from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tests.kit import jsonjudge


class Question(NamedTuple):
    """A text, or with `is_object` the YAML or JSON of one object, and the variables."""

    text: str
    variables: Mapping[str, str]
    is_strict: bool = False
    is_object: bool = False


class Answer(NamedTuple):
    """What came out, of an object its JSON; `text` is None when that failed, and `error` is then Go's own text."""

    text: str | None
    error: str


def ask(program: Path, questions: Iterable[Question]) -> list[Answer]:
    """The answers to all questions, by one run of the program."""
    return [_answer(said) for said in jsonjudge.ask(program, map(_asked, questions))]


def _asked(question: Question) -> dict[str, Any]:
    return {
        "object" if question.is_object else "text": b64encode(question.text.encode()).decode(),
        "variables": dict(question.variables),
        "strict": question.is_strict,
    }


def _answer(said: dict[str, Any]) -> Answer:
    if said["error"]:
        return Answer(None, said["error"])
    return Answer(b64decode(said["text"] or "").decode(), "")
