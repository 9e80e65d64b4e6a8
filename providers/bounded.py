"""Answers over HTTP with an end: so many bytes and so many seconds, for libraries that would read for ever.

The address of a server may come from a file that a stranger wrote.
"""

import io
import time
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

LIMIT_BYTES: Final = 1024 * 1024
LIMIT_SECONDS: Final = 30.0
_AT_ONCE: Final = 64 * 1024


class TooMuch(requests.RequestException):
    """An answer is too long, or too slow."""


def session() -> requests.Session:
    """A session of requests whose answers are read at once, and only so far."""
    made = requests.Session()
    for scheme in ("https://", "http://"):
        made.mount(scheme, _Bounded())
    return made


class _Bounded(HTTPAdapter):
    def send(self, request: requests.PreparedRequest, *arguments: Any, **options: Any) -> requests.Response:
        """Raises: requests.RequestException, TooMuch among them."""
        try:
            return self._read(request, *arguments, **options)
        except HTTPError as error:  # requests lets those about names of hosts through, and answers are read here
            raise requests.ConnectionError(f"the answer cannot be read: {type(error).__name__}") from error

    def _read(self, request: requests.PreparedRequest, *arguments: Any, **options: Any) -> requests.Response:
        deadline = time.monotonic() + LIMIT_SECONDS
        response: requests.Response = super().send(request, *arguments, **{**options, "stream": True})
        body = bytearray()
        with response.raw as answer:
            while chunk := answer.read1(_AT_ONCE, decode_content=True):
                body += chunk
                if len(body) > LIMIT_BYTES or time.monotonic() > deadline:
                    raise TooMuch(f"more than {LIMIT_BYTES} bytes, or longer than {LIMIT_SECONDS:g} s", request=request)
        response.raw = io.BytesIO(body)
        return response
