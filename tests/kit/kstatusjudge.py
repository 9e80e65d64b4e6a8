"""Flux's judgement of objects as a judge: a child process (go/kstatusjudge) that runs its kstatus and its CEL."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from tests.kit.jsonjudge import JsonJudge


class Answer(NamedTuple):
    """What Flux says; `error` is its own text, and the rest empty then."""

    status: str
    message: str
    error: str


class KstatusJudge(JsonJudge):
    """One child process for any number of questions."""

    def by_rules(self, obj: dict[str, Any]) -> Answer:
        """The verdict of kstatus, with Flux's rule for Jobs."""
        return Answer(**self.ask({"object": obj}))

    def by_expressions(self, obj: dict[str, Any], expressions: Mapping[str, str]) -> Answer:
        """The verdict of health expressions: `current`, `failed`, `inProgress`."""
        return Answer(**self.ask({"object": obj, "expressions": dict(expressions)}))

    def is_ready(self, expression: str, own: dict[str, Any], dep: dict[str, Any]) -> bool | None:
        """What a readiness expression says with `self` and `dep`; None where Flux refuses."""
        said = Answer(**self.ask({"object": dep, "self": own, "ready": expression}))
        return None if said.error else said.status == "true"
