"""A fleet of SealedSecrets under one controller, ours or the original: made fast, watched from outside.

Each fleet has a control plane of its own, fresh, so that no run pays for the one before. Both controllers find the
same key, so that neither has to make one.
"""

import json
import os
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self

from bench import material
from bench.figure import Goal, Row, Samples, Unit
from bench.wheel import Installed
from controller.sealed.observed import SEALED_SECRETS
from engine.kube import config
from engine.kube.client import Cluster
from engine.kube.watch import Informer
from tests.kit.controlplane import ControlPlane
from tests.kit.errors import Died
from tests.kit.ground import install_crd
from tests.kit.process import Nest, wait_until
from tests.kit.running import OriginalController, Running, RunningController

Kind = Literal["kseal", "original"]
KINDS: Final[tuple[Kind, ...]] = ("kseal", "original")
HOME: Final = "kube-system"
WARM_UP: Final = "warm-up"
_CREATORS: Final = 4  # threads: enough to keep the API server busy
_CLOCK_TICKS: Final = os.sysconf("SC_CLK_TCK")


class Fleet:
    """A control plane, a controller that is ready, and a look at what it does. Use as a context manager."""

    def __init__(self, kind: Kind, installed: Installed, *, flags: Sequence[str] = ()) -> None:
        self._kind = kind
        self._installed = installed
        self._flags = flags

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.plane = stack.enter_context(ControlPlane())
            self.plane.api.text("POST", "/api/v1/namespaces", {"metadata": {"name": material.NAMESPACE}})
            self.plane.api.text("POST", f"/api/v1/namespaces/{HOME}/secrets", material.key_secret())
            nest = stack.enter_context(Nest("fleet"))
            self.controller = self._controller(nest).start()
            connection = config.load(kubeconfig=str(self.plane.kubeconfig), environ={})
            self.cluster = Cluster(connection)
            stack.callback(self.cluster.close)
            self.progress = Progress(self.cluster)
            stack.callback(self.progress.stop)
            self._warm_up()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def create(self, objects: Sequence[dict[str, Any]]) -> None:
        """Create SealedSecrets as fast as the API server takes them, with little work of our own beside it."""
        path, headers = SEALED_SECRETS.path(material.NAMESPACE), [("Content-Type", "application/json")]
        bodies = [json.dumps(one).encode() for one in objects]
        with ThreadPoolExecutor(_CREATORS) as pool:
            for _ in pool.map(lambda body: self.cluster.request("POST", path, body=body, headers=headers), bodies):
                pass

    def cpu_seconds(self) -> float:
        """What the controller's process has used so far, in user and in kernel mode."""
        fields = Path(f"/proc/{self.controller.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _CLOCK_TICKS

    def peak_megabytes(self) -> float:
        """The most memory that the controller's process has ever held."""
        lines = Path(f"/proc/{self.controller.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024

    def looked_at(self) -> int:
        """How many SealedSecrets this run of the controller has worked on, by its own count."""
        return self.count("sealed_secrets_controller_unseal_requests_total")

    def count(self, metric: str) -> int:
        """A counter without labels on the controller's metrics page; 0 until it is there."""
        lines = (line.split() for line in self.controller.metrics().splitlines() if line.startswith(f"{metric} "))
        return next((int(float(value)) for _, value in lines), 0)

    def wait_looked_at(self, count: int, *, limit_seconds: float) -> None:
        """Wait until the controller has worked on so many. Raises: Died with the end of its log.

        It is asked twice a second only: a page that names thousands of objects costs it time, and us the figure.
        """
        what = f"{count} SealedSecrets are looked at"
        try:
            wait_until(lambda: self.looked_at() >= count, what, limit_seconds=limit_seconds, every_seconds=0.5)
        except TimeoutError as error:
            raise Died(f"{error}; end of the log:\n{self.controller.process.log_tail()}") from error

    def _warm_up(self) -> None:
        """One SealedSecret: an API server waits for two seconds with the first one after a kind was taught to it.

        Source: k8s.io/apiextensions-apiserver pkg/apiserver/customresource_handler.go, ServeHTTP.
        """
        self.create([material.sealed(WARM_UP)])
        self.progress.wait_for([WARM_UP], limit_seconds=60.0)

    def _controller(self, nest: Nest) -> Running:
        if self._kind == "original":
            return OriginalController(nest, self.plane, namespace=HOME, flags=self._flags)
        install_crd(self.plane)
        controller = RunningController(nest, self.plane.kubeconfig, namespace=HOME, flags=self._flags)
        controller.command[0] = str(self._installed.kseal)
        return controller


class Progress:
    """When each SealedSecret was first seen to be synced, by a watch."""

    def __init__(self, cluster: Cluster) -> None:
        self._at: dict[str, float] = {}
        self._changed = threading.Condition()
        self._watch = Informer(
            cluster,
            SEALED_SECRETS,
            decode=_is_synced,
            on_change=self._note,
            on_problem=lambda _: None,
            namespace=material.NAMESPACE,
        )
        self._watch.start()
        self._watch.wait_synced(10.0)

    def stop(self) -> None:
        """End the watch."""
        self._watch.stop()

    def wait_for(self, names: Sequence[str], *, limit_seconds: float) -> float:
        """Wait until all of them are synced; when the last one was, by the monotonic clock. Raises: TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(lambda: all(name in self._at for name in names), limit_seconds):
                done = sum(name in self._at for name in names)
                raise TimeoutError(f"{done} of {len(names)} SealedSecrets are synced after {limit_seconds:.0f} s")
            return max(self._at[name] for name in names)

    def _note(self, _namespace: str, name: str, synced: bool | None) -> None:
        now = time.monotonic()
        if synced:
            with self._changed:
                self._at.setdefault(name, now)
                self._changed.notify_all()


def _is_synced(raw: dict[str, Any]) -> bool:
    status = raw.get("status") or {}
    is_present = status.get("observedGeneration") == raw["metadata"]["generation"]
    return is_present and any(
        condition["type"] == "Synced" and condition["status"] == "True" for condition in status.get("conditions") or ()
    )


def compared(
    figure: str, taken: Mapping[Kind, Sequence[Mapping[str, float]]], what: str, unit: Unit, goal: Goal | None = None
) -> Row:
    """The row of one thing that was measured in each run of both."""
    ours, peer = (Samples([run[what] for run in taken[kind]], unit) for kind in KINDS)
    return Row(figure, ours, peer, "sealed-secrets-controller", goal)
