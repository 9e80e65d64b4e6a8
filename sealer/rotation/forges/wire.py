"""JSON over HTTPS to the API of a forge. The token goes to that one host and nowhere else: no redirect is followed, and
plain http is for servers on this machine. Answers are bounded in size and time."""

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.message import Message
from http.client import HTTPException, HTTPMessage
from io import BufferedIOBase
from typing import IO, Any, Final, cast
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, ProxyHandler, Request, build_opener

from engine.git.address import LOOPBACK
from sealer.fetch import read_body
from sealer.rotation.forges.base import ForgeError

MOST_BYTES: Final = 8 << 20
TIMEOUT_SECONDS: Final = 30.0
_MOST_WORDS: Final = 300
_MOST_DIGITS: Final = 11
"""Of a number that a header has: a time in seconds."""


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(  # noqa: PLR0917  # the base class's signature
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        """None makes the opener report the answer as an error."""


class Wire:
    """One API. `token` is in `headers`, and given apart so that no error repeats it; `needs` says what it must be
    allowed to do, as the cure for a refusal."""

    def __init__(
        self, api: str, headers: Mapping[str, str], *, token: str, needs: str, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> None:
        """Raises: ForgeError for an address to which no token goes."""
        parts = urlsplit(api)
        is_here = parts.hostname in LOOPBACK
        if parts.scheme != "https" and not (is_here and parts.scheme == "http"):
            raise ForgeError(f"{api}: tokens do not travel over plain http", "use https")
        self._api, self._host, self._needs, self._token = api, parts.netloc, needs, token
        self._headers = {**headers, "User-Agent": "kseal", "Content-Type": "application/json"}
        self._timeout_seconds = timeout_seconds
        self._opener: OpenerDirector = build_opener(_NoRedirects(), *([ProxyHandler({})] if is_here else []))

    def get(self, path: str, **query: str) -> Any:
        """Raises: ForgeError."""
        return self._call(Request(f"{self._api}{path}?{urlencode(query)}"))  # noqa: S310  # __init__ looked

    def post(self, path: str, value: object) -> Any:
        """Raises: ForgeError."""
        data = json.dumps(value).encode()
        return self._call(Request(self._api + path, data, method="POST"))  # noqa: S310  # __init__ looked

    def _call(self, request: Request) -> Any:
        until = time.monotonic() + self._timeout_seconds
        for name, value in self._headers.items():
            request.add_header(name, value)
        try:
            with self._opener.open(request, timeout=self._timeout_seconds) as answer:
                return json.loads(read_body(answer, MOST_BYTES, until=until))
        except HTTPError as error:
            with error:
                raise self._refusal(error, until) from None  # the cause has the request, and with it the token
        except TimeoutError:
            what = f"no complete answer within {self._timeout_seconds:g} s"
        except URLError as error:
            what = str(error.reason)
        except (OSError, HTTPException, ValueError, RecursionError) as error:
            what = f"the answer cannot be read ({type(error).__name__})"
        raise ForgeError(f"{self._host}: {what}", "try again later, or name another address with --forge KIND=URL")

    def _refusal(self, answer: HTTPError, until: float) -> ForgeError:
        """What the status means, with the forge's own words."""
        code = answer.code
        said = self._words(answer, until)
        if code == 429 or (
            code == 403 and (answer.headers.get("x-ratelimit-remaining") == "0" or "rate limit" in said)
        ):
            what, cure = "the limit of requests is reached", _when(answer.headers)
        elif code == 401:
            what, cure = "the token is not accepted", f"it may have run out, or be for another host; {self._needs}"
        elif code == 403:
            what, cure = "the token may not do this", self._needs
        elif code == 404:
            what, cure = "there is no such repository for this token", f"is the remote's address right? {self._needs}"
        elif code < 400:
            where = urlsplit(answer.headers.get("location") or "").hostname or "another address"
            what = f"the API sends its callers on to {where}, and a token does not follow"
            cure = "give the remote its new address, or name it with --forge KIND=URL"
        elif code >= 500:
            what, cure = "the forge has trouble of its own", "try again later"
        else:
            what, cure = "the request is refused", "look at the branches on the forge's pages"
        return ForgeError(f"{self._host}: {what} ({code}{f': {said}' if said else ''})", cure, status=code)

    def _words(self, answer: HTTPError, until: float) -> str:
        """The texts of an error on one line; empty where they cannot be read, for the status says the most."""
        try:
            raw = json.loads(read_body(cast(BufferedIOBase, answer.fp), MOST_BYTES, until=until))
        except (OSError, HTTPException, ValueError, RecursionError):
            return ""
        fields = ("message", "errors", "error", "error_description")
        named = [raw.get(key) for key in fields] if isinstance(raw, dict) else []
        words = "; ".join(dict.fromkeys(text for value in named for text in _texts(value)))
        return " ".join(words.replace(self._token, "…").split())[:_MOST_WORDS]


def _texts(value: object, depth: int = 0) -> list[str]:
    """The texts in an error: one, a list, lists by field, or objects that have a message of their own."""
    if isinstance(value, str):
        return [value]
    inner = value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else []
    if isinstance(value, dict) and "message" in value:
        inner = [value["message"]]
    return [text for one in inner[:10] for text in _texts(one, depth + 1)] if depth < 3 else []


def _when(headers: Message) -> str:
    """When to come back, as far as the forge says."""
    if (after := headers.get("retry-after") or "").isdecimal() and len(after) <= _MOST_DIGITS:
        return f"try again in {int(after)} s"
    reset = headers.get("x-ratelimit-reset") or headers.get("ratelimit-reset") or ""
    if reset.isdecimal() and len(reset) <= _MOST_DIGITS:
        return f"try again after {datetime.fromtimestamp(int(reset), UTC):%H:%M} UTC"
    return "try again later"
