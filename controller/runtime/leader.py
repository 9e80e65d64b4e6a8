"""Which of the replicas writes: the one that holds a Lease, and only for as long as that surely is so.

The holder renews; the others take the Lease when they have seen it unchanged for its whole duration, by their own
clock, so no two clocks are ever compared. The holder gives up earlier, measured from before its last renewal was sent:
between both lies a time in which nobody leads. A holder that was stopped meanwhile finds its deadline passed before it
can write anything (`check`, called right before each write is sent).

Source: client-go tools/leaderelection, for the fields and for how they are read.
"""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from controller.errors import NotLeading
from engine.errors import KsealError
from engine.kube.client import Cluster
from engine.kube.errors import AlreadyExists, Conflict, Forbidden, NotFound
from engine.kube.refs import Resource

LEASES: Final = Resource("coordination.k8s.io", "v1", "leases", "Lease")


class Times(NamedTuple):
    """In seconds. The ratios are client-go's."""

    lease: float = 15.0
    """Others wait for so long after the last renewal that they saw."""
    lead: float = 10.0
    """The holder trusts a renewal for so long: less than `lease`, for writes that are still on their way."""
    renew: float = 4.0
    """Between two renewals."""
    look: float = 2.0
    """Between two looks of a replica that waits, and two tries of one that failed."""
    ask_again: float = 60.0
    """Between two looks whether the right to use Leases has come."""


def boot_clock() -> float:
    """Seconds that go on while the process is stopped, and while the machine sleeps where the system counts that."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


class _Held(NamedTuple):
    """The Lease as we wrote it last, and until when that counts."""

    lease: dict[str, Any]
    deadline: float


class _Seen(NamedTuple):
    """What stood in the Lease, and when we first saw it so."""

    holder: str
    version: str
    at: float
    lease_seconds: float


class Elector:
    """Takes and keeps the Lease, in a thread of its own; `on_change` is called there with whether we lead now.

    Where the account has never been allowed to use Leases there is no election: then this is the only replica, as
    with the original's rights, and it leads. An election that has once worked is never given up for that.
    """

    def __init__(
        self,
        cluster: Cluster,
        namespace: str,
        name: str,
        identity: str,
        *,
        on_change: Callable[[bool], None],
        on_problem: Callable[[KsealError], None],
        times: Times = Times(),  # noqa: B008 - an immutable value
        clock: Callable[[], float] = boot_clock,
    ) -> None:
        """`cluster` must not share its write gate with those that ask `check`."""
        self._cluster = cluster
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._on_change = on_change
        self._on_problem = on_problem
        self._times = times
        self._clock = clock
        self._lock = threading.Lock()
        self._held: _Held | None = None
        self._seen: _Seen | None = None
        self._last_words = ""  # the renewTime that we last tried to write: tells our own state from others'
        self._has_worked = False
        self._is_unopposed = False
        self._is_told = False
        self._problem = ""
        self._decided = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="leader", daemon=True)

    def start(self) -> None:
        """Begin to try; once only."""
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Give the Lease back, so that another replica need not wait for its end. Call it when the work has ended."""
        self._stopping.set()
        if self._thread.ident is None:
            return
        self._thread.join(timeout)
        if not self._thread.is_alive():
            self._release()

    def wait_decided(self, timeout: float) -> bool:
        """Wait for the first look at the Lease, whatever came of it; False when the time is over before."""
        return self._decided.wait(timeout)

    @property
    def leads(self) -> bool:
        """Whether a write may be sent at this moment."""
        with self._lock:
            return self._is_unopposed or (self._held is not None and self._clock() < self._held.deadline)

    def check(self) -> None:
        """Let a write pass. Raises: NotLeading."""
        if not self.leads:
            raise NotLeading("this replica does not lead", f"Lease/{self._namespace}/{self._name} says who does")

    @property
    def holder(self) -> str:
        """Who led when we last looked; empty when nobody did or we do not know."""
        with self._lock:
            return self._identity if self._held is not None else self._seen.holder if self._seen else ""

    def _run(self) -> None:
        while not self._stopping.is_set():
            pause = self._times.look
            try:
                self._step()
            except Forbidden as error:
                pause = self._without_right(error)
            except (Conflict, AlreadyExists):
                self._drop()  # somebody was faster
            except KsealError as error:
                self._report(error)
            except Exception as error:  # noqa: BLE001 - a defect here must not end the thread, and so all writing
                self._report(KsealError(f"Lease/{self._namespace}/{self._name}: a defect: {type(error).__name__}"))
            else:
                self._problem = ""
                pause = self._times.renew if self._held is not None else self._times.look
            self._tell()
            self._decided.set()
            self._stopping.wait(pause)

    def _step(self) -> None:
        """Renew our Lease, or look whether it can be taken. Raises: ApiError."""
        if self._held is not None and self._clock() >= self._held.deadline:
            self._drop()  # what follows is a new term, even when nobody was in between
            self._tell()
        if self._held is not None:
            try:
                self._write(self._held.lease, is_new_term=False)
            except Conflict:
                pass  # a lost answer of our own, or somebody else: the Lease itself says which
            else:
                return
        try:
            lease = self._cluster.get(LEASES, self._namespace, self._name)
        except NotFound:
            self._write({}, is_new_term=True)
            return
        self._has_worked, self._is_unopposed = True, False
        if self._held is not None and not self._is_ours(lease.get("spec") or {}):
            self._drop()
        elif self._held is not None or self._is_free(lease.get("spec") or {}, lease["metadata"]["resourceVersion"]):
            self._write(lease, is_new_term=self._held is None)

    def _write(self, old: dict[str, Any], *, is_new_term: bool) -> None:
        """Put our name into the Lease, as it was read; create it where there is none. Raises: ApiError."""
        now, spec = _now(), old.get("spec") or {}
        self._last_words = now
        lease = {
            "apiVersion": LEASES.api_version,
            "kind": LEASES.kind,
            "metadata": old.get("metadata") or {"name": self._name, "namespace": self._namespace},
            "spec": {
                "holderIdentity": self._identity,
                "leaseDurationSeconds": round(self._times.lease),
                "acquireTime": now if is_new_term else spec.get("acquireTime") or now,
                "renewTime": now,
                "leaseTransitions": int(spec.get("leaseTransitions") or 0) + int(is_new_term and bool(old)),
            },
        }
        asked_at = self._clock()
        written = self._cluster.update(LEASES, lease) if old else self._cluster.create(LEASES, lease)
        version = written["metadata"]["resourceVersion"]
        if self._held is not None and self._clock() >= self._held.deadline:
            self._drop()  # the answer took too long: what was left undone meanwhile has to be taken up again
            self._tell()
        with self._lock:
            self._held = _Held(written, asked_at + self._times.lead)
            self._seen = _Seen(self._identity, version, asked_at, self._times.lease)
        self._has_worked, self._is_unopposed = True, False

    def _is_ours(self, spec: dict[str, Any]) -> bool:
        """Whether the Lease says what we last tried to write, word for word."""
        return spec.get("holderIdentity") == self._identity and spec.get("renewTime") == self._last_words

    def _is_free(self, spec: dict[str, Any], version: str) -> bool:
        """Whether nobody holds it: given back, left behind by us before a restart, or unchanged for too long."""
        holder = spec.get("holderIdentity") or ""
        is_first_look = self._seen is None
        if self._seen is None or (self._seen.holder, self._seen.version) != (holder, version):
            seconds = max(float(spec.get("leaseDurationSeconds") or 0), self._times.lease)
            with self._lock:
                self._seen = _Seen(holder, version, self._clock(), seconds)
        if not holder or (holder == self._identity and is_first_look) or self._is_ours(spec):
            return True
        return self._clock() - self._seen.at >= self._seen.lease_seconds

    def _drop(self) -> None:
        with self._lock:
            self._held = None

    def _without_right(self, error: Forbidden) -> float:
        if self._has_worked:
            self._report(error)
            return self._times.look
        if not self._is_unopposed:
            with self._lock:
                self._is_unopposed = True
            self._on_problem(error)
        return self._times.ask_again

    def _report(self, error: KsealError) -> None:
        if error.message != self._problem:
            self._problem = error.message
            self._on_problem(error)

    def _tell(self) -> None:
        leads = self.leads
        if leads != self._is_told:
            self._is_told = leads
            self._on_change(leads)

    def _release(self) -> None:
        held = self._held
        if held is None or self._clock() >= held.deadline:
            return
        self._drop()
        given_back = {**held.lease["spec"], "holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": _now()}
        try:
            self._cluster.update(LEASES, {**held.lease, "spec": given_back})
        except KsealError as error:
            self._report(error)  # then the others wait for its end


def _now() -> str:
    """A point in time as metav1.MicroTime writes it; for people only, nothing is decided by it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
