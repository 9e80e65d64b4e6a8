"""Flux's substitution after a build as a judge: a child process (go/envsubstjudge) that runs its envsubst."""

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

from tests.kit.jsonjudge import JsonJudge


class EnvsubstJudge(JsonJudge):
    """One child process for any number of questions."""

    def text(self, text: str, variables: Mapping[str, str], *, strict: bool) -> str | None:
        """What becomes of a text, bytes that are no UTF-8 as surrogates; None where Flux refuses."""
        return self._ask("text", text, variables, strict)

    def obj(self, obj: dict[str, Any], variables: Mapping[str, str], *, strict: bool) -> Any:
        """What becomes of an object; None where Flux refuses."""
        said = self._ask("object", json.dumps(obj, ensure_ascii=False), variables, strict)
        return None if said is None else json.loads(said)

    def _ask(self, what: str, text: str, variables: Mapping[str, str], strict: bool) -> str | None:
        asked = {what: b64encode(text.encode()).decode(), "variables": dict(variables), "strict": strict}
        said = self.ask(asked)
        return None if said["error"] else b64decode(said["text"] or "").decode(errors="surrogateescape")
