"""The part of the process that works on Kustomizations: what it watches, and what it is made of."""

import os
import random
from collections.abc import Callable, Mapping
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

from controller.flux.clusters import Clusters
from controller.flux.component import Led, Shared
from controller.flux.deletion import Deletion
from controller.flux.dispatch import Dispatcher
from controller.flux.ends import Ends
from controller.flux.events import Forwarder, Teller
from controller.flux.index import Concerns
from controller.flux.inputs import Inputs
from controller.flux.keyservers import allowing, guarded
from controller.flux.kustomization import Reconciler
from controller.flux.names import KUSTOMIZATIONS, KUSTOMIZE_CONTROLLER, SOURCES, Name, status_manager
from controller.flux.objects import Objects
from controller.flux.passes import Passes
from controller.flux.planning import Planner
from controller.flux.remote import Remote
from controller.flux.statuses import Statuses
from controller.flux.storage import artifacts_of, git_of, guard_of
from controller.flux.telling import Telling
from controller.runtime.frontdoor import FrontDoor
from controller.runtime.queue import WorkQueue
from controller.runtime.worker import WorkerPool
from engine.build import Builder
from engine.buildcache import BuildCache
from engine.errors import KsealError
from engine.kube.client import Cluster
from engine.kube.discovery import Discovery, serves
from engine.kube.refs import CONFIG_MAPS, SECRETS, Resource
from engine.kube.watch import Informer, Problem
from engine.observer import KindProblem, Observer
from engine.records import Records
from engine.remotebases import RemoteBases
from sealer.sops.cluster_keys import MakeService

_CONFIGS: Final = {"ConfigMap": CONFIG_MAPS, "Secret": SECRETS}
_FOLDER: Final = "kustomize"


class KustomizePart:
    """Watches Kustomizations, their sources and what they deliver; delivers while it leads."""

    def __init__(self, led: Led, shared: Shared) -> None:
        """Raises: KsealError when folders or programs that it needs cannot be used."""
        self._led, self._shared = led, shared
        self._log = led.log
        flux = led.settings.flux
        self._kustomizations = Objects()
        self._sources: Mapping[str, Objects] = {kind: Objects() for kind in SOURCES}
        self._concerns = Concerns()
        self._queue: WorkQueue[Name] = WorkQueue(
            base_delay=flux.min_retry_delay.total_seconds(),
            max_delay=flux.max_retry_delay.total_seconds(),
            group=attrgetter("namespace"),
            share=flux.share_of(flux.concurrent),
        )
        self._dispatcher = Dispatcher(
            self._queue,
            self._kustomizations,
            self._sources,
            self._concerns,
            leads=lambda: led.leads,
            on_failure=self._failed,
            observe=lambda name, seconds, end: shared.metrics.reconciled(KUSTOMIZATIONS.kind, name, seconds, end),
        )
        cluster = led.cluster()
        self._cluster = cluster
        self._discovery = Discovery(led.cluster())
        self._observer = self._observing(led.cluster(), self._discovery)
        folder = shared.root / _FOLDER
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._records = Records(
            folder / "records.sqlite", on_problem=lambda text: self._log.warning("no records", cause=text)
        )
        self._forwarder = _forwarder(flux.events_address, self._log)
        self._jail = shared.jail()
        self._workers = WorkerPool(self._queue, self._dispatcher.work, size=flux.concurrent, on_crash=self._crashed)
        self._dispatcher.serve(self._reconciler(folder))
        self._door = FrontDoor(
            led.connection,
            KUSTOMIZATIONS,
            on_event=self._dispatcher.kustomization_event,
            is_served=lambda: serves(cluster, KUSTOMIZATIONS),
            on_problem=lambda error: self._log.warning("watch of Kustomizations interrupted", error=error),
            knows=self._kustomizations.knows,
            label_selector=flux.label_selector,
        )
        self._informers: list[Informer[bool]] = []
        shared.metrics.watch(
            KUSTOMIZE_CONTROLLER, depth=lambda: self._queue.depth, unwatched=lambda: len(self._observer.refused)
        )
        shared.on_source.append(self._dispatcher.source_changed)
        shared.pokes[KUSTOMIZATIONS.kind] = self._dispatcher.kustomization_changed

    def steps(self) -> tuple[Callable[[], None], ...]:
        return (self._watch_sources, self._watch_kustomizations, self._watch_configs, self._begin)

    def take_over(self) -> None:
        self._dispatcher.take_over()

    def trouble(self) -> str | None:
        return self._door.trouble()

    def stop(self, timeout_seconds: float) -> None:
        self._door.stop()
        for informer in self._informers:
            informer.stop()
        self._workers.stop(timeout_seconds)
        self._observer.stop()
        self._records.close()
        if self._forwarder is not None:
            self._forwarder.stop(1.0)

    def _reconciler(self, folder: Path) -> Reconciler:
        led, flux = self._led, self._led.settings.flux
        statuses = Statuses(
            self._cluster,
            KUSTOMIZATIONS,
            manager=status_manager(KUSTOMIZE_CONTROLLER),
            on_written=self._dispatcher.kustomization_changed,
        )
        clusters = Clusters(
            led.connection,
            led.cluster,
            observer=self._observer,
            discovery=self._discovery,
            records=self._records,
            remote=Remote(self._cluster, guard_of(self._shared), flux, observer=self._observing),
            settings=flux,
        )
        post = self._forwarder.post if self._forwarder is not None else None
        telling = Telling(
            Teller(led.events, KUSTOMIZE_CONTROLLER, post=post, instance=led.settings.identity),
            log=self._log,
            forget=lambda name: self._shared.metrics.forget(KUSTOMIZATIONS.kind, name),
        )
        passes = Passes()
        builder = Builder(
            kustomize=self._shared.kustomize(),
            jail=self._jail,
            cache=BuildCache(folder / "builds"),
            remote_bases=flux.remote_bases,
            remote=RemoteBases(git_of(self._shared), guard_of(self._shared)) if flux.remote_bases else None,
            scratch=Path(flux.scratch),
        )
        operator = _operator(self._shared.environ)
        services: MakeService = _services
        if flux.lockdown:
            operator, services = allowing(operator), guarded(services)
        inputs = Inputs(self._cluster, flux, environ=operator, make=services, log=self._log)
        return Reconciler(
            kustomizations=self._kustomizations,
            sources=self._sources,
            statuses=statuses,
            clusters=clusters,
            artifacts=artifacts_of(self._shared),
            planner=Planner(clusters=clusters, builder=builder, inputs=inputs, settings=flux),
            ends=Ends(passes=passes, concerns=self._concerns, telling=telling, settings=flux, jitter=random.random),
            deletion=Deletion(statuses=statuses, clusters=clusters, passes=passes, telling=telling),
            passes=passes,
            concerns=self._concerns,
            telling=telling,
            settings=flux,
        )

    def _observing(self, cluster: Cluster, discovery: Discovery) -> Observer:
        return Observer(cluster, discovery, on_change=self._dispatcher.object_changed, on_problem=self._unseen)

    # Coming up

    def _watch_sources(self) -> None:
        """Those kinds that are served; the others have no objects, and a later start finds them."""
        for kind, resource in SOURCES.items():
            if serves(self._cluster, resource):
                self._informers.append(self._informer(resource, self._source_taker(kind), is_told_gone=True))
        self._start(self._informers)

    def _watch_kustomizations(self) -> None:
        self._door.start()
        while not self._door.wait_listed(1.0) and not self._shared.stopping.is_set():
            self._log.debug("Kustomizations are being listed")

    def _watch_configs(self) -> None:
        selector = self._led.settings.flux.config_selector
        if not selector:
            return
        found = [
            self._informer(
                resource, self._config_taker(kind), label_selector=selector, metadata_only=True, is_told_gone=True
            )
            for kind, resource in _CONFIGS.items()
        ]
        self._informers += found
        for informer in found:
            informer.start()

    def _begin(self) -> None:
        if self._forwarder is not None:
            self._forwarder.start()
        self._workers.start()

    def _start(self, informers: list[Informer[bool]]) -> None:
        for informer in informers:
            informer.start()
        for informer in informers:
            while not informer.wait_synced(1.0) and not self._shared.stopping.is_set():
                self._log.debug("sources are being listed")

    def _informer(
        self,
        resource: Resource,
        take: Callable[[dict[str, Any] | None, str, str], None],
        *,
        label_selector: str | None = None,
        metadata_only: bool = False,
        is_told_gone: bool = False,
    ) -> Informer[bool]:
        """An informer that keeps nothing: each object goes to `take` as it comes."""

        def decode(raw: dict[str, Any]) -> bool:
            take(raw, raw["metadata"].get("namespace", ""), raw["metadata"]["name"])
            return True

        def on_change(namespace: str, name: str, value: bool | None) -> None:
            if value is None and is_told_gone:
                take(None, namespace, name)

        return Informer(
            self._cluster,
            resource,
            decode=decode,
            on_change=on_change,
            on_problem=self._interrupted,
            label_selector=label_selector,
            metadata_only=metadata_only,
        )

    def _source_taker(self, kind: str) -> Callable[[dict[str, Any] | None, str, str], None]:
        def take(raw: dict[str, Any] | None, namespace: str, name: str) -> None:
            if raw is not None:
                self._dispatcher.source_changed(kind, raw)
            else:
                self._dispatcher.source_gone(kind, {"metadata": {"namespace": namespace, "name": name}})

        return take

    def _config_taker(self, kind: str) -> Callable[[dict[str, Any] | None, str, str], None]:
        def take(_raw: dict[str, Any] | None, namespace: str, name: str) -> None:
            self._dispatcher.config_changed(kind, namespace, name)

        return take

    # Trouble

    def _failed(self, name: Name, error: KsealError) -> None:
        self._log.warning("reconcile not finished", ref=f"Kustomization/{name}", cause=error.message, hint=error.hint)

    def _crashed(self, name: Name, error: Exception) -> None:
        self._log.error("reconcile failed by a defect", ref=f"Kustomization/{name}", error=error)

    def _unseen(self, problem: KindProblem) -> None:
        meant = "its objects are looked at at the interval" if problem.is_refused else "it is tried again"
        self._log.warning(
            "kind not watched", kind=problem.kind, group=problem.group, cause=str(problem.error), hint=meant
        )

    def _interrupted(self, problem: Problem) -> None:
        self._log.warning("watch interrupted", doing=problem.doing, error=problem.error)


def _forwarder(address: str, log: Any) -> Forwarder | None:
    if not address:
        return None
    return Forwarder(address, on_drop=lambda why: log.warning("event not posted", cause=why))


def _services(kind: str, environ: Mapping[str, str]) -> Any:
    """The service for a kind of SOPS key that a cloud or a Vault keeps."""
    from providers.catalog import key_service

    return key_service(kind, environ)


def _operator(environ: Mapping[str, str]) -> dict[str, str]:
    """What the operator says to services of keys; nothing by which they would be let in."""
    told = ("PATH", "SOPS_HC_VAULT_ALLOWLIST", "VAULT_CACERT", "VAULT_CAPATH", "https_proxy", "HTTPS_PROXY", "no_proxy")
    return {name: environ[name] for name in told if name in environ} or {"PATH": os.defpath}
