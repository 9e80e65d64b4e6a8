"""Run the container of a Deployment on this machine as a node would: its exact command, arguments, environment, user,
mounts and ports, as its ServiceAccount. Only the image is missing: the programs are those of this machine.
"""

import http.client
import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

from tests.kit import podinit, sandbox
from tests.kit.controlplane import ControlPlane
from tests.kit.errors import Misconfigured
from tests.kit.process import Nest, wait_until

_ROOT = Path(__file__).parents[2]
_TIMEOUT_SECONDS = 10.0


class Answer(NamedTuple):
    """What a container's port said."""

    status: int
    body: str


class Pod:
    """The Pod of a Deployment with one container. Use as a context manager, or start() and stop().

    Its ports are the declared ones, so use it in tests marked `netns`, where no other program can hold them.
    """

    def __init__(self, plane: ControlPlane, deployment: Mapping[str, Any]) -> None:
        self._plane = plane
        self._spec = deployment["spec"]["template"]["spec"]
        (self.container,) = self._spec["containers"]
        self.namespace: str = deployment["metadata"]["namespace"]
        self.name = f"{deployment['metadata']['name']}-0"

    def start(self) -> Self:
        """Start the container without waiting for it."""
        self.nest = Nest("pod")
        try:
            script = [sys.executable, "-I", "-S", podinit.__file__, json.dumps(self._plan())]
            self.process = self.nest.start("container", sandbox.with_account(self._account(), script))
        except BaseException:
            self.nest.close()
            raise
        return self

    def stop(self) -> None:
        """Kill the container and remove its files."""
        self.nest.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def get(self, port: int | str, path: str) -> Answer:
        """GET from a port of the container, by number or name. Raises: OSError while nothing answers there."""
        connection = http.client.HTTPConnection("127.0.0.1", self._number(port), timeout=_TIMEOUT_SECONDS)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return Answer(response.status, response.read().decode())
        except http.client.HTTPException as error:
            raise ConnectionError(f"GET {path} at port {port}: {error!r}") from error
        finally:
            connection.close()

    def probe(self, kind: str) -> bool:
        """Ask what a kubelet asks, and judge as it does; `kind` is livenessProbe or readinessProbe."""
        asked = self.container[kind]["httpGet"]
        try:
            return 200 <= self.get(asked["port"], asked["path"]).status < 400
        except OSError:
            return False

    def wait_ready(self, *, limit_seconds: float = 60.0) -> None:
        """Wait for the readiness probe. Raises: Died with the end of the log."""
        self.process.wait_ready(lambda: self.probe("readinessProbe"), limit_seconds=limit_seconds)

    def terminate(self, *, limit_seconds: float = 30.0) -> int | None:
        """End it as a kubelet does, by SIGTERM, and give its exit code. Raises: TimeoutError."""
        self.process.signal(signal.SIGTERM)
        wait_until(lambda: self.process.poll() is not None, "the container ends", limit_seconds=limit_seconds)
        return self.process.poll()

    def kernel_status(self) -> dict[str, str]:
        """The process as the kernel sees it: users, capabilities and the like (proc_pid_status(5))."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}

    def user(self) -> int:
        """The user as the container sees itself; outside of its user namespace the number is another."""
        return int(Path(f"/proc/{self.process.pid}/uid_map").read_text().split()[0])

    def is_writable(self, path: str) -> bool:
        """Whether the file system that the container sees at the path takes writes."""
        # Links are followed first: an absolute one would lead out of the container's root.
        inside = Path(f"/proc/{self.process.pid}/root{Path(path).resolve()}")
        return not os.statvfs(inside).f_flag & os.ST_RDONLY

    def _plan(self) -> dict[str, Any]:
        security = {**self._spec["securityContext"], **self.container["securityContext"]}  # the container's wins
        return {
            "command": [*self.container["command"], *self.container.get("args", [])],
            "env": self._environment(),
            "uid": security["runAsUser"],
            "gid": security["runAsGroup"],
            "empty_folders": self._empty_folders(),
            "kept": sorted({str(_ROOT), sys.prefix, sys.base_prefix}),
        }

    def _account(self) -> Path:
        """The folder that a kubelet projects for the ServiceAccount."""
        folder = self.nest.folder / "account"
        folder.mkdir()
        token = self._plane.account(self.namespace, self._spec["serviceAccountName"]).token
        for name, content in (("token", token), ("ca.crt", self._plane.ca.decode()), ("namespace", self.namespace)):
            (folder / name).write_text(content)
        return folder

    def _environment(self) -> dict[str, str]:
        """What a runtime sets, what a kubelet adds, and what the container declares."""
        return {
            "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
            "HOME": "/",  # of a user that the image does not know
            "HOSTNAME": self.name,
            "KUBERNETES_SERVICE_HOST": "127.0.0.1",
            "KUBERNETES_SERVICE_PORT": str(urlsplit(self._plane.server).port),
            **{entry["name"]: self._value(entry) for entry in self.container.get("env", [])},
        }

    def _value(self, entry: Mapping[str, Any]) -> str:
        if "value" in entry:
            return str(entry["value"])
        fields = {"metadata.namespace": self.namespace, "metadata.name": self.name}
        try:
            return fields[entry["valueFrom"]["fieldRef"]["fieldPath"]]
        except KeyError:
            raise Misconfigured(f"variable {entry['name']} comes from a source that is not imitated here") from None

    def _empty_folders(self) -> dict[str, str]:
        """Mount point -> size as the kernel writes it: /dev/shm, which each container has, and the declared ones."""
        sizes = {volume["name"]: volume["emptyDir"].get("sizeLimit", "64Mi") for volume in self._spec["volumes"]}
        mounts = {mounted["mountPath"]: sizes[mounted["name"]] for mounted in self.container["volumeMounts"]}
        return {point: size.removesuffix("i") for point, size in {"/dev/shm": "64Mi", **mounts}.items()}

    def _number(self, port: int | str) -> int:
        named: dict[str, int] = {entry["name"]: entry["containerPort"] for entry in self.container["ports"]}
        return port if isinstance(port, int) else named[port]
