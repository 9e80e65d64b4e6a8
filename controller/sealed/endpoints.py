"""The controller's two listeners: certificate, answers about SealedSecrets and probes on one, metrics on another."""

from collections.abc import Callable
from datetime import timedelta
from http import HTTPStatus
from typing import Final

from controller.runtime import metrics
from controller.runtime.http import HttpServer, Route
from controller.runtime.httpwire import Request, Response, text
from controller.runtime.probes import Check, probes
from controller.sealed.answers import Answers
from controller.settings import Http
from engine.errors import KsealError

PEM: Final = "application/x-pem-file"


class Listeners:
    """Both listeners. Source of paths, types and words: sealed-secrets.md section 6; `/readyz` is ours."""

    def __init__(
        self,
        settings: Http,
        shown: metrics.Metrics,
        *,
        certificate: Callable[[], bytes],
        answers: Answers,
        alive: Check,
        ready: Check,
        on_error: Callable[[Exception], None],
    ) -> None:
        def cert(_: Request) -> Response:
            try:
                return Response(HTTPStatus.OK, certificate(), PEM)
            except KsealError:
                return text(HTTPStatus.INTERNAL_SERVER_ERROR, "cannot get certificate")

        routes = [
            Route("GET", "/v1/cert.pem", cert),
            *answers.routes(),
            *probes(alive=alive, ready=ready),
        ]

        def metrics_page(_: Request) -> Response:
            return Response(HTTPStatus.OK, shown.exposition(), metrics.CONTENT_TYPE)

        def server(address: str, answered: list[Route]) -> HttpServer:
            return HttpServer(
                address,
                answered,
                observe=shown.request,
                on_error=on_error,
                read_timeout=_seconds(settings.read_timeout),
                write_timeout=_seconds(settings.write_timeout),
            )

        self._public = server(settings.address, routes)
        self._metrics = server(settings.metrics_address, [Route("GET", "/metrics", metrics_page, is_observed=False)])

    def start(self) -> tuple[int, int]:
        """Listen on both; returns their ports. Raises: KsealError when an address cannot be used."""
        self._public.start()
        self._metrics.start()
        return self._public.port, self._metrics.port

    def stop(self, timeout_seconds: float) -> None:
        """Accept nothing more, and let answers under way end."""
        self._public.stop(timeout_seconds)
        self._metrics.stop(timeout_seconds)


def _seconds(given: timedelta) -> float:
    """A timeout; Go's 0 means none, which here is a day: nothing waits for ever."""
    return given.total_seconds() or timedelta(days=1).total_seconds()
