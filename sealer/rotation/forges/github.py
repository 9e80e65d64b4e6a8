"""Pull requests on GitHub. Source: docs.github.com/rest/pulls/pulls, version 2022-11-28."""

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote

from sealer.rotation.forges.base import Proposal, Request, address, items, text_at
from sealer.rotation.forges.wire import Wire

NEEDS: Final = (
    'a fine-grained token needs "Pull requests: write" for this repository, a classic one the scope repo; in Actions '
    "the job needs the permission pull-requests: write, and the repository's settings have to let Actions open them"
)


class GitHub:
    """One repository. `api` is `https://api.github.com`, or `https://HOST/api/v3` of an Enterprise server."""

    def __init__(self, api: str, repository: str, token: str) -> None:
        """`repository` is `OWNER/NAME`. Raises: ForgeError."""
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {token}",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        self._wire = Wire(api, headers, token=token, needs=NEEDS)
        self._owner = repository.partition("/")[0]
        self._path = f"/repos/{quote(repository)}/pulls"

    def requests(self, branch: str, base: str) -> Sequence[Request]:
        found = self._wire.get(self._path, head=f"{self._owner}:{branch}", base=base, state="all", per_page="50")
        return [_request(raw) for raw in items(found)]

    def open(self, proposal: Proposal) -> Request:
        value = {"title": proposal.title, "body": proposal.text, "head": proposal.branch, "base": proposal.base}
        return _request(self._wire.post(self._path, value))._replace(state="opened")


def _request(raw: Any) -> Request:
    merged = "merged" if text_at(raw, "merged_at") else "closed"
    state: Any = "open" if text_at(raw, "state") == "open" else merged
    return Request(address(raw, "html_url"), state, text_at(raw, "head", "sha"))
