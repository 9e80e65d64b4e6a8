"""Requests to one API server, each answered by a response or one of `engine.kube.errors`.

Here live what all requests share: credentials, the rate limit, repeats, size limits and the wording of failures.
"""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Self

from engine.kube.config import Connection
from engine.kube.credentials import Headers
from engine.kube.errors import ApiError, TooLarge, Unreachable
from engine.kube.http import retry
from engine.kube.http.broken import Broken, Stage
from engine.kube.http.ratelimit import RateLimiter
from engine.kube.http.transport import Opened, Response, TooMuch, Transport
from engine.kube.message import JSON, Query, status_in, url
from engine.kube.status import Target, refusal
from engine.version import VERSION

REQUEST_LIMIT = 3 << 20
"""Bytes that the API server takes in a request. Source: k8s.io/apiserver pkg/server/config.go, MaxRequestBodyBytes."""
RESPONSE_LIMIT = 64 << 20
"""Bytes taken in one answer: 500 objects of common size are 2 MB, 500 releases of Helm may be hundreds."""
ERROR_LIMIT = 1 << 20  # bytes of a refusal to a watch

_VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_USER_AGENT = f"kseal/{VERSION} ({sys.platform}/{os.uname().machine})"


class Session:
    """Blocking; any number of threads. `close` ends whatever is under way."""

    def __init__(
        self,
        connection: Connection,
        *,
        timeout_seconds: float = 10.0,
        connect_timeout_seconds: float = 5.0,
        limiter: RateLimiter | None = None,
        user_agent: str = _USER_AGENT,
        write_gate: Callable[[], None] | None = None,
    ) -> None:
        """`timeout_seconds` is for each wait for the server, not for a whole answer: a long list may take its time.
        A connection has to stand after the shorter of the two.

        `write_gate` is called right before each request that is not a GET is sent, repeats included, and raises when
        it must not be: how one of several replicas is kept from writing after its time.
        Raises: ConfigError for a proxy that cannot be used.
        """
        self._connection = connection
        self._timeouts = {
            "timeout_seconds": timeout_seconds,
            "connect_timeout_seconds": min(connect_timeout_seconds, timeout_seconds),
        }
        self._limiter = limiter
        self._user_agent = user_agent
        self._write_gate = write_gate
        self._transport = Transport(connection, **self._timeouts)
        self._closed = threading.Event()

    @property
    def connection(self) -> Connection:
        """Where this client speaks to, and as whom."""
        return self._connection

    def sibling(self) -> Self:
        """Another client of the same server and rate limit, whose `close` ends nothing of this one's."""
        return type(self)(
            self._connection,
            limiter=self._limiter,
            user_agent=self._user_agent,
            write_gate=self._write_gate,
            **self._timeouts,
        )

    def close(self) -> None:
        """End all requests and streams in whatever threads they run: they raise Unreachable, as all later ones do."""
        self._closed.set()
        self._transport.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: bytes | None = None,
        headers: Headers | None = None,
        accept: str = JSON,
        target: Target | None = None,
        is_harmless_twice: bool = False,
    ) -> Response:
        """The answer to one request, when it is a success (2xx).

        `headers` needs a Content-Type when there is a body. `target` is for the errors and defaults to the path.
        `is_harmless_twice` lets a write be repeated when a kept connection ends before an answer begins.

        Raises: ApiError, ConfigError, LoginError, and what the write gate raises.
        """
        target = target or Target.of_path(path, _VERBS.get(method, method))
        if body is not None and len(body) > REQUEST_LIMIT:
            size = f"{len(body) / (1 << 20):.1f} MiB"
            raise TooLarge(f"{target.text}: too large: {size}, and the API server takes {REQUEST_LIMIT >> 20} MiB")
        own: Headers = [("User-Agent", self._user_agent), ("Accept", accept), *(headers or ())]
        call = _Call(method, url(path, query), own, body, target=target, is_harmless_twice=is_harmless_twice)
        while True:
            self._wait_for_turn(target)
            outcome = self._try(call)
            if isinstance(outcome, Response):
                return outcome
            self._pause(outcome, target)

    @contextmanager
    def stream(
        self,
        path: str,
        *,
        query: Query | None = None,
        accept: str = JSON,
        idle_seconds: float,
        target: Target | None = None,
    ) -> Iterator["Stream"]:
        """A GET whose answer comes line by line, as a watch does. One attempt: whoever watches knows how to resume.

        `idle_seconds` ends it when nothing comes for so long. Raises: as `request`.
        """
        target = target or Target.of_path(path, "watch")
        self._wait_for_turn(target)
        identity = self._connection.headers()
        own: Headers = [("User-Agent", self._user_agent), ("Accept", accept), *identity]
        try:
            with self._transport.open(url(path, query), own, timeout_seconds=idle_seconds) as opened:
                if opened.status != 200:
                    if opened.status == 401:
                        self._renew(identity)
                    pause = retry.seconds_named(opened.headers.get("Retry-After"))
                    raise self._refusal(target, opened.status, opened.read(ERROR_LIMIT), pause)
                yield Stream(opened)
        except Broken as broken:
            raise self._unreachable(target, broken) from broken.__cause__
        except TooMuch:
            raise self._too_large(target) from None

    def _try(self, call: "_Call") -> Response | float:
        """One attempt: the answer, or the seconds after which another one makes sense. Raises: as `request`."""
        call.attempts += 1
        identity = self._connection.headers()
        try:
            response = self._transport.exchange(
                call.method,
                call.url,
                call.headers + identity,
                call.body,
                limit=RESPONSE_LIMIT,
                before_sending=None if call.is_read else self._write_gate,
            )
        except TooMuch:
            raise self._too_large(call.target) from None
        except Broken as broken:
            delay = retry.after_broken(
                broken, attempt=call.attempts, is_read=call.is_read, is_harmless_twice=call.is_harmless_twice
            )
            if delay is None:
                raise self._unreachable(call.target, broken) from broken.__cause__
            return delay
        if 200 <= response.status < 300:
            return response
        if response.status == 401 and not call.has_renewed:
            call.has_renewed = True
            if self._renew(identity):
                return 0.0
        named = retry.seconds_named(response.headers.get("Retry-After"))
        delay = retry.after_answer(response.status, retry_after=named, attempt=call.attempts, is_read=call.is_read)
        if delay is None:
            raise self._refusal(call.target, response.status, response.body, named)
        return delay

    def _wait_for_turn(self, target: Target) -> None:
        if self._limiter is not None:
            self._limiter.acquire(lambda seconds: self._pause(seconds, target))

    def _pause(self, seconds: float, target: Target) -> None:
        if self._closed.wait(seconds):
            raise self._unreachable(target, Broken(Stage.CONNECTING, "the client is closed"))

    def _renew(self, refused: Headers) -> bool:
        """After 401: whether other credentials than the refused ones are to be had. Raises: ConfigError, LoginError."""
        presented = self._transport.certificate
        self._connection.credentials.renew()
        if self._connection.client_certificate() != presented:
            self._transport.drop_idle()
            return True
        return self._connection.headers() != refused

    def _refusal(self, target: Target, status: int, body: bytes, retry_after: float | None) -> ApiError:
        return refusal(target, status, status_in(body), origin=self._connection.origin, retry_after=retry_after)

    def _too_large(self, target: Target) -> TooLarge:
        return TooLarge(f"{target.text}: too large: the answer has more than {RESPONSE_LIMIT >> 20} MiB")

    def _unreachable(self, target: Target, broken: Broken) -> Unreachable:
        where = broken.stage.value.format(self._connection.server)
        hint = broken.hint or f"the server's address is from {self._connection.origin}"
        if broken.sent and target.verb not in ("get", "list", "watch"):
            hint = "the server may have done it nevertheless: look before you try again"
        return Unreachable(f"{target.text}: {where}: {broken.why}", hint, sent=broken.sent)


class _Call:
    """A request and the story of its attempts."""

    def __init__(
        self, method: str, url: str, headers: Headers, body: bytes | None, *, target: Target, is_harmless_twice: bool
    ) -> None:
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.target = target
        self.is_read = method == "GET"
        self.is_harmless_twice = is_harmless_twice
        self.attempts = 0
        self.has_renewed = False


class Stream:
    """Lines of an answer that is still coming. What breaks it, `Session.stream` turns into errors of ours."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened

    def lines(self) -> Iterator[bytes]:
        """Each as soon as it is complete; ends when the server ends the answer. Raises: Broken, TooMuch."""
        return self._opened.lines(RESPONSE_LIMIT)

    def close(self) -> None:
        """End it now, from any thread."""
        self._opened.abort()
