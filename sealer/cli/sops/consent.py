"""A question that must be answered before anything is written, on standard output and input as the original has it."""

import sys

from sealer.cli.sops.call import GENERIC, Call, Failed


def is_given(call: Call, question: str) -> bool:
    """Ask until the answer is `y` or `n`. Raises: Failed when nobody gives one."""
    while True:
        call.say(question.encode())
        answer = sys.stdin.readline() if sys.stdin is not None else ""
        if not answer:
            raise Failed("nobody answers", GENERIC, "say --yes beforehand")
        if answer.strip() in {"y", "n"}:
            return answer.strip() == "y"
