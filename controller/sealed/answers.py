"""What the controller answers about one SealedSecret that somebody sends: does it open, by which keys, and resealed.

Nobody has to log in for it, so each step has a bound: the body, the requests per client and of all clients, how many
are in work, and how long one may take. The work is done by one thread at a time, so that it never takes more than one
core from the reconcilers. Templates are not rendered: an error of a template can quote plain values.

Source: sealed-secrets.md section 6, for paths, statuses and words; `/v1/identify` is ours.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Final, Protocol

import orjson

from controller.runtime.http import ANY_METHOD, Handler, Route
from controller.runtime.httpwire import Request, Response, text
from controller.runtime.limiter import Limiter, Verdict
from controller.settings import Http
from engine.errors import KsealError
from engine.kube.documents import Limits
from engine.kube.manifest import read
from sealer.keys import SealingKey
from sealer.reseal import opened_items, reseal
from sealer.ring import KeyRing
from sealer.sealedsecret import SealedSecret, parse

BODY_LIMIT: Final = 3 << 20
"""Bytes of a body: what the API server takes in a request, so no SealedSecret is larger."""
JSON: Final = "application/json"
AT_ONCE: Final = 8
"""Requests in work or waiting for it; more are told to come back."""
WORK_SECONDS: Final = 20.0
"""How long one request may work, and how long it may wait for its turn."""
PATIENCE_SECONDS: Final = 5.0
"""How long a request to reseal waits for its client's limit: kubeseal sends its documents without a pause."""
WAITING_AT_ONCE: Final = 4
"""Requests that wait for that; others are told to come back."""
GLOBAL_FACTOR: Final = 10
"""The limit of all clients together, in limits of one: a client can make up its X-Forwarded-For."""
_LIMITS: Final = Limits(bytes=BODY_LIMIT, depth=64, nodes=200_000, aliased=10_000, documents=2)


class Refusal(Exception):
    """An answer instead of work."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


class Keys(Protocol):
    """The keys of this moment; either raises KsealError where there is none."""

    @property
    def ring(self) -> KeyRing:
        """All of them."""

    @property
    def newest(self) -> SealingKey:
        """The one that seals."""


class Answers:
    """The handlers, over keys that are always the present ones."""

    def __init__(
        self, keys: Keys, settings: Http, *, accept_v1_data: bool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._keys = keys
        self._accept_v1_data = accept_v1_data
        self._clock = clock
        self._per_client = Limiter(settings.rate, settings.burst, clock=clock)
        self._of_all = Limiter(settings.rate * GLOBAL_FACTOR, (settings.burst + 1) * GLOBAL_FACTOR, clock=clock)
        self._in_work = threading.BoundedSemaphore(AT_ONCE)
        self._waiting = threading.BoundedSemaphore(WAITING_AT_ONCE)
        self._turn = threading.Lock()

    def routes(self) -> list[Route]:
        """Any method is taken, as the original takes it; clients use POST."""
        return [
            Route(ANY_METHOD, "/v1/verify", self._limited(self._verify), body_limit=BODY_LIMIT),
            Route(ANY_METHOD, "/v1/rotate", self._limited(self._rotate, PATIENCE_SECONDS), body_limit=BODY_LIMIT),
            Route(ANY_METHOD, "/v1/identify", self._limited(self._identify), body_limit=BODY_LIMIT),
        ]

    def _limited(self, work: Callable[[SealedSecret, dict[str, Any]], Response], patience: float = 0.0) -> Handler:
        def handler(request: Request) -> Response:
            try:
                with self._admitted(request, patience) as headers:
                    response = self._answer(work, request.body)
            except Refusal as refusal:
                return refusal.response
            return Response(response.status, response.body, response.content_type, headers)

        return handler

    @contextmanager
    def _admitted(self, request: Request, patience: float) -> Iterator[tuple[tuple[str, str], ...]]:
        """Let a request in, when its time has come, with the headers for its answer. Raises: Refusal."""
        headers = self._within_limits(request, patience)
        if not self._in_work.acquire(blocking=False):
            raise _busy()
        try:
            yield headers
        finally:
            self._in_work.release()

    def _within_limits(self, request: Request, patience: float) -> tuple[tuple[str, str], ...]:
        client = f"{request.path}\n{request.headers.get('x-forwarded-for', '')}"
        verdict = self._per_client.ask(client)
        if not verdict.is_allowed and patience and self._waiting.acquire(blocking=False):
            try:
                verdict = self._patient(client, verdict, self._clock() + patience)
            finally:
                self._waiting.release()
        for judged in (verdict, self._of_all.ask("") if verdict.is_allowed else verdict):
            if not judged.is_allowed:
                raise Refusal(_limited(judged.headers()))
        return verdict.headers()

    def _patient(self, client: str, verdict: Verdict, until: float) -> Verdict:
        """Wait until the client's limit lets it pass; what it says in the end, at the latest at `until`."""
        while verdict.retry_seconds is not None and self._clock() + verdict.retry_seconds <= until:
            time.sleep(verdict.retry_seconds)
            verdict = self._per_client.ask(client)
        return verdict

    def _answer(self, work: Callable[[SealedSecret, dict[str, Any]], Response], body: bytes) -> Response:
        if not self._turn.acquire(timeout=WORK_SECONDS):
            raise _busy()
        try:
            manifests, _ = read(body, source="the body", limits=_LIMITS)
            if len(manifests) != 1:
                return _wrong(f"one SealedSecret is expected, not {len(manifests)} objects")
            raw = manifests[0].raw
            return work(parse(raw), raw)
        except KsealError:
            return _wrong("this is no SealedSecret that opens here")  # the reason could quote what was sent
        finally:
            self._turn.release()

    def _verify(self, sealed: SealedSecret, _: dict[str, Any]) -> Response:
        opened = opened_items(
            sealed, self._keys.ring, accept_v1_data=self._accept_v1_data, before_each=self._deadline()
        )
        if any(isinstance(result, str) for _, result in opened):  # ends at the first that does not open
            return Response(HTTPStatus.CONFLICT)
        return Response(HTTPStatus.OK)

    def _rotate(self, _: SealedSecret, raw: dict[str, Any]) -> Response:
        resealed = reseal(
            raw,
            self._keys.ring,
            self._keys.newest.private_key.public_key(),
            accept_v1_data=self._accept_v1_data,
            before_each=self._deadline(),
        )
        return Response(HTTPStatus.OK, orjson.dumps(resealed), JSON)

    def _identify(self, sealed: SealedSecret, _: dict[str, Any]) -> Response:
        opened = opened_items(
            sealed, self._keys.ring, accept_v1_data=self._accept_v1_data, before_each=self._deadline()
        )
        found = {name: None if isinstance(result, str) else result.fingerprint for name, result in opened}
        return Response(HTTPStatus.OK, orjson.dumps(found), JSON)

    def _deadline(self) -> Callable[[], None]:
        """For between two values: ends work that takes too long."""
        until = self._clock() + WORK_SECONDS

        def check() -> None:
            if self._clock() > until:
                raise Refusal(text(HTTPStatus.SERVICE_UNAVAILABLE, "too many values for one request"))

        return check


def _limited(headers: tuple[tuple[str, str], ...]) -> Response:
    return Response(HTTPStatus.TOO_MANY_REQUESTS, b"limit exceeded\n", headers=headers)


def _busy() -> Refusal:
    return Refusal(Response(HTTPStatus.SERVICE_UNAVAILABLE, b"busy, try again\n", headers=(("Retry-After", "1"),)))


def _wrong(why: str) -> Response:
    return text(HTTPStatus.INTERNAL_SERVER_ERROR, why)
