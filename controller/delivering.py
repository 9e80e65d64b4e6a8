"""A controller without SealedSecrets: deliveries alone, with probes and metrics where the other one has them."""

import threading
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from controller.flux.component import Deliveries
from controller.flux.metrics import FluxMetrics
from controller.runtime import logs, metrics
from controller.runtime.http import HttpServer, Route
from controller.runtime.httpwire import Request, Response
from controller.runtime.probes import probes
from controller.settings import Settings
from engine.kube import config
from engine.version import VERSION

STOP_SECONDS: Final = 10.0
"""For what is in hand when the process is told to stop; a pod is killed after 30."""
_SIGNAL_SECONDS: Final = 0.5  # how late a signal may be noticed that comes while another one is handled


class DeliveringProcess:
    """`run` blocks until told to stop. Raises: KsealError when it cannot even be put together."""

    def __init__(self, settings: Settings, environ: Mapping[str, str]) -> None:
        logs.configure(
            level=settings.logs.level, format=settings.logs.format, info_to_stdout=settings.logs.info_to_stdout
        )
        self._log = logs.get()
        connection = config.load(
            kubeconfig=settings.client.kubeconfig, context=settings.client.context, environ=environ
        )
        shown = metrics.Metrics(VERSION, names_objects=not settings.omit_secret_labels)
        self._deliveries = Deliveries(connection, settings, environ, log=self._log, metrics=FluxMetrics(shown.registry))

        def metrics_page(_: Request) -> Response:
            return Response(HTTPStatus.OK, shown.exposition(), metrics.CONTENT_TYPE)

        def server(address: str, routes: list[Route]) -> HttpServer:
            return HttpServer(
                address,
                routes,
                observe=shown.request,
                on_error=lambda error: self._log.error("request failed by a defect", error=error),
            )

        self._public = server(settings.http.address, [*probes(alive=lambda: None, ready=self._deliveries.waits_for)])
        self._metrics = server(
            settings.http.metrics_address, [Route("GET", "/metrics", metrics_page, is_observed=False)]
        )

    def run(self, stop: threading.Event) -> None:
        """Come up, work until `stop` is set, go down."""
        self._public.start()
        self._metrics.start()
        self._log.info("listening", port=self._public.port, metrics_port=self._metrics.port)
        self._deliveries.start()
        while not stop.wait(_SIGNAL_SECONDS):
            pass  # Python calls signal handlers only while this thread runs
        started = time.monotonic()
        self._log.info("stopping")
        self._deliveries.stop(STOP_SECONDS)
        self._public.stop(2.0)
        self._metrics.stop(2.0)
        self._log.info("stopped", seconds=round(time.monotonic() - started, 3))
