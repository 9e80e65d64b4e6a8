"""Deliveries as a part of the process: sources, Kustomizations and receivers, each under a Lease of its own.

The Leases are those of Flux's controllers. So the original and ours never work at the same time: who comes second
waits until the first has gone, and a takeover is the end of the original, nothing more.

Nothing is done while the API server does not serve the resources; that is said once, and holds up nobody.
"""

import gc
import os
import random
import shutil
import threading
import time
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol
from weakref import WeakSet

from controller.flux import guards
from controller.flux.metrics import FluxMetrics
from controller.flux.names import (
    GIT_REPOSITORIES,
    KUSTOMIZATIONS,
    KUSTOMIZE_CONTROLLER,
    RECEIVERS,
    SOURCE_CONTROLLER,
    lease_of,
)
from controller.runtime.events import EventRecorder
from controller.runtime.leader import Elector, Times
from controller.runtime.startup import Startup
from controller.settings import Settings
from engine.errors import KsealError
from engine.kube.client import Cluster
from engine.kube.config import Connection
from engine.kube.discovery import serves
from engine.kube.http.ratelimit import RateLimiter
from engine.kube.message import parse
from engine.kube.refs import Resource
from engine.kube.status import Target
from engine.render.jail import Jail

_LOOK_AGAIN_SECONDS: Final = 30.0
"""Between two looks whether the resources are served, which cost one request for all parts together."""
_LEASE_REQUEST_SECONDS: Final = 3.0
_TIMES: Final = Times(lease=35.0, lead=28.0, renew=5.0, look=5.0)
"""Those of Flux's controllers, so that each side waits for the other for as long as it would for its own kind.

Source: fluxcd/pkg runtime/leaderelection: lease 35 s, renewal within 30 s, a try each 5 s."""


class Part(Protocol):
    """What works on one kind of resource."""

    def steps(self) -> tuple[Callable[[], None], ...]:
        """What has to be done, in order, before work can begin; each is tried until it succeeds."""

    def take_over(self) -> None:
        """This replica leads now."""

    def trouble(self) -> str | None:
        """Why what it sees may be out of date."""

    def stop(self, timeout_seconds: float) -> None:
        """Finish what is in hand, take nothing more."""


class Led:
    """A part under its Lease: comes up when the resources are served, works while it leads."""

    def __init__(
        self,
        controller: str,
        make: Callable[["Led"], Part],
        *,
        connection: Connection,
        settings: Settings,
        log: Any,
        is_served: Callable[[Cluster], bool],
    ) -> None:
        self.controller = controller
        self.settings = settings
        self.log = log.bind(controller=controller)
        self.connection = connection
        self._limiter = RateLimiter(settings.flux.qps, settings.flux.burst) if settings.flux.qps > 0 else None
        self._lease_cluster = Cluster(connection, timeout_seconds=_LEASE_REQUEST_SECONDS)
        self._make = make
        self._is_served = is_served
        self._part: Part | None = None
        self._is_unserved = False
        self._startup = Startup(self.log)
        self._stopping = threading.Event()
        self._clusters: WeakSet[Cluster] = WeakSet()
        """Those of tenants come and go."""
        self.elector = Elector(
            self._lease_cluster,
            settings.flux.namespace,
            lease_of(controller),
            settings.identity,
            on_change=self._leadership_changed,
            on_problem=self._election_problem,
            times=_TIMES,
        )
        self.events = EventRecorder(
            Cluster(connection, timeout_seconds=settings.client.timeout_seconds, write_gate=self.elector.check),
            component=controller,
            on_drop=lambda why, error: self.log.debug("event dropped", why=why, error=error),
        )
        self._thread = threading.Thread(target=self._come_up, name=f"come-up-{controller}", daemon=True)

    def cluster(self, connection: Connection | None = None) -> Cluster:
        """A client that writes only while this part leads, within the part's limit of requests."""
        made = Cluster(
            connection or self.connection,
            limiter=self._limiter,
            timeout_seconds=self.settings.client.timeout_seconds,
            write_gate=self.elector.check,
        )
        self._clusters.add(made)
        return made

    @property
    def leads(self) -> bool:
        return self.elector.leads

    @property
    def is_stopping(self) -> bool:
        return self._stopping.is_set()

    def start(self) -> None:
        """Begin to come up."""
        self._thread.start()

    def stop(self, timeout_seconds: float) -> None:
        """End, and give the Lease back."""
        self._stopping.set()
        self._startup.stop()
        if self._part is not None:
            self._part.stop(timeout_seconds)
        self.events.stop(1.0)
        if self._part is not None:
            self.elector.stop(_LEASE_REQUEST_SECONDS)
        for cluster in (*list(self._clusters), self._lease_cluster):
            cluster.close()

    def waits_for(self) -> str | None:
        """What is missing, where the resources are served at all; None when nothing is."""
        if self._is_unserved:
            return None
        waits = self._startup.waits_for
        if waits is not None:
            return waits.message
        return self._part.trouble() if self._part is not None else "starting"

    def _come_up(self) -> None:
        if not self._wait_until_served():
            return
        if not self._startup.run((self._build,)) or self._part is None:
            return
        self.elector.start()
        self.events.start()
        if not self._startup.run(self._part.steps()):
            return
        self._startup.done()
        gc.collect()
        gc.freeze()
        self.log.info("ready")
        if self.leads:
            self._part.take_over()

    def _build(self) -> None:
        """Folders and programs may not be there yet. Raises: KsealError."""
        try:
            self._part = self._make(self)
        except OSError as error:
            raise KsealError(
                f"{error.filename}: {(error.strerror or str(error)).lower()}", "can --storage-path be written to?"
            ) from error

    def _wait_until_served(self) -> bool:
        """False when the process ends before."""
        while not self._stopping.is_set():
            try:
                if self._is_served(self._lease_cluster):
                    self._is_unserved = False
                    return True
                if not self._is_unserved:
                    self.log.info("waits for its resources", hint="install their definitions: deploy/crds/flux")
                    self._is_unserved = True
            except KsealError as error:
                self.log.debug("cannot ask for its resources", cause=error.message)
            self._stopping.wait(_LOOK_AGAIN_SECONDS * random.uniform(0.8, 1.2))  # noqa: S311 - spreads load, no secret
        return False

    def _leadership_changed(self, leads: bool) -> None:
        self.log.info("leading" if leads else "not leading", identity=self.settings.identity)
        if leads and self._part is not None and self._startup.waits_for is None:
            self._part.take_over()

    def _election_problem(self, error: KsealError) -> None:
        self.log.warning("the lease cannot be had", cause=error.message, hint=error.hint)


class Deliveries:
    """All parts that this process is."""

    def __init__(
        self,
        connection: Connection,
        settings: Settings,
        environ: Mapping[str, str],
        *,
        log: Any,
        metrics: FluxMetrics,
    ) -> None:
        self._log = log
        self._parts: list[Led] = []
        wanted = settings.flux.controllers
        groups = _Groups()
        if not wanted:
            return
        self._shared = Shared(connection, settings, environ, log=log, metrics=metrics)
        if "kustomize" in wanted:
            guards.check(self._shared.jail(), lockdown=settings.flux.lockdown, log=log)
        made: dict[str, tuple[str, Callable[[Led], Part], Any]] = {
            "source": (SOURCE_CONTROLLER, self._source, (GIT_REPOSITORIES,)),
            "kustomize": (KUSTOMIZE_CONTROLLER, self._kustomize, (KUSTOMIZATIONS,)),
            "notification": ("notification-controller", self._notification, (RECEIVERS,)),
        }
        for word, (controller, make, resources) in made.items():
            if word in wanted:
                part = Led(
                    controller,
                    make,
                    connection=connection,
                    settings=settings,
                    log=log,
                    is_served=partial(_have, groups, resources),
                )
                self._parts.append(part)

    def start(self) -> None:
        """Begin; returns at once."""
        for part in self._parts:
            part.start()

    def stop(self, timeout_seconds: float) -> None:
        """End: what is in hand is finished, what waits is found again."""
        for part in reversed(self._parts):
            part.stop(timeout_seconds)
        if self._parts:
            self._shared.close()

    def waits_for(self) -> str | None:
        """What is missing; None when nothing is."""
        return next((waits for part in self._parts if (waits := part.waits_for()) is not None), None)

    def _source(self, led: Led) -> Part:
        from controller.flux.sourcepart import SourcePart

        return SourcePart(led, self._shared)

    def _kustomize(self, led: Led) -> Part:
        from controller.flux.kustomizepart import KustomizePart

        return KustomizePart(led, self._shared)

    def _notification(self, led: Led) -> Part:
        from controller.flux.notificationpart import NotificationPart

        return NotificationPart(led, self._shared)


class Shared:
    """What the parts have in common, each made when it is first asked for."""

    def __init__(
        self,
        connection: Connection,
        settings: Settings,
        environ: Mapping[str, str],
        *,
        log: Any,
        metrics: FluxMetrics,
    ) -> None:
        self.connection = connection
        self.settings = settings
        self.environ = environ
        self.log = log
        self.metrics = metrics
        self.root = Path(settings.flux.storage_path)
        self.stopping = threading.Event()
        self._lock = threading.RLock()
        self._made: dict[str, Any] = {}
        self.on_source: list[Callable[[str, dict[str, Any]], None]] = []
        """Who is told of sources that this process makes: kind, and the object as it is now."""
        self.pokes: dict[str, Callable[[dict[str, Any]], None]] = {}
        """Who takes the new state of an object of a kind, by kind."""

    def close(self) -> None:
        """Wake whoever waits, and end what children there are."""
        self.stopping.set()
        with self._lock:
            jail: Jail | None = self._made.get("jail")
        if jail is not None:
            jail.close()

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """What `make` made when it was first asked for under this name."""
        with self._lock:
            if name not in self._made:
                self._made[name] = make()
            return self._made[name]

    def jail(self) -> Jail:
        """Where what strangers wrote is built."""
        found: Jail = self.once("jail", Jail)
        return found

    def kustomize(self) -> Path | None:
        """The kustomize program."""
        asked = self.settings.flux.kustomize or shutil.which("kustomize", path=self.environ.get("PATH", os.defpath))
        return Path(asked) if asked else None

    def advertised(self) -> str:
        """Where others find our artifacts."""
        flux = self.settings.flux
        return flux.advertised_address or f"{SOURCE_CONTROLLER}.{flux.namespace}.svc.cluster.local."


def _have(groups: "_Groups", resources: Collection[Resource], cluster: Cluster) -> bool:
    return all(groups.has(cluster, resource) for resource in resources)


class _Groups:
    """The API groups that the server has, asked for once for all who want to know at about the same time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked_at = float("-inf")
        self._names: frozenset[str] = frozenset()

    def has(self, cluster: Cluster, resource: Resource) -> bool:
        """Whether the server has this kind. Raises: as `Cluster.request`."""
        with self._lock:
            if time.monotonic() - self._asked_at > _LOOK_AGAIN_SECONDS / 2:
                target = Target.of_path("/apis", "get")
                found = parse(cluster.request("GET", "/apis", target=target), target).get("groups") or ()
                self._names = frozenset(str(group.get("name")) for group in found)
                self._asked_at = time.monotonic()
        return resource.group in self._names and serves(cluster, resource)
