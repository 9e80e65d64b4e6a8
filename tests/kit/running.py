"""A controller as a child process, as a person or a Pod would run it, ours or the original's: for tests and bench."""

import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from tests.kit import programs, sandbox
from tests.kit.controlplane import ControlPlane
from tests.kit.errors import Unavailable
from tests.kit.process import Nest, Process, free_port, wait_until
from tests.kit.share import upstream_file

KSEAL = Path(sys.executable).with_name("kseal")
_CRD_PATH = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/sealedsecrets.bitnami.com"


class Running:
    """A controller's process, killed with its nest. Start it again after stop() or kill(): same command, same ports."""

    name: str
    """What its log files are called after."""
    ready_path: str
    """Answers 200 when the controller is ready."""

    def __init__(
        self, nest: Nest, command: Sequence[str], environment: Mapping[str, str], *, address: str = "127.0.0.1"
    ) -> None:
        """`address` is where it listens: the API server's proxy reaches sandbox.POD_ADDRESS only."""
        self._nest = nest
        self._environment = {**nest.bare_environment(), **environment}
        self._address = address
        self.port, self.metrics_port = free_port(), free_port()
        listen = (f"--listen-addr={address}:{self.port}", f"--listen-metrics-addr={address}:{self.metrics_port}")
        self.command = [*command, *listen]
        self._runs = 0
        self._process: Process | None = None

    @property
    def process(self) -> Process:
        """The process of the last start."""
        if self._process is None:
            raise RuntimeError("the controller has not been started")
        return self._process

    @property
    def folder(self) -> Path:
        """Where it may leave files: its logs are there too."""
        return self._nest.folder

    @property
    def logs(self) -> str:
        """The log lines of all runs so far."""
        return "".join(
            path.read_text(errors="replace") for path in sorted(self._nest.folder.glob(f"{self._log_name}-*.log"))
        )

    def launch(self) -> Self:
        """Start the process and return at once."""
        self._runs += 1
        self._process = self._nest.start(f"{self._log_name}-{self._runs:03}", self.command, env=self._environment)
        return self

    def start(self) -> Self:
        """Start the process and wait until it says that it is ready."""
        self.launch()
        self.process.wait_ready(self.is_ready)
        return self

    def stop(self) -> int:
        """SIGTERM, as a pod is told to end; returns the exit code."""
        self.process.signal(signal.SIGTERM)
        return self.process.wait()

    def kill(self) -> None:
        """SIGKILL: no chance to tidy up."""
        self.process.stop()

    def get(self, path: str, *, port: int | None = None) -> tuple[int, str]:
        """Status and body of a GET; status 0 when nobody answers."""
        try:
            with urllib.request.urlopen(f"http://{self._address}:{port or self.port}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def is_ready(self) -> bool:
        """What a readiness probe would find."""
        return self.get(self.ready_path)[0] == 200

    def certificate(self) -> str:
        """PEM of the newest certificate, once there is one."""
        wait_until(lambda: self.get("/v1/cert.pem")[0] == 200, "the controller serves a certificate")
        return self.get("/v1/cert.pem")[1]

    def metrics(self) -> str:
        """The page that Prometheus reads."""
        return self.get("/metrics", port=self.metrics_port)[1]

    @property
    def _log_name(self) -> str:
        return f"{self.name}-{self.port}"


class RunningController(Running):
    """`kseal controller` on loopback ports.

    `namespace` is its own one, where its keys are; everything else is flags.
    """

    name = "controller"
    ready_path = "/readyz"

    def __init__(
        self,
        nest: Nest,
        kubeconfig: Path,
        *,
        namespace: str,
        flags: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        address: str = "127.0.0.1",
    ) -> None:
        command = [str(KSEAL), "controller", f"--kubeconfig={kubeconfig}", *flags]
        super().__init__(nest, command, {"POD_NAMESPACE": namespace, **(environment or {})}, address=address)
        # As in a Pod: started again, it is the same replica.
        self._environment.setdefault("POD_NAME", f"controller-{self.port}")


class OriginalController(Running):
    """The real sealed-secrets controller, which takes no kubeconfig: it is shown what it would find in its Pod.

    Its ServiceAccount `sealed-secrets-controller` is made an admin of the cluster, and its CRD is installed unless
    one is there. Raises: Unavailable where programs or user namespaces cannot be had.
    """

    name = "original"
    ready_path = "/healthz"

    def __init__(
        self,
        nest: Nest,
        plane: ControlPlane,
        *,
        namespace: str,
        flags: Sequence[str] = (),
        address: str = "127.0.0.1",
    ) -> None:
        if reason := sandbox.refusal():
            raise Unavailable("a Pod's view of the machine", reason, "allow user namespaces")
        program = programs.find("sealed-secrets-controller")
        self._plane = plane
        server = urlsplit(plane.server)
        super().__init__(
            nest,
            sandbox.with_account(self._account(nest, namespace), [program, *flags]),
            {
                "KUBERNETES_SERVICE_HOST": str(server.hostname),
                "KUBERNETES_SERVICE_PORT": str(server.port),
                "POD_NAMESPACE": namespace,
            },
            address=address,
        )
        if not plane.api.answers(_CRD_PATH):
            crd = upstream_file("sealed-secrets-controller", "helm/sealed-secrets/crds/bitnami.com_sealedsecrets.yaml")
            plane.kubectl("apply", "--server-side", f"--filename={crd}")
        plane.wait_established()

    def _account(self, nest: Nest, namespace: str) -> Path:
        """The folder that a Pod would find, with a token of the controller's ServiceAccount."""
        name = "sealed-secrets-controller"
        token = self._plane.account(namespace, name).token
        subject = {"kind": "ServiceAccount", "namespace": namespace, "name": name}
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
        binding = {"metadata": {"name": f"{namespace}-{name}"}, "subjects": [subject], "roleRef": role}
        self._plane.api.ensure("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", binding)
        folder = nest.folder / f"account-of-{namespace}"
        folder.mkdir(exist_ok=True)
        for file, content in (("token", token), ("ca.crt", self._plane.ca.decode()), ("namespace", namespace)):
            (folder / file).write_text(content)
        return folder
