"""The running controller: what it is made of, the order in which it comes up, and how it goes down.

Coming up may take for ever, because each step waits for something outside: an API server, a CRD, a key. The HTTP
listeners are there from the first moment and say on `/readyz` what is missing. Every replica keeps up with the cluster
and answers requests; only the one that leads works on SealedSecrets and makes keys.
"""

import gc
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from controller.flux.component import Deliveries
from controller.flux.metrics import FluxMetrics
from controller.runtime import logs
from controller.runtime.events import EventRecorder
from controller.runtime.leader import Elector
from controller.runtime.metrics import KeysShown, Metrics
from controller.runtime.queue import WorkQueue
from controller.runtime.startup import Startup
from controller.runtime.worker import WorkerPool
from controller.sealed.answers import Answers
from controller.sealed.dispatch import Dispatcher
from controller.sealed.endpoints import Listeners
from controller.sealed.keymaker import KeyMaker
from controller.sealed.keys import KeyRegistry, utc_now
from controller.sealed.observed import SEALED_SECRETS, Key, SealedSecrets
from controller.sealed.publisher import Publisher
from controller.sealed.reconcile import Reconciler
from controller.sealed.report import Reporter
from controller.sealed.secrets import SecretMemory
from controller.sealed.watches import Watches, existing
from controller.sealed.wrapping import wrapping_for
from controller.settings import Client, Settings
from engine.errors import KsealError, NotReady
from engine.kube import config
from engine.kube.client import Cluster
from engine.kube.discovery import serves
from engine.kube.http.ratelimit import RateLimiter
from engine.version import VERSION

LEASE: Final = "sealed-secrets-controller"
"""In the controller's own namespace: whoever shares the keys shares the Lease."""
STOP_SECONDS: Final = 10.0
"""For what is in hand when the process is told to stop; a pod is killed after 30."""
SIGNAL_SECONDS: Final = 0.5
"""How late a signal may be noticed: one that comes while another is handled does not end a wait without limit."""
SILENCE_SECONDS: Final = 600.0
"""A watch without trouble that has said nothing for so long, not even a bookmark, hangs: the process is begun anew."""
_LEASE_REQUEST_SECONDS: Final = 3.0  # several of them fit into the time for which a renewal counts


class Process:
    """One controller. `run` blocks until told to stop. Raises: KsealError when it cannot even be put together."""

    def __init__(self, settings: Settings, environ: Mapping[str, str]) -> None:
        logs.configure(
            level=settings.logs.level, format=settings.logs.format, info_to_stdout=settings.logs.info_to_stdout
        )
        self._log = logs.get()
        self._settings = settings
        self._startup = Startup(self._log)
        self._watches: Watches | None = None
        connection = config.load(
            kubeconfig=settings.client.kubeconfig, context=settings.client.context, environ=environ
        )
        self._build(connection, environ)
        self._build_listeners()
        self._deliveries = Deliveries(
            connection, settings, environ, log=self._log, metrics=FluxMetrics(self._metrics.registry)
        )

    def _build(self, connection: config.Connection, environ: Mapping[str, str]) -> None:
        settings = self._settings
        lease = Cluster(connection, timeout_seconds=_LEASE_REQUEST_SECONDS)
        self._elector = Elector(
            lease,
            settings.namespace,
            LEASE,
            settings.identity,
            on_change=self._leadership_changed,
            on_problem=self._election_problem,
        )
        # Three clients, because the original has a limit for built-in kinds and another for its own; the third is news.
        core, custom, news = (_client(connection, settings.client, self._elector) for _ in range(3))
        self._clusters = (core, custom, news, lease)
        self._core, self._custom = core, custom
        self._metrics = Metrics(VERSION, names_objects=not settings.omit_secret_labels)
        self._sealed = SealedSecrets()
        self._memory = SecretMemory(is_complete=settings.watched.sees_every_secret)
        self._queue: WorkQueue[Key] = WorkQueue()
        wrapping = wrapping_for(settings.keys, environ)
        self._keys = KeyRegistry(
            core,
            settings.namespace,
            settings.keys,
            wrapping=wrapping,
            now=utc_now,
            on_change=self._keys_changed,
            on_unreadable=self._unreadable_key,
            on_unopened=self._unopened_key,
            on_problem=lambda problem: self._log.warning("watch of keys interrupted", error=problem.error),
        )
        self._maker = KeyMaker(
            core,
            self._keys,
            settings.namespace,
            settings.keys,
            wrapping=wrapping,
            namespaces=settings.watched.namespaces,
            leads=lambda: self._elector.leads,
            now=utc_now,
            log=self._log,
        )
        self._publisher = Publisher(
            core,
            lambda: self._keys.newest,
            settings.namespace,
            settings.keys.published_as,
            leads=lambda: self._elector.leads,
            log=self._log,
        )
        self._events = EventRecorder(news, on_drop=self._event_dropped)
        reporter = Reporter(
            custom,
            self._sealed,
            events=self._events,
            metrics=self._metrics,
            log=self._log,
            now=utc_now,
            update_status=settings.unsealing.update_status,
        )
        self._reconciler = Reconciler(
            core, settings=settings, keys=self._keys, sealed=self._sealed, secrets=self._memory, reporter=reporter
        )
        self._dispatcher = Dispatcher(
            self._queue, self._sealed, self._reconciler, leads=lambda: self._elector.leads, metrics=self._metrics
        )
        self._workers = WorkerPool(
            self._queue, self._dispatcher.work, size=settings.unsealing.workers, on_crash=self._reconcile_crashed
        )

    def _build_listeners(self) -> None:
        settings = self._settings
        self._listeners = Listeners(
            settings.http,
            self._metrics,
            certificate=self._keys.certificate,
            answers=Answers(self._keys, settings.http, accept_v1_data=settings.unsealing.accept_v1_data),
            alive=self._trouble,
            ready=self._not_ready,
            on_error=lambda error: self._log.error("request failed by a defect", error=error),
        )
        self._metrics.watch(
            queue_depth=lambda: self._queue.depth,
            watch_idle_seconds=self._idle_seconds,
            leads=lambda: self._elector.leads,
            keys=self._keys_shown,
        )

    def run(self, stop: threading.Event) -> None:
        """Come up, work until `stop` is set, go down: what is in hand is finished, what waits is found again."""
        port, metrics_port = self._listeners.start()
        self._log.info("listening", port=port, metrics_port=metrics_port)
        threading.Thread(target=self._come_up, name="come-up", daemon=True).start()
        self._deliveries.start()
        while not stop.wait(SIGNAL_SECONDS):
            pass  # Python calls signal handlers only while this thread runs, and a wait may miss the one to wake up for
        self._go_down()

    def renew_key(self) -> None:
        """Make a new key now. Safe in a signal handler."""
        self._maker.renew()

    def _come_up(self) -> None:
        self._elector.start()
        before = (self._wait_for_crd, self._prepare_watches, self._watch_keys, self._have_a_key)
        if not self._startup.run((*before, self._watch_secrets, self._watch_sealed_secrets)):
            return
        self._events.start()
        self._maker.start()
        self._publisher.start()
        self._workers.start()
        gc.collect()
        gc.freeze()  # what is there now stays: later collections need not look at it
        self._startup.done()
        self._log.info("ready", sealed_secrets=len(self._sealed.keys()), keys=len(self._keys.ring))

    def _wait_for_crd(self) -> None:
        if not serves(self._custom, SEALED_SECRETS):
            raise NotReady(
                f"the API server does not serve {SEALED_SECRETS.plural}.{SEALED_SECRETS.group}",
                "install the custom resource definition: kubectl apply -k deploy/crds",
                retry_after=2.0,
            )

    def _prepare_watches(self) -> None:
        watched = self._settings.watched
        if watched.namespaces is not None:
            found = existing(self._core, watched.namespaces, self._settings.namespace, on_missing=self._missing)
            watched = replace(watched, namespaces=tuple(found))
        self._watches = Watches(
            self._core,
            self._custom,
            watched,
            self._memory,
            on_sealed_secret=self._dispatcher.sealed_secret_event,
            knows=self._sealed.knows,
            on_secret=self._dispatcher.secret_changed,
            log=self._log,
        )

    def _watch_keys(self) -> None:
        self._keys.start()
        self._startup.wait(self._keys.wait_loaded, self._keys.trouble)

    def _have_a_key(self) -> None:
        self._startup.wait(self._elector.wait_decided, lambda: "the lease is being asked for")
        self._maker.ensure()
        ring = self._keys.ring
        newest = self._keys.newest_or_none()
        self._log.info("keys loaded", count=len(ring), newest=newest.fingerprint if newest else None)

    def _watch_secrets(self) -> None:
        if self._watches is not None:
            self._watches.start_secrets()
            self._startup.wait(self._watches.wait_secrets, self._watches.trouble)

    def _watch_sealed_secrets(self) -> None:
        if self._watches is not None:
            self._watches.start_sealed_secrets()
            self._startup.wait(self._watches.wait_sealed_secrets, self._watches.trouble)

    def _go_down(self) -> None:
        started = time.monotonic()
        self._log.info("stopping")
        self._startup.stop()
        if self._watches is not None:
            self._watches.stop()
        self._keys.stop()
        self._maker.stop()
        self._publisher.stop()
        finished = self._workers.stop(STOP_SECONDS)
        self._deliveries.stop(STOP_SECONDS)
        self._events.stop(2.0)
        self._elector.stop(_LEASE_REQUEST_SECONDS)  # after all writing: the next one may lead at once
        self._listeners.stop(2.0)
        for cluster in self._clusters:
            cluster.close()
        self._log.info("stopped", finished=finished, seconds=round(time.monotonic() - started, 3))

    def _not_ready(self) -> str | None:
        """Why the process is not ready, with the cure; None when it is."""
        waits_for = self._startup.waits_for
        if waits_for is not None:
            return waits_for.message + (f"; {waits_for.hint}" if waits_for.hint else "")
        if not self._keys.counts()["active"]:
            unopened = self._keys.unopened()
            return unopened.message if unopened is not None else "there is no sealing key any more"
        return self._watches.trouble() if self._watches is not None else None

    def _trouble(self) -> str | None:
        """Why the process should be started again; None while it is alive."""
        if self._startup.waits_for is not None:
            return None
        if self._idle_seconds() > SILENCE_SECONDS and self._not_ready() is None:  # an outage is waited for, not died of
            return f"no word from a watch for {SILENCE_SECONDS:.0f} s"
        if self._workers.alive < self._settings.unsealing.workers:
            return "a worker has ended"
        return None

    def _idle_seconds(self) -> float:
        return self._watches.idle_seconds if self._watches is not None else 0.0

    def _keys_changed(self) -> None:
        self._maker.look_again()
        if self._keys.counts()["active"]:
            ring = self._keys.ring
            self._log.info("keys changed", count=len(ring))
            self._publisher.look_again()
            self._dispatcher.keys_changed(ring)

    def _leadership_changed(self, leads: bool) -> None:
        self._log.info("leading" if leads else "not leading", identity=self._settings.identity)
        if leads:
            self._maker.look_again()
            self._publisher.look_again()
            self._dispatcher.take_over()
        else:
            self._metrics.stand_down()

    def _keys_shown(self) -> KeysShown:
        counts, use = self._keys.counts(), self._reconciler.key_use()
        newest = self._keys.newest_or_none() if counts["active"] else None
        if newest is None or newest.certificate is None:
            return KeysShown(counts, use)
        return KeysShown(counts, use, newest.ordered_at.timestamp(), newest.certificate.not_after.timestamp())

    def _reconcile_crashed(self, key: Key, error: Exception) -> None:
        self._log.error("reconcile failed by a defect", ref=str(key), error=error)

    def _unreadable_key(self, ref: str, error: KsealError) -> None:
        self._log.error("sealing key passed over", ref=ref, cause=error.message, hint=error.hint)

    def _unopened_key(self, ref: str, error: KsealError) -> None:
        self._log.error("sealing key not opened", ref=ref, cause=error.message, hint=error.hint)

    def _missing(self, namespace: str) -> None:
        self._log.warning("namespace skipped", namespace=namespace, hint="make it, then restart the controller")

    def _election_problem(self, error: KsealError) -> None:
        if self._elector.leads:
            self._log.warning("no election of a leader", cause=error.message, hint=error.hint)
        else:
            self._log.warning("the lease cannot be had", cause=error.message, hint=error.hint)

    def _event_dropped(self, why: str, error: Exception | None) -> None:
        self._metrics.event_dropped(why)
        self._log.debug("event dropped", why=why, error=error)


def _client(connection: config.Connection, settings: Client, elector: Elector) -> Cluster:
    limiter = RateLimiter(settings.qps, settings.burst) if settings.qps > 0 else None
    return Cluster(connection, limiter=limiter, timeout_seconds=settings.timeout_seconds, write_gate=elector.check)
