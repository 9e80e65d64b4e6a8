"""Merge requests on GitLab. Source: docs.gitlab.com/api/merge_requests, API version 4."""

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote

from sealer.rotation.forges.base import Proposal, Request, address, items, text_at
from sealer.rotation.forges.wire import Wire

NEEDS: Final = (
    "the token needs the scope api and at least the role Developer in the project; a CI_JOB_TOKEN cannot open merge "
    "requests, a project access token can"
)


class GitLab:
    """One project. `api` is `https://HOST/api/v4`."""

    def __init__(self, api: str, repository: str, token: str) -> None:
        """`repository` is the project's path with its groups. Raises: ForgeError."""
        self._wire = Wire(api, {"PRIVATE-TOKEN": token}, token=token, needs=NEEDS)
        self._path = f"/projects/{quote(repository, safe='')}/merge_requests"

    def requests(self, branch: str, base: str) -> Sequence[Request]:
        found = self._wire.get(self._path, source_branch=branch, target_branch=base, state="all", per_page="50")
        return [_request(raw) for raw in items(found)]

    def open(self, proposal: Proposal) -> Request:
        value = {
            "title": proposal.title,
            "description": proposal.text,
            "source_branch": proposal.branch,
            "target_branch": proposal.base,
            "remove_source_branch": True,
        }
        return _request(self._wire.post(self._path, value))._replace(state="opened")


def _request(raw: Any) -> Request:
    said = text_at(raw, "state")  # opened, closed, locked (while it is being merged), merged
    state: Any = {"opened": "open", "locked": "open", "merged": "merged"}.get(said, "closed")
    return Request(address(raw, "web_url"), state, text_at(raw, "sha"))
