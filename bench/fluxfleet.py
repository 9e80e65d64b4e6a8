"""Kustomizations under the controllers of one maker, ours or Flux's: delivered, and watched from outside.

Each fleet has a control plane of its own, fresh. Its Deployments have no Pods; their controller makes them ready.
What a phase cost is read from outside too: time by a watch, CPU and memory of the process trees from /proc, requests
from the API server's audit log, by the controllers' accounts.
"""

import json
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from bench import fluxcorpus
from bench.figure import Bench, Goal, Row, Samples, Unit
from bench.fluxcorpus import Corpus
from engine.kube import config
from engine.kube.client import Cluster
from engine.kube.refs import Resource
from engine.kube.watch import Informer
from tests.kit.controlplane import ControlPlane
from tests.kit.deliveries import git_repository
from tests.kit.errors import Died
from tests.kit.family import Peak
from tests.kit.flux import EQUAL, HOME, Limits, Maker, Stack, install_crds
from tests.kit.fluxground import FluxGround, ready, revision
from tests.kit.gitserver import GitServer
from tests.kit.process import Nest, wait_until
from tests.kit.table import FLUX
from tests.kit.workcopy import WorkCopy

MAKERS: Final[tuple[Maker, ...]] = ("kseal", "flux")
PEER: Final = f"Flux {FLUX}"
LIMIT_SECONDS: Final = 1800.0
_CREATORS: Final = 4  # threads: enough to keep the API server busy
_KUSTOMIZATIONS: Final = Resource("kustomize.toolkit.fluxcd.io", "v1", "kustomizations", "Kustomization")
_AUDIT: Final = (
    "--audit-log-mode=batch",
    "--audit-log-batch-max-wait=1s",
    "--audit-log-batch-buffer-size=1000000",
    "--audit-log-maxsize=100000",
)
"""In batches, so that no request waits for the log; nothing of it may be dropped, and it stays one file."""

_MANAGER: Final = (
    "--kube-api-qps=5000",
    "--kube-api-burst=10000",
    "--concurrent-deployment-syncs=50",
    "--concurrent-replicaset-syncs=50",
)
"""What makes Deployments ready must not be what is measured."""


class Cost(NamedTuple):
    """What one phase took."""

    seconds: float
    cpu: float
    requests: Counter[str]
    """By verb; what was only tried out as `dry-run`."""

    def __str__(self) -> str:
        listed = ", ".join(f"{count} {verb}" for verb, count in sorted(self.requests.items()))
        return f"{self.seconds:.2f} s, {self.cpu:.2f} s of CPU, {self.requests.total()} requests ({listed})"


class Phase:
    """Begins and ends; its requests are counted when the fleet ends. All clocks are this machine's."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._cpu = stack.cpu_seconds()
        self._wall = datetime.now(UTC)
        self._began = time.monotonic()

    def end(self, at: float | None = None) -> None:
        """Now, or at a moment of the monotonic clock that has just passed."""
        self.seconds = (at or time.monotonic()) - self._began
        self.cpu = self._stack.cpu_seconds() - self._cpu
        self._wall_end = datetime.now(UTC)

    def cost(self, events: Sequence[Mapping[str, Any]]) -> Cost:
        """With the requests of an audit log that came in between."""
        asked: Counter[str] = Counter()
        first, last = (f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}" for moment in (self._wall, self._wall_end))
        for event in events:
            if first <= event["requestReceivedTimestamp"] <= last:
                asked["dry-run" if "dryRun=" in event["requestURI"] else event["verb"]] += 1
        return Cost(self.seconds, self.cpu, asked)


class FluxFleet:
    """A control plane, a repository, and controllers that are ready and have had one Kustomization already."""

    def __init__(self, maker: Maker, bench: Bench, corpus: Corpus, limits: Limits) -> None:
        self.maker, self.corpus = maker, corpus
        self._bench, self._limits = bench, limits

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.plane = stack.enter_context(
                ControlPlane("cluster", audit=True, api_server_flags=_AUDIT, manager_flags=_MANAGER)
            )
            install_crds(self.plane)
            nest = stack.enter_context(Nest("fluxfleet"))
            (nest.folder / "repositories").mkdir()
            git = stack.enter_context(GitServer(nest.folder / "repositories"))
            self.ground = FluxGround(self.plane, WorkCopy(git, nest.folder / "work", "fleet"), HOME)
            self.ground.repository.write_all(self.corpus.files)
            self.ground.repository.push()
            self._cluster = Cluster(config.load(kubeconfig=str(self.plane.kubeconfig), environ={}))
            stack.callback(self._cluster.close)
            self._make_namespaces()
            program = self._bench.installed.kseal
            self.stack = stack.enter_context(Stack(self.maker, nest, self.plane, limits=self._limits, program=program))
            self._progress = Progress(self._cluster)
            stack.callback(self._progress.stop)
            self.ground.apply(git_repository(self.ground.repository, HOME), fluxcorpus.warm_up())
            self._wait([fluxcorpus.WARM_UP])
            self.peak = stack.enter_context(Peak(*self.stack.pids))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def cold(self) -> Phase:
        """From the first Kustomization created until the last one is ready."""
        phase = Phase(self.stack)
        self._create(_KUSTOMIZATIONS.path(HOME), self.corpus.kustomizations)
        phase.end(self._wait(self.corpus.names))
        return phase

    def commit(self) -> Phase:
        """From the request to fetch the commit of one changed line until all are ready at its revision."""
        self.ground.repository.edit(*self.corpus.line)
        self.ground.repository.push()
        phase = Phase(self.stack)
        self.ground.request("gitrepository", "fleet")
        phase.end(self._wait(self.corpus.names))
        return phase

    def interval(self, seconds: float) -> Phase:
        """A time in which nothing happens, and which has room for one pass of each: it begins half-way between two."""
        time.sleep(seconds / 2)
        phase = Phase(self.stack)
        time.sleep(seconds)
        phase.end()
        return phase

    def costs(self, phases: Sequence[Phase]) -> list[Cost]:
        """What they came to; the audit log is read once."""
        marker = f"marker-{time.time_ns()}"
        self.plane.api.text("GET", f"/version?{marker}")
        log = self.plane.audit_events
        wait_until(lambda: any(marker in one["requestURI"] for one in log()), "the audit log is written")
        users = self.stack.users
        events = [
            {name: event[name] for name in ("requestReceivedTimestamp", "requestURI", "verb")}
            for event in log()
            if event["user"]["username"] in users and event["stage"] == "ResponseComplete" and event["verb"] != "watch"
        ]
        return [phase.cost(events) for phase in phases]

    def _wait(self, names: Sequence[str]) -> float:
        try:
            return self._progress.wait_for(names, self.ground.repository.revision, limit_seconds=LIMIT_SECONDS)
        except TimeoutError as error:
            tail = "\n".join(server.process.log_tail() for server in self.stack.servers)
            raise Died(f"{error}; end of the logs:\n{tail}") from error

    def _make_namespaces(self) -> None:
        """All of them, until their ServiceAccounts are there: nothing of that shall be measured."""
        names = [*self.corpus.namespaces, fluxcorpus.WARM_UP]
        self._create("/api/v1/namespaces", [{"metadata": {"name": name}} for name in names])
        every = "/api/v1/serviceaccounts?fieldSelector=metadata.name%3Ddefault"
        wait_until(
            lambda: len(self.plane.api.json("GET", every)["items"]) >= len(names),
            f"{len(names)} namespaces are made",
            limit_seconds=300,
            every_seconds=1.0,
        )

    def _create(self, path: str, objects: Sequence[Mapping[str, Any]]) -> None:
        """Create objects as fast as the API server takes them, with little work of our own beside it."""
        headers = [("Content-Type", "application/json")]
        bodies = [json.dumps(one).encode() for one in objects]
        with ThreadPoolExecutor(_CREATORS) as pool:
            for _ in pool.map(lambda body: self._cluster.request("POST", path, body=body, headers=headers), bodies):
                pass


class Progress:
    """When each Kustomization was first seen to be ready at a revision, by a watch."""

    def __init__(self, cluster: Cluster) -> None:
        self._at: dict[tuple[str, str], float] = {}
        self._changed = threading.Condition()
        self._watch = Informer(
            cluster,
            _KUSTOMIZATIONS,
            decode=_ready_at,
            on_change=self._note,
            on_problem=lambda _: None,
            namespace=HOME,
        )
        self._watch.start()
        self._watch.wait_synced(10.0)

    def stop(self) -> None:
        """End the watch."""
        self._watch.stop()

    def wait_for(self, names: Sequence[str], wanted: str, *, limit_seconds: float) -> float:
        """Wait until all are ready at a revision; when the last one was, by the monotonic clock.

        Raises: TimeoutError.
        """
        deadline = time.monotonic() + limit_seconds
        with self._changed:
            while missing := sum((name, wanted) not in self._at for name in names):
                left = deadline - time.monotonic()
                if left <= 0:
                    done = len(names) - missing
                    raise TimeoutError(f"{done} of {len(names)} Kustomizations are ready after {limit_seconds:.0f} s")
                # Not at each change: thousands of names would be counted thousands of times.
                self._changed.wait(min(left, 0.05))
            return max(self._at[name, wanted] for name in names)

    def _note(self, _namespace: str, name: str, found: str | None) -> None:
        now = time.monotonic()
        if found:
            with self._changed:
                self._at.setdefault((name, found), now)


def _ready_at(raw: dict[str, Any]) -> str:
    """The revision at which it is ready; empty while it is not."""
    return revision(raw) if ready(raw).get("status") == "True" else ""


def measured(
    bench: Bench, maker: Maker, corpus: Corpus, *, limits: Limits = EQUAL, interval_seconds: float = 0.0
) -> dict[str, float]:
    """One fleet: cold, a commit of one line, and, where asked, an interval in which nothing changes."""
    with FluxFleet(maker, bench, corpus, limits) as fleet:
        bench.quiet.wait()
        phases = {"cold": fleet.cold()}
        bench.quiet.wait()
        phases["commit"] = fleet.commit()
        if interval_seconds:
            bench.quiet.wait()
            phases["interval"] = fleet.interval(interval_seconds)
        peak = fleet.peak.megabytes
        costs = fleet.costs([*phases.values()])
    found = {"memory": peak}
    for name, cost in zip(phases, costs, strict=True):
        bench.say(f"{maker}, {len(corpus.names)}, {name}: {cost}")
        found |= {f"{name} seconds": cost.seconds, f"{name} cpu": cost.cpu, f"{name} requests": cost.requests.total()}
    bench.say(f"{maker}, {len(corpus.names)}: at most {peak:.0f} MB")
    return found


def compared(
    figure: str, taken: Mapping[Maker, Mapping[str, float]], what: str, unit: Unit, goal: Goal | None = None
) -> Row:
    """The row of one thing that was measured for both."""
    ours, peer = (Samples([taken[maker][what]], unit) for maker in MAKERS)
    return Row(figure, ours, peer, PEER, goal)


def rows(taken: Mapping[Maker, Mapping[str, float]], goals: Mapping[str, Goal]) -> list[Row]:
    """Everything that `measured` found of both, where both have it."""
    named: list[tuple[str, str, Unit]] = [
        ("cold seconds", "cold, until all are ready", "s"),
        ("cold cpu", "cold, time of all cores", "s"),
        ("cold requests", "cold, API requests", "requests"),
        ("commit seconds", "commit of one line, until all report it", "s"),
        ("commit cpu", "commit of one line, time of all cores", "s"),
        ("commit requests", "commit of one line, API requests", "requests"),
        ("interval cpu", "an interval without change, time of all cores", "s"),
        ("interval requests", "an interval without change, API requests", "requests"),
        ("memory", "peak memory, children included", "MB"),
    ]
    return [
        compared(text, taken, what, unit, goals.get(what))
        for what, text, unit in named
        if all(what in taken[maker] for maker in MAKERS)
    ]
