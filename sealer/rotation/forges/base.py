"""What is asked of a forge: which requests there are for a branch, and a new one. Opening twice finds the first."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple, Protocol

from engine.errors import KsealError

State = Literal["opened", "open", "merged", "closed"]
_MOST_TEXT: Final = 30_000
"""Characters of a description; GitHub takes 65 536."""


class ForgeError(KsealError):
    """A forge could not be asked, or says no; `status` is that of its answer, None where there was none."""

    def __init__(self, message: str, hint: str | None = None, *, status: int | None = None) -> None:
        super().__init__(message, hint)
        self.status = status


class Proposal(NamedTuple):
    """A request to merge `branch` into `base`, whose last commit is `commit`."""

    branch: str
    base: str
    commit: str
    title: str
    text: str


class Request(NamedTuple):
    """One request on the forge."""

    url: str
    state: State
    commit: str
    """The last commit of its branch, as the forge knows it."""


class Forge(Protocol):
    """One repository on one forge."""

    def requests(self, branch: str, base: str) -> Sequence[Request]:
        """All requests from one branch of the repository to another, the youngest first. Raises: ForgeError."""
        ...

    def open(self, proposal: Proposal) -> Request:
        """Raises: ForgeError, with status 409 or 422 where the forge has such a request already."""
        ...


def propose(forge: Forge, proposal: Proposal) -> Request:
    """The request for a branch: the one that is open, the one in which its last commit was merged or turned down, or a
    new one.

    Raises: ForgeError.
    """
    if found := _found(forge, proposal):
        return found
    try:
        return forge.open(proposal)
    except ForgeError as error:
        if error.status in (409, 422) and (found := _found(forge, proposal)):
            return found  # somebody else opened it between the two questions
        raise


def described(message: str) -> tuple[str, str]:
    """Title and text of a request, from the message of its commit. Names of files are shown as they are: whoever chose
    them cannot mention people or draw links by them."""
    title, _, rest = message.strip().partition("\n")
    text = rest.strip()
    if len(text) > _MOST_TEXT:
        text = text[:_MOST_TEXT].rpartition("\n")[0] + "\n…"
    return title, f"```text\n{text}\n```\n"


def text_at(raw: object, *path: str) -> str:
    """A text of an answer; empty for an absent one, for it is nothing to end the work for."""
    for key in path:
        raw = raw.get(key) if isinstance(raw, Mapping) else None
    return raw if isinstance(raw, str) else ""


def items(answer: Any) -> list[Any]:
    """The entries of a list. Raises: ForgeError for any other answer."""
    if not isinstance(answer, list):
        raise ForgeError("the forge's answer is no list of requests", "is the address that of its web pages?")
    return answer


def address(answer: object, field: str) -> str:
    """The URL of a request. Raises: ForgeError where an answer has none."""
    url = text_at(answer, field)
    if not url.startswith(("https://", "http://")) or not url.isprintable():
        raise ForgeError("the forge's answer names no request", "is the address that of its web pages?")
    return url


def _found(forge: Forge, proposal: Proposal) -> Request | None:
    requests = forge.requests(proposal.branch, proposal.base)
    still = next((one for one in requests if one.state == "open"), None)
    return still or next((one for one in requests if one.commit == proposal.commit), None)
