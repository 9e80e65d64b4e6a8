"""The part of the process that works on GitRepositories, and serves their artifacts."""

from collections.abc import Callable
from typing import Any

from controller.flux.artifacts import routes
from controller.flux.component import Led, Shared
from controller.flux.events import Forwarder, Teller
from controller.flux.names import GIT_REPOSITORIES, SOURCE_CONTROLLER, Name, status_manager
from controller.flux.source import SourceReconciler
from controller.flux.statuses import Statuses
from controller.flux.storage import artifacts_of, git_of, guard_of, store_of
from controller.flux.worklist import Worklist
from controller.runtime.http import HttpServer
from engine.git.githubapp import GitHubApps


class SourcePart:
    """Watches GitRepositories; fetches while it leads. Artifacts are served by whoever stored them."""

    def __init__(self, led: Led, shared: Shared) -> None:
        """Raises: KsealError when the folders cannot be used or the address cannot be listened on."""
        flux = led.settings.flux
        self._led, self._shared = led, shared
        self._list = Worklist(
            led, GIT_REPOSITORIES, workers=flux.concurrent_sources, on_change=self._tell_others, metrics=shared.metrics
        )
        store = store_of(shared)
        cluster = led.cluster()
        self._forwarder = (
            Forwarder(flux.events_address, on_drop=lambda why: led.log.warning("event not posted", cause=why))
            if flux.events_address
            else None
        )
        post = self._forwarder.post if self._forwarder is not None else None
        self._reconciler = SourceReconciler(
            cluster,
            self._list.objects,
            store=store,
            artifacts=artifacts_of(shared),
            git=git_of(shared),
            apps=GitHubApps(guard_of(shared), environ=shared.environ),
            teller=Teller(led.events, SOURCE_CONTROLLER, post=post, instance=led.settings.identity),
            statuses=Statuses(
                cluster,
                GIT_REPOSITORIES,
                manager=status_manager(SOURCE_CONTROLLER),
                on_written=self._list.changed,
            ),
            advertised=shared.advertised(),
            on_revision=self._new_revision,
            log=led.log,
            jitter_percent=flux.jitter_percent,
            requeue=flux.dependency_requeue,
        )
        self._list.serve(self._reconciler.reconcile)
        shared.pokes[GIT_REPOSITORIES.kind] = self._list.changed
        self._server = HttpServer(
            flux.storage_address,
            routes(store),
            observe=lambda *_: None,
            on_error=lambda error: led.log.error("request failed by a defect", error=error),
        )

    def steps(self) -> tuple[Callable[[], None], ...]:
        return (self._server.start, self._list.watch, self._reconciler.sweep, self._begin)

    def take_over(self) -> None:
        self._list.take_over()

    def trouble(self) -> str | None:
        return self._list.trouble()

    def stop(self, timeout_seconds: float) -> None:
        self._list.stop(timeout_seconds)
        self._server.stop(1.0)
        if self._forwarder is not None:
            self._forwarder.stop(1.0)

    def _begin(self) -> None:
        if self._forwarder is not None:
            self._forwarder.start()
        self._list.begin()

    def _tell_others(self, raw: dict[str, Any]) -> None:
        for take in self._shared.on_source:
            take(GIT_REPOSITORIES.kind, raw)

    def _new_revision(self, _kind: str, name: Name, _revision: str) -> None:
        """Those that include this one look again."""
        for other in self._list.objects.names():
            found = self._list.objects.get(other)
            spec = (found.object().get("spec") or {}) if found else {}
            included = (one.get("repository") or {} for one in spec.get("include") or ())
            if other.namespace == name.namespace and any(one.get("name") == name.name for one in included):
                self._list.look_at(other)
