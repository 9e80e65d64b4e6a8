"""Plain calls to an API server for the harness itself.

Set-up and assertions must not go through the client under test: a fault there would hide itself.
"""

import http.client
import json
import ssl
from typing import Any
from urllib.parse import urlsplit

_TIMEOUT_SECONDS = 30.0


class Refused(Exception):
    """The API server answered with an error status."""

    def __init__(self, method: str, path: str, status: int, text: str) -> None:
        super().__init__(f"{method} {path}: {status} {text}")
        self.status = status


class ApiCalls:
    """One request, one connection, as the bearer of one token."""

    def __init__(self, server: str, authority: bytes, token: str) -> None:
        address = urlsplit(server)
        self._host, self._port = address.hostname or "", address.port or 443
        self._tls = ssl.create_default_context(cadata=authority.decode())
        self._token = token

    def text(self, method: str, path: str, body: Any = None, *, content_type: str = "application/json") -> str:
        """The body of the answer. Raises: Refused on a status of 300 and more, OSError when there is no server."""
        connection = http.client.HTTPSConnection(self._host, self._port, context=self._tls, timeout=_TIMEOUT_SECONDS)
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": content_type}
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            text = response.read().decode()
        except http.client.HTTPException as error:
            raise ConnectionError(f"{method} {path}: {error!r}") from error
        finally:
            connection.close()
        if response.status >= 300:
            raise Refused(method, path, response.status, text)
        return text

    def json(self, method: str, path: str, body: Any = None, *, content_type: str = "application/json") -> Any:
        """The body of the answer, parsed."""
        return json.loads(self.text(method, path, body, content_type=content_type))

    def find(self, path: str) -> dict[str, Any] | None:
        """The object there; None when there is none."""
        try:
            found: dict[str, Any] = self.json("GET", path)
        except Refused as error:
            if error.status != http.client.NOT_FOUND:
                raise
            return None
        return found

    def answers(self, path: str) -> bool:
        """Whether the server is there and says yes."""
        try:
            self.text("GET", path)
        except (OSError, Refused):
            return False
        return True

    def ensure(self, path: str, body: Any) -> None:
        """Create an object unless one of its name is there."""
        try:
            self.text("POST", path, body)
        except Refused as error:
            if error.status != http.client.CONFLICT:
                raise
