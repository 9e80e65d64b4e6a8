"""The part of the process that works on Receivers, and answers their webhooks."""

from collections.abc import Callable
from typing import Any

from controller.flux.component import Led, Shared
from controller.flux.events import Teller
from controller.flux.filters import Cel
from controller.flux.hooks import Hooks
from controller.flux.names import NOTIFICATION_CONTROLLER, RECEIVERS, status_manager
from controller.flux.receiver import ReceiverReconciler
from controller.flux.statuses import Statuses
from controller.flux.worklist import Worklist
from controller.runtime.http import HttpServer
from engine.kube.client import Cluster
from engine.kube.discovery import Discovery


class NotificationPart:
    """Watches Receivers. Each replica answers webhooks; the one that leads writes the status of Receivers."""

    def __init__(self, led: Led, shared: Shared) -> None:
        """Raises: KsealError when the address cannot be listened on."""
        flux = led.settings.flux
        self._shared = shared
        self._list = Worklist(led, RECEIVERS, workers=1, metrics=shared.metrics)
        cluster = led.cluster()
        filters = Cel()
        self._list.serve(
            ReceiverReconciler(
                cluster,
                self._list.objects,
                statuses=Statuses(
                    cluster,
                    RECEIVERS,
                    manager=status_manager(NOTIFICATION_CONTROLLER),
                    on_written=self._list.changed,
                ),
                teller=Teller(led.events, NOTIFICATION_CONTROLLER, instance=led.settings.identity),
                filters=filters,
                log=led.log,
            ).reconcile
        )
        self._free = Cluster(led.connection, timeout_seconds=led.settings.client.timeout_seconds)
        hooks = Hooks(
            self._free,
            self._list.objects,
            find=Discovery(self._free).find,
            filters=filters,
            poke=self._poke,
            log=led.log,
            no_cross_namespace=flux.restricts_references,
        )
        self._server = HttpServer(
            flux.receiver_address,
            hooks.routes(),
            observe=lambda *_: None,
            on_error=lambda error: led.log.error("request failed by a defect", error=error),
        )

    def steps(self) -> tuple[Callable[[], None], ...]:
        return (self._server.start, self._list.watch, self._list.begin)

    def take_over(self) -> None:
        self._list.take_over()

    def trouble(self) -> str | None:
        return self._list.trouble()

    def stop(self, timeout_seconds: float) -> None:
        self._server.stop(1.0)
        self._list.stop(timeout_seconds)
        self._free.close()

    def _poke(self, raw: dict[str, Any]) -> None:
        """An object was asked to be reconciled: where this process works on its kind, the watch is not waited for."""
        take = self._shared.pokes.get(raw.get("kind") or "")
        if take is not None:
            take(raw)
