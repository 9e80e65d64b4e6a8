"""Flux's judgement of objects as a judge: a child process (go/kstatusjudge) that runs its kstatus and its CEL."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from tests.kit import jsonjudge


class Question(NamedTuple):
    """An object; with `expressions` (current, failed, inProgress) by those; with `ready` as `dep` beside `self`."""

    obj: dict[str, Any]
    expressions: dict[str, str] | None = None
    ready: str = ""
    self: dict[str, Any] = {}  # noqa: RUF012  named as in the expressions; nobody changes it


class Answer(NamedTuple):
    """What Flux says; `error` is its own text, and the rest empty then."""

    status: str
    message: str
    error: str


def ask(program: Path, questions: Iterable[Question]) -> list[Answer]:
    """The answers to all questions, by one run of the program."""
    asked = ({"object": q.obj, "expressions": q.expressions, "ready": q.ready, "self": q.self} for q in questions)
    return [Answer(**said) for said in jsonjudge.ask(program, asked)]
