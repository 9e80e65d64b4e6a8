"""Between Python values and the text of requests and answers."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import orjson

from engine.kube.errors import Unavailable
from engine.kube.http.transport import Response
from engine.kube.status import Target

JSON = "application/json"

Query = Mapping[str, str | None]
"""Parameters of a request; those that are None are left out."""


def parse(response: Response, target: Target) -> dict[str, Any]:
    """The object in an answer. Raises: Unavailable when something else than an API server has answered."""
    try:
        parsed = orjson.loads(response.body)
    except orjson.JSONDecodeError:
        parsed = None  # its error holds the whole text
    if not isinstance(parsed, dict):
        kind = response.headers.get_content_type()
        raise Unavailable(
            f"{target.text}: the answer is no JSON object ({kind})",
            "is this the address of a Kubernetes API server?",
            status=response.status,
        )
    return parsed


def status_in(body: bytes) -> dict[str, Any] | None:
    """The Status object in a refusal; None when it is something else."""
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return parsed if isinstance(parsed, dict) and parsed.get("kind") == "Status" else None


def url(path: str, query: Query | None) -> str:
    """Path and parameters as a request line has them. Raises: ValueError for a path that would end that line."""
    if not path.startswith("/") or not path.isprintable() or " " in path:
        raise ValueError(f"{path!r} is no path of a URL")
    pairs = {name: value for name, value in (query or {}).items() if value is not None}
    whole = path if path.isascii() else quote(path, safe="/%:@!$&'()*+,;=~")
    return f"{whole}?{urlencode(pairs)}" if pairs else whole
