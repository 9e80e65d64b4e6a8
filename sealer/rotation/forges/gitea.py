"""Pull requests on Gitea and Forgejo. Source: the API description that each server has at `/api/swagger`, version 1."""

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote

from sealer.rotation.forges.base import Proposal, Request, address, items, text_at
from sealer.rotation.forges.wire import Wire

NEEDS: Final = "the token needs read and write for repositories (write:repository)"
_PAGE: Final = 50
"""What a server gives at most, unless it was set up for less."""
_MOST_PAGES: Final = 20


class Gitea:
    """One repository. `api` is `https://HOST/api/v1`."""

    def __init__(self, api: str, repository: str, token: str) -> None:
        """`repository` is `OWNER/NAME`. Raises: ForgeError."""
        self._wire = Wire(api, {"Authorization": f"token {token}"}, token=token, needs=NEEDS)
        self._path = f"/repos/{quote(repository)}/pulls"

    def requests(self, branch: str, base: str) -> Sequence[Request]:
        """The API has no search by branch that all versions know, so the latest thousand are looked through."""
        found: list[Request] = []
        for page in range(1, _MOST_PAGES + 1):
            raws = items(self._wire.get(self._path, state="all", sort="recentupdate", page=str(page), limit=str(_PAGE)))
            found += [_request(raw) for raw in raws if _is_between(raw, branch, base)]
            if not raws or any(one.state == "open" for one in found):
                break
        return found

    def open(self, proposal: Proposal) -> Request:
        value = {"title": proposal.title, "body": proposal.text, "head": proposal.branch, "base": proposal.base}
        return _request(self._wire.post(self._path, value))._replace(state="opened")


def _is_between(raw: Any, branch: str, base: str) -> bool:
    """Whether a request goes from one branch to another of the same repository, and from no fork's."""
    ends = [raw.get(end) if isinstance(raw, dict) else None for end in ("head", "base")]
    head_id, base_id = (end.get("repo_id") if isinstance(end, dict) else None for end in ends)
    return head_id == base_id and (text_at(raw, "head", "ref"), text_at(raw, "base", "ref")) == (branch, base)


def _request(raw: Any) -> Request:
    is_merged = isinstance(raw, dict) and raw.get("merged") is True
    state: Any = "open" if text_at(raw, "state") == "open" else "merged" if is_merged else "closed"
    return Request(address(raw, "html_url"), state, text_at(raw, "head", "sha"))
