"""A controller of ours as a child process, as a person or a pod would run it: for tests, demo and bench."""

import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from tests.kit.process import Nest, Process, free_port, wait_until

KSEAL = Path(sys.executable).with_name("kseal")


class RunningController:
    """`kseal controller` on loopback ports, killed with its nest. Start it again after stop() or kill(): same ports.

    `namespace` is its own one, where its keys are; everything else is flags.
    """

    def __init__(
        self,
        nest: Nest,
        kubeconfig: Path,
        *,
        namespace: str,
        flags: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._nest = nest
        self._environment = {**nest.bare_environment(), "POD_NAMESPACE": namespace, **(environment or {})}
        self.port, self.metrics_port = free_port(), free_port()
        self.command = [
            str(KSEAL),
            "controller",
            f"--kubeconfig={kubeconfig}",
            f"--listen-addr=127.0.0.1:{self.port}",
            f"--listen-metrics-addr=127.0.0.1:{self.metrics_port}",
            *flags,
        ]
        self._runs = 0
        self._process: Process | None = None

    @property
    def process(self) -> Process:
        """The process of the last start."""
        if self._process is None:
            raise RuntimeError("the controller has not been started")
        return self._process

    @property
    def logs(self) -> str:
        """The log lines of all runs so far."""
        return "".join(path.read_text(errors="replace") for path in sorted(self._nest.folder.glob("controller-*.log")))

    def launch(self) -> Self:
        """Start the process and return at once."""
        self._runs += 1
        self._process = self._nest.start(f"controller-{self.port}-{self._runs:03}", self.command, env=self._environment)
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
            with urllib.request.urlopen(f"http://127.0.0.1:{port or self.port}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def is_ready(self) -> bool:
        """What a readiness probe would find."""
        return self.get("/readyz")[0] == 200

    def certificate(self) -> str:
        """PEM of the newest certificate, once there is one."""
        wait_until(lambda: self.get("/v1/cert.pem")[0] == 200, "the controller serves a certificate")
        return self.get("/v1/cert.pem")[1]

    def metrics(self) -> str:
        """The page that Prometheus reads."""
        return self.get("/metrics", port=self.metrics_port)[1]
