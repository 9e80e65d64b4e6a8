"""Flux's resources under a control plane: the CRDs, and the controllers that work on them, the real ones or ours.

What a test says about a controller it can say about both, which proves the test: see `Stack`.
"""

import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, NamedTuple, Self

import yaml

from tests.kit import family, programs
from tests.kit.controlplane import Account, ControlPlane
from tests.kit.process import Nest, Process, free_port
from tests.kit.running import KSEAL
from tests.kit.share import upstream_file

Maker = Literal["flux", "kseal"]
"""Whose controller it is."""
HOME: Final = "flux-system"
"""The namespace of the controllers."""
_CRDS: Final = {
    "source-controller": (
        "source.toolkit.fluxcd.io_buckets.yaml",
        "source.toolkit.fluxcd.io_externalartifacts.yaml",
        "source.toolkit.fluxcd.io_gitrepositories.yaml",
        "source.toolkit.fluxcd.io_helmcharts.yaml",
        "source.toolkit.fluxcd.io_helmrepositories.yaml",
        "source.toolkit.fluxcd.io_ocirepositories.yaml",
    ),
    "kustomize-controller": ("kustomize.toolkit.fluxcd.io_kustomizations.yaml",),
}
SHARD: Final = "sharding.fluxcd.io/key"
"""The label by which two controllers for the same kind share the resources of a cluster."""


class Limits(NamedTuple):
    """What a controller may do at once, and ask in a second. None leaves its own default."""

    concurrent: int | None = None
    qps: int | None = None
    burst: int | None = None

    def flags(self) -> list[str]:
        """The same for all of them."""
        named = {"concurrent": self.concurrent, "kube-api-qps": self.qps, "kube-api-burst": self.burst}
        return [f"--{name}={value}" for name, value in named.items() if value is not None]


DEFAULTS: Final = Limits()
EQUAL: Final = Limits(concurrent=20, qps=5000, burst=10000)
"""For a comparison. The rate binds nobody: Flux keeps to none where the API server has fair queues, as by default."""


class Server:
    """One process: started, stopped and looked at. It may be started again: same command, same addresses."""

    def __init__(self, nest: Nest, name: str, command: Sequence[str | Path], environ: Mapping[str, str]) -> None:
        self.name = name
        self._nest = nest
        self._command = [*command]
        self._environ = {**nest.bare_environment(), **environ}
        self._runs = 0
        self._process: Process | None = None
        self.health_port = free_port()
        self.ready_path = "/readyz"

    @property
    def process(self) -> Process:
        """The process of the last start."""
        if self._process is None:
            raise RuntimeError(f"{self.name} has not been started")
        return self._process

    @property
    def log(self) -> str:
        """What it said, in all runs so far."""
        files = sorted(self._nest.folder.glob(f"{self.name}-*.log"))
        return "".join(file.read_text(errors="replace") for file in files)

    def start(self) -> Self:
        """Start it and wait until it says that it is ready."""
        self._runs += 1
        self._process = self._nest.start(f"{self.name}-{self._runs:03}", self._command, env=self._environ)
        self._process.wait_ready(self.is_ready)
        return self

    def stop(self) -> int:
        """SIGTERM, as a Pod is told to end; returns the exit code."""
        self.process.signal(signal.SIGTERM)
        return self.process.wait()

    def kill(self) -> None:
        """SIGKILL: no chance to tidy up."""
        self.process.stop()

    def is_ready(self) -> bool:
        """What a readiness probe would find."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.health_port}{self.ready_path}", timeout=10) as answer:
                return bool(answer.status == 200)
        except (urllib.error.HTTPError, OSError):
            return False


class SourceController(Server):
    """The real one, with an address where its artifacts are fetched."""

    def __init__(
        self, nest: Nest, plane: ControlPlane, *, limits: Limits = DEFAULTS, flags: Sequence[str] = ()
    ) -> None:
        self.account = admin(plane, "source-controller")
        storage = nest.folder / "source-controller-storage"
        storage.mkdir(exist_ok=True)
        address = f"127.0.0.1:{free_port()}"
        command: list[str | Path] = [
            programs.find("source-controller"),
            *(*limits.flags(), *flags),
            *(f"--storage-path={storage}", f"--storage-addr={address}", f"--storage-adv-addr={address}"),
        ]
        super().__init__(nest, "source-controller", command, _environ(self.account))
        self._command += _common(self.health_port)


class KustomizeController(Server):
    """The real one."""

    def __init__(
        self, nest: Nest, plane: ControlPlane, *, limits: Limits = DEFAULTS, flags: Sequence[str] = ()
    ) -> None:
        self.account = admin(plane, "kustomize-controller")
        command: list[str | Path] = [programs.find("kustomize-controller"), *limits.flags(), *flags]
        super().__init__(nest, "kustomize-controller", command, _environ(self.account))
        self._command += _common(self.health_port)


class OurController(Server):
    """`kseal controller` for Flux's resources: sources and Kustomizations in one process.

    `shard` leaves it those with that label only, so that it can work beside the real ones.
    """

    def __init__(
        self,
        nest: Nest,
        plane: ControlPlane,
        *,
        limits: Limits = DEFAULTS,
        flags: Sequence[str] = (),
        shard: str = "",
        program: Path = KSEAL,
        components: str = "flux",
    ) -> None:
        self.account = admin(plane, "kseal")
        storage = nest.folder / "kseal-storage"
        storage.mkdir(exist_ok=True)
        address = f"127.0.0.1:{free_port()}"
        command: list[str | Path] = [
            *(program, "controller", f"--components={components}", f"--kubeconfig={self.account.kubeconfig}"),
            *(f"--storage-path={storage}", f"--storage-addr={address}", f"--storage-adv-addr={address}"),
            *("--interval-jitter-percentage=0", f"--kustomize={programs.find('kustomize')}", *limits.flags()),
            *([f"--watch-label-selector={SHARD}={shard}"] if shard else []),
            *flags,
        ]
        super().__init__(nest, "kseal", command, {"POD_NAMESPACE": HOME, "RUNTIME_NAMESPACE": HOME})
        self._command += [
            f"--listen-addr=127.0.0.1:{self.health_port}",
            f"--listen-metrics-addr=127.0.0.1:{free_port()}",
        ]
        if not any(flag.startswith("--receiver-addr") for flag in flags):
            self._command.append(f"--receiver-addr=127.0.0.1:{free_port()}")
        # As in a Pod: started again, it is the same replica.
        self._environ["POD_NAME"] = f"kseal-{self.health_port}"


class Stack:
    """The controllers of one maker that together bring Git into a cluster. Use as a context manager."""

    def __init__(
        self,
        maker: Maker,
        nest: Nest,
        plane: ControlPlane,
        *,
        limits: Limits = DEFAULTS,
        flags: Sequence[str] = (),
        program: Path = KSEAL,
    ) -> None:
        """`flags` are for all of them; `program` is the kseal to run."""
        self.maker = maker
        self.servers: list[Server] = []
        if maker == "flux":
            self.servers = [
                kind(nest, plane, limits=limits, flags=flags) for kind in (SourceController, KustomizeController)
            ]
        else:
            self.servers = [OurController(nest, plane, limits=limits, flags=flags, program=program)]

    @property
    def users(self) -> frozenset[str]:
        """The names under which they stand in an audit log."""
        return frozenset(user_of(server.name) for server in self.servers)

    @property
    def pids(self) -> list[int]:
        """Of the processes, without their children."""
        return [server.process.pid for server in self.servers]

    def __enter__(self) -> Self:
        for server in self.servers:
            server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """A failure shows the end of what the controllers said."""
        if error is not None:
            for server in self.servers:
                error.add_note(f"{server.name} said at last:\n{server.process.log_tail()}")
        self.stop()

    def stop(self) -> None:
        """End all in order: who is killed keeps its Lease, for which the next one would wait."""
        for server in self.servers:
            server.process.signal(signal.SIGTERM)
        for server in self.servers:
            server.process.wait()

    def cpu_seconds(self) -> float:
        """So far."""
        return family.cpu_seconds(*self.pids)

    @property
    def log(self) -> str:
        """What all of them said."""
        return "".join(server.log for server in self.servers)


def crds() -> list[dict[str, Any]]:
    """Flux's own CRDs of sources and Kustomizations, from the modules of its controllers. Raises: Unavailable."""
    files = [upstream_file(name, f"config/crd/bases/{file}") for name, listed in _CRDS.items() for file in listed]
    return [yaml.safe_load(file.read_text()) for file in files]


def install_crds(plane: ControlPlane) -> None:
    """Install Flux's CRDs, make the controllers' namespace, and wait until all kinds are served."""
    files = [upstream_file(name, f"config/crd/bases/{file}") for name, listed in _CRDS.items() for file in listed]
    plane.kubectl("apply", "--server-side", *(f"--filename={file}" for file in files))
    for file in files:
        group, plural = file.stem.split("_")
        plane.wait_established(f"{plural}.{group}")
    plane.api.ensure("/api/v1/namespaces", {"metadata": {"name": HOME}})


def admin(plane: ControlPlane, name: str) -> Account:
    """Log in as a ServiceAccount of the controllers' namespace that may do everything: an audit log tells it apart."""
    plane.api.ensure("/api/v1/namespaces", {"metadata": {"name": HOME}})
    account = plane.account(HOME, name)
    subject = {"kind": "ServiceAccount", "namespace": HOME, "name": name}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    binding = {"metadata": {"name": f"{HOME}-{name}"}, "subjects": [subject], "roleRef": role}
    plane.api.ensure("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", binding)
    return account


def user_of(name: str) -> str:
    """How a controller's account is called in an audit log."""
    return f"system:serviceaccount:{HOME}:{name}"


def command_line(
    plane: ControlPlane, *arguments: str, namespace: str = HOME, cwd: Path | None = None, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run the real `flux`. A failure shows what it said."""
    done = subprocess.run(
        [programs.find("flux"), *arguments, f"--kubeconfig={plane.kubeconfig}", f"--namespace={namespace}"],
        env=plane.nest.bare_environment(),
        cwd=cwd or plane.nest.folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if check and done.returncode:
        error = subprocess.CalledProcessError(done.returncode, done.args, done.stdout, done.stderr)
        error.add_note(done.stderr.rstrip())
        raise error
    return done


def _environ(account: Account) -> dict[str, str]:
    return {"KUBECONFIG": str(account.kubeconfig), "RUNTIME_NAMESPACE": HOME}


def _common(health_port: int) -> list[str]:
    return [
        "--watch-all-namespaces",
        "--interval-jitter-percentage=0",
        "--events-addr=",
        f"--metrics-addr=127.0.0.1:{free_port()}",
        f"--health-addr=127.0.0.1:{health_port}",
    ]
