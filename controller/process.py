"""The running controller: what it is made of, the order in which it comes up, and how it goes down.

Coming up may take for ever, because each step waits for something outside: an API server, a CRD, a key. The HTTP
listeners are there from the first moment and say on `/readyz` what is missing.
"""

import gc
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from controller.runtime import logs
from controller.runtime.events import EventRecorder
from controller.runtime.frontdoor import FrontDoor
from controller.runtime.metrics import Metrics
from controller.runtime.queue import WorkQueue
from controller.runtime.worker import WorkerPool
from controller.sealed.endpoints import Listeners
from controller.sealed.keys import KeyRegistry, utc_now
from controller.sealed.observed import SEALED_SECRETS, Key, SealedSecrets
from controller.sealed.reconcile import Reconciler
from controller.sealed.report import Reporter
from controller.sealed.secrets import TRUST_SECONDS, SecretMemory, watch_secrets
from controller.settings import Client, Settings
from controller.target import SecretRecord
from engine.errors import KsealError, NotReady
from engine.kube import config
from engine.kube.client import Cluster
from engine.kube.discovery import serves
from engine.kube.http.ratelimit import RateLimiter
from engine.kube.watch import Informer, Problem
from engine.version import VERSION

STOP_SECONDS: Final = 10.0
"""For what is in hand when the process is told to stop; a pod is killed after 30."""
SILENCE_SECONDS: Final = 600.0
"""A watch without trouble that has said nothing for so long, not even a bookmark, hangs: the process is begun anew."""
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 15.0


class Process:
    """One controller. `run` blocks until told to stop. Raises: KsealError when it cannot even be put together."""

    def __init__(self, settings: Settings, environ: Mapping[str, str]) -> None:
        logs.configure(
            level=settings.logs.level, format=settings.logs.format, info_to_stdout=settings.logs.info_to_stdout
        )
        self._log = logs.get()
        self._settings = settings
        self._stopping = threading.Event()
        self._waits_for: KsealError | None = NotReady("starting")
        connection = config.load(
            kubeconfig=settings.client.kubeconfig, context=settings.client.context, environ=environ
        )
        self._build(connection)

    def _build(self, connection: config.Connection) -> None:
        settings, namespace = self._settings, None if self._settings.all_namespaces else self._settings.namespace
        # Three clients, because the original has a limit for built-in kinds and another for its own; the third is news.
        core, custom, news = (_client(connection, settings.client) for _ in range(3))
        self._clusters = (core, custom, news)
        self._metrics = Metrics(VERSION)
        self._sealed, self._memory = SealedSecrets(), SecretMemory()
        self._queue: WorkQueue[Key] = WorkQueue()
        self._keys = KeyRegistry(
            core, settings.namespace, settings.keys, watched=namespace, now=utc_now, on_unreadable=self._unreadable_key
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
        self._secrets = watch_secrets(
            core, namespace, self._memory, on_change=self._secret_changed, on_problem=self._watch_interrupted
        )
        self._front_door = FrontDoor(
            connection,
            SEALED_SECRETS,
            on_event=self._sealed_secret_event,
            knows=self._sealed.knows,
            is_served=lambda: serves(custom, SEALED_SECRETS),
            on_problem=lambda error: self._log.warning("watch interrupted", kind=SEALED_SECRETS.kind, error=error),
            namespaces=None if namespace is None else [namespace],
        )
        self._workers = WorkerPool(
            self._queue, self._work, size=settings.unsealing.workers, on_crash=self._reconcile_crashed
        )
        self._listeners = Listeners(
            settings.http,
            self._metrics,
            certificate=self._keys.certificate,
            alive=self._trouble,
            ready=self._not_ready,
            on_error=lambda error: self._log.error("request failed by a defect", error=error),
        )
        self._metrics.watch(queue_depth=lambda: self._queue.depth, watch_idle_seconds=self._idle_seconds)

    def run(self, stop: threading.Event) -> None:
        """Come up, work until `stop` is set, go down: what is in hand is finished, what waits is found again."""
        port, metrics_port = self._listeners.start()
        self._log.info("listening", port=port, metrics_port=metrics_port)
        threading.Thread(target=self._come_up, name="come-up", daemon=True).start()
        stop.wait()
        self._go_down()

    def _come_up(self) -> None:
        for step in (self._wait_for_crd, self._load_keys, self._watch_secrets, self._watch_sealed_secrets):
            if not self._retried(step):
                return
        self._events.start()
        self._workers.start()
        gc.collect()
        gc.freeze()  # what is there now stays: later collections need not look at it
        self._waits_for = None
        self._log.info("ready", sealed_secrets=len(self._sealed.keys()), keys=len(self._keys.ring))

    def _retried(self, step: Callable[[], None]) -> bool:
        """Do a step until it succeeds; False when the process is stopping."""
        pause = _FIRST_PAUSE
        told = ""
        while not self._stopping.is_set():
            try:
                step()
            except Exception as error:  # noqa: BLE001 - a defect must not leave a process that waits for nothing
                trouble = error if isinstance(error, KsealError) else NotReady(f"a defect: {type(error).__name__}")
                self._waits_for = trouble
                if trouble.message != told:
                    defect = {} if trouble is error else {"error": error}
                    self._log.warning("not ready", cause=trouble.message, hint=trouble.hint, **defect)
                    told = trouble.message
                asked = trouble.retry_after if isinstance(trouble, NotReady) else None
                self._stopping.wait(pause if asked is None else asked)
                pause = min(pause * 2, _LONGEST_PAUSE)
            else:
                return True
        return False

    def _wait_for_crd(self) -> None:
        if not serves(self._clusters[1], SEALED_SECRETS):
            raise NotReady(
                f"the API server does not serve {SEALED_SECRETS.plural}.{SEALED_SECRETS.group}",
                "install the custom resource definition: kubectl apply -k deploy/crds",
                retry_after=2.0,
            )

    def _load_keys(self) -> None:
        ring = self._keys.ensure()
        self._log.info("keys loaded", count=len(ring), newest=ring.newest.fingerprint)

    def _watch_secrets(self) -> None:
        self._secrets.start()
        self._wait(self._secrets.wait_synced, lambda: _trouble_of(self._secrets))

    def _watch_sealed_secrets(self) -> None:
        self._front_door.start()
        self._wait(self._front_door.wait_listed, self._front_door.trouble)

    def _wait(self, is_done: Callable[[float], bool], trouble: Callable[[], str | None]) -> None:
        while not self._stopping.is_set() and not is_done(1.0):
            self._waits_for = NotReady(trouble() or "starting")

    def _go_down(self) -> None:
        started = time.monotonic()
        self._log.info("stopping")
        self._stopping.set()
        self._waits_for = NotReady("stopping")
        self._front_door.stop()
        self._secrets.stop()
        finished = self._workers.stop(STOP_SECONDS)
        self._events.stop(2.0)
        self._listeners.stop(2.0)
        for cluster in self._clusters:
            cluster.close()
        self._log.info("stopped", finished=finished, seconds=round(time.monotonic() - started, 3))

    def _not_ready(self) -> str | None:
        """Why the process is not ready, with the cure; None when it is."""
        waits_for = self._waits_for
        if waits_for is not None:
            return waits_for.message + (f"; {waits_for.hint}" if waits_for.hint else "")
        return _trouble_of(self._secrets) or self._front_door.trouble()

    def _trouble(self) -> str | None:
        """Why the process should be started again; None while it is alive."""
        if self._waits_for is not None:
            return None
        if self._idle_seconds() > SILENCE_SECONDS and self._not_ready() is None:  # an outage is waited for, not died of
            return f"no word from a watch for {SILENCE_SECONDS:.0f} s"
        if self._workers.alive < self._settings.unsealing.workers:
            return "a worker has ended"
        return None

    def _idle_seconds(self) -> float:
        return max(time.monotonic() - self._secrets.last_activity, self._front_door.idle_seconds)

    def _sealed_secret_event(self, kind: str | None, raw: dict[str, Any]) -> None:
        """Called on kopf's loop: remembers the object, queues its name, nothing else."""
        if kind == "DELETED":
            key = Key(raw["metadata"]["namespace"], raw["metadata"]["name"])
            self._sealed.drop(key)
            self._queue.add(key)
            return
        key, observed, is_new = self._sealed.put(raw)
        if is_new:
            self._queue.add(key, urgent=kind is not None or not observed.settled)

    def _secret_changed(self, key: Key) -> None:
        if self._sealed.get(key) is not None:
            self._queue.add(key)

    def _work(self, key: Key) -> None:
        started = time.monotonic()
        outcome = self._reconciler.reconcile(key)
        self._metrics.reconciled(time.monotonic() - started)
        if outcome is None or outcome.retry is None:
            self._queue.forget(key)
        elif outcome.retry == "backoff":
            self._queue.retry(key)
        else:
            self._queue.add_after(key, float(outcome.retry))
        if outcome is not None and outcome.changed:
            self._queue.add_after(key, TRUST_SECONDS + 1)  # by then the watch has repeated the write, or it is doubted

    def _reconcile_crashed(self, key: Key, error: Exception) -> None:
        self._log.error("reconcile failed by a defect", ref=str(key), error=error)

    def _unreadable_key(self, ref: str, error: KsealError) -> None:
        self._log.error("sealing key passed over", ref=ref, cause=error.message, hint=error.hint)

    def _watch_interrupted(self, problem: Problem) -> None:
        self._log.warning(
            "watch interrupted", kind="Secret", doing=problem.doing, name=problem.name, error=problem.error
        )

    def _event_dropped(self, why: str, error: Exception | None) -> None:
        self._metrics.event_dropped(why)
        self._log.debug("event dropped", why=why, error=error)


def _client(connection: config.Connection, settings: Client) -> Cluster:
    limiter = RateLimiter(settings.qps, settings.burst) if settings.qps > 0 else None
    return Cluster(connection, limiter=limiter, timeout_seconds=settings.timeout_seconds)


def _trouble_of(secrets: Informer[SecretRecord]) -> str | None:
    """Why the records of Secrets may be out of date. Of foreign errors only the type is told."""
    if secrets.healthy:
        return None
    error = secrets.last_error
    if error is None:
        return "the Secrets are being listed"
    cause = error.message if isinstance(error, KsealError) else type(error).__name__
    return f"the watch of Secrets is interrupted: {cause}"
