"""Pull requests as GitHub, GitLab and Gitea have them: servers of ours that speak the published APIs, over repositories
that tests/kit/gitserver.py serves. A request is opened for branches that are really there, and once only.

Sources: docs.github.com/rest/pulls/pulls; docs.gitlab.com/api/merge_requests; /api/swagger of Gitea.
"""

import json
import subprocess
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from tests.kit import real
from tests.kit.gitserver import Answer

TOKEN = "token-of-a-robot"


@dataclass
class Opened:
    """One request; `state` is open, merged or closed."""

    head: str
    base: str
    title: str
    text: str
    state: str = "open"
    sha: str = ""


@dataclass
class ForgeServer(ABC):
    """One repository and its requests. `refusal` is answered once to the next call, in place of its answer."""

    folder: Path
    url: str = ""
    opened: list[Opened] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    refusal: Answer | None = None
    refused_method: str = "POST"
    repository: ClassVar[str] = "team/clusters"
    path: ClassVar[str]
    """Where the requests are."""
    exists: ClassVar[int] = 422
    """The status for a request that is there."""

    def __call__(self, method: str, path: str, headers: Message, body: bytes) -> Answer:
        self.asked.append(method)
        if self.refusal and method == self.refused_method:
            refusal, self.refusal = self.refusal, None
            return refusal
        if not self.knows(headers):
            return self.error(401, "401 Unauthorized")
        address = urlsplit(path)
        if address.path != self.path:
            return self.error(404, "Not Found")
        if method == "GET":
            query = {key: values[0] for key, values in parse_qs(address.query).items()}
            return answer(200, [self.shown(one, number) for number, one in self.found(query)])
        return self.open(self.read(json.loads(body)))

    def open(self, wanted: Opened) -> Answer:
        wanted.sha, base = self.commit(wanted.head), self.commit(wanted.base)
        if not wanted.sha or not base or wanted.sha == base:
            return self.error(422, f"No commits between {wanted.base} and {wanted.head}")
        if any((one.head, one.base, one.state) == (wanted.head, wanted.base, "open") for one in self.opened):
            return self.error(self.exists, "a pull request exists already")
        self.opened.append(wanted)
        return answer(201, self.shown(wanted, len(self.opened)))

    def commit(self, branch: str) -> str:
        """What a branch of the bare repository is at; empty for none."""
        command: list[str | Path] = [real.require("git"), "rev-parse", "--verify", "--quiet", f"refs/heads/{branch}"]
        where = self.folder / f"{self.repository}.git"
        done = subprocess.run(command, cwd=where, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    @abstractmethod
    def knows(self, headers: Message) -> bool:
        """Whether the token is there, in the way of this forge."""

    @abstractmethod
    def found(self, query: dict[str, str]) -> list[tuple[int, Opened]]:
        """The requests that a search names, the youngest first, with their numbers."""

    @abstractmethod
    def read(self, raw: dict[str, Any]) -> Opened:
        """What is asked for."""

    @abstractmethod
    def shown(self, one: Opened, number: int) -> dict[str, Any]:
        """A request as the API describes it."""

    def error(self, status: int, message: str) -> Answer:
        return answer(status, {"message": message})

    def numbered(self) -> list[tuple[int, Opened]]:
        return list(enumerate(self.opened, 1))[::-1]


class GitHubServer(ForgeServer):
    """Finds by `head=OWNER:BRANCH`; a second request is a validation error."""

    path = "/api/v3/repos/team/clusters/pulls"

    def knows(self, headers: Message) -> bool:
        return headers["Authorization"] == f"Bearer {TOKEN}" and headers["X-GitHub-Api-Version"] == "2022-11-28"

    def found(self, query: dict[str, str]) -> list[tuple[int, Opened]]:
        wanted = (query["head"], query["base"])
        return [(number, one) for number, one in self.numbered() if (f"team:{one.head}", one.base) == wanted]

    def read(self, raw: dict[str, Any]) -> Opened:
        return Opened(raw["head"], raw["base"], raw["title"], raw["body"])

    def shown(self, one: Opened, number: int) -> dict[str, Any]:
        return {
            "html_url": f"{self.url}/team/clusters/pull/{number}",
            "state": "open" if one.state == "open" else "closed",
            "merged_at": "2026-01-01T00:00:00Z" if one.state == "merged" else None,
            "head": {"ref": one.head, "sha": one.sha},
        }

    def error(self, status: int, message: str) -> Answer:
        errors = [{"resource": "PullRequest", "code": "custom", "message": message}] if status == 422 else []
        return answer(status, {"message": "Validation Failed" if errors else message, "errors": errors})


class GitLabServer(ForgeServer):
    """Projects are named by their escaped path; a second request is a conflict, in a list of messages."""

    path = "/api/v4/projects/team%2Fclusters/merge_requests"
    exists = 409

    def knows(self, headers: Message) -> bool:
        return bool(headers["PRIVATE-TOKEN"] == TOKEN)

    def found(self, query: dict[str, str]) -> list[tuple[int, Opened]]:
        wanted = (query["source_branch"], query["target_branch"])
        return [(number, one) for number, one in self.numbered() if (one.head, one.base) == wanted]

    def read(self, raw: dict[str, Any]) -> Opened:
        assert raw["remove_source_branch"] is True
        return Opened(raw["source_branch"], raw["target_branch"], raw["title"], raw["description"])

    def shown(self, one: Opened, number: int) -> dict[str, Any]:
        state = "opened" if one.state == "open" else one.state
        return {"web_url": f"{self.url}/team/clusters/-/merge_requests/{number}", "state": state, "sha": one.sha}

    def error(self, status: int, message: str) -> Answer:
        return answer(status, {"message": [message]})


class GiteaServer(ForgeServer):
    """Lists all requests, page by page, whatever they are between."""

    path = "/api/v1/repos/team/clusters/pulls"
    exists = 409

    def knows(self, headers: Message) -> bool:
        return bool(headers["Authorization"] == f"token {TOKEN}")

    def found(self, query: dict[str, str]) -> list[tuple[int, Opened]]:
        assert query["state"] == "all"
        size, page = int(query["limit"]), int(query["page"])
        return self.numbered()[size * (page - 1) : size * page]

    def read(self, raw: dict[str, Any]) -> Opened:
        return Opened(raw["head"], raw["base"], raw["title"], raw["body"])

    def shown(self, one: Opened, number: int) -> dict[str, Any]:
        return {
            "html_url": f"{self.url}/team/clusters/pulls/{number}",
            "state": "open" if one.state == "open" else "closed",
            "merged": one.state == "merged",
            "head": {"ref": one.head, "sha": one.sha, "repo_id": 1},
            "base": {"ref": one.base, "repo_id": 1},
        }


def answer(status: int, value: object, **headers: str) -> Answer:
    """An answer in JSON; names of headers are written with `_` for `-`."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return status, {"Content-Type": "application/json", **named}, json.dumps(value).encode()
