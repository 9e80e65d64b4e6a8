"""A real Kubernetes control plane on 127.0.0.1: etcd and API server, and on request controllers and scheduler."""

import json
import secrets
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from tests.kit import kubeconfig, kwok, metrics, pki, programs, servers
from tests.kit.apicalls import ApiCalls
from tests.kit.process import Nest, Process, free_port, wait_until
from tests.kit.servers import Profile

_ADMINS = "system:masters"
_RARE_COLLECTIONS = "400"
"""Percent of growth between two of Go's garbage collections: a start takes a quarter less work, and 90 MB more."""
_AUDIT_EVERYTHING = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata"}],
}


class Account(NamedTuple):
    """A ServiceAccount's log-in."""

    token: str
    kubeconfig: Path


class ControlPlane:
    """One control plane with its own folder, keys and ports. Use as a context manager, or start() and stop().

    `audit` keeps a log of every request, for audit_events(); `encryption` is an EncryptionConfiguration for data at
    rest; `api_server_flags` and `manager_flags` are added last, so that they win. Raises: Unavailable when a program
    cannot be had.
    """

    def __init__(
        self,
        profile: Profile = "api",
        *,
        audit: bool = False,
        encryption: Mapping[str, Any] | None = None,
        api_server_flags: Sequence[str] = (),
        manager_flags: Sequence[str] = (),
    ) -> None:
        self.profile = profile
        self._audit = audit
        self._encryption = encryption
        self._more_flags = tuple(api_server_flags)
        self._manager_flags = tuple(manager_flags)
        self._frozen = False
        self._runs_nodes = False

    def start(self) -> Self:
        """Start the servers and wait until the API server, and the controllers where wanted, do their work."""
        self._kube, etcd = programs.find("kube"), programs.find("etcd")
        self.nest = Nest("controlplane")
        try:
            self._write_files()
            self._start_etcd(etcd)
            self._start_api_server()
            if self.profile == "cluster":
                self._start_controllers()
        except BaseException:
            self.nest.close()
            raise
        return self

    def stop(self) -> None:
        """End everything and remove the folder."""
        self.nest.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def pause(self, *, freeze: bool = False) -> None:
        """Take the API server away until resume(): connections are refused, or with `freeze` they hang."""
        self._frozen = freeze
        if freeze:
            self._api_server.freeze()
        else:
            self._api_server.stop()

    def resume(self) -> None:
        """Bring the API server back, on the same port and with the same data, and wait until it is ready."""
        if self._frozen:
            self._api_server.signal(signal.SIGCONT)
            self._api_server.wait_ready(lambda: self.api.answers("/readyz"))
        else:
            self._start_api_server()

    def create_namespace(self, prefix: str = "t") -> str:
        """Make a namespace of a name that no other test has. It stays: deleting one takes five seconds."""
        name = f"{prefix}-{secrets.token_hex(4)}"
        self.api.text("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
        return name

    def wait_established(self, crd: str = "sealedsecrets.bitnami.com") -> None:
        """Wait until the API server serves a CRD. `kubectl wait` fails where there are no conditions at all yet."""
        path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{crd}"

        def is_established() -> bool:
            conditions = (self.api.json("GET", path).get("status") or {}).get("conditions") or []
            return any((one["type"], one["status"]) == ("Established", "True") for one in conditions)

        wait_until(is_established, f"{crd} is served")

    def add_node(self, name: str) -> None:
        """Add a pretended node, on which Pods become ready and finish. Needs the profile `cluster`."""
        if not self._runs_nodes:
            kwok.start(self.nest, self.kubeconfig)
            self._runs_nodes = True
        kwok.add_node(self.api, name)

    def account(self, namespace: str, name: str) -> Account:
        """Log in as a ServiceAccount, which is made when it is not there. The token lasts a day."""
        accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
        self.api.ensure(accounts, {"metadata": {"name": name}})
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": 86400},
        }
        token: str = self.api.json("POST", f"{accounts}/{name}/token", request)["status"]["token"]
        path = self.nest.folder / f"{namespace}.{name}.kubeconfig"
        return Account(token, self._kubeconfig(path, kubeconfig.by_token(token), namespace=namespace))

    def kubectl(
        self,
        *arguments: str,
        input: str | None = None,  # noqa: A002 - subprocess.run's own word
        namespace: str | None = None,
        kubeconfig: Path | None = None,
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        """Run the real kubectl, as admin unless another kubeconfig is given. A failure shows what kubectl said."""
        command = [str(programs.find("kubectl")), f"--kubeconfig={kubeconfig or self.kubeconfig}"]
        command += [f"--namespace={namespace}"] if namespace else []
        done = subprocess.run(
            [*command, *arguments],
            input=input,
            capture_output=True,
            text=True,
            env=self.nest.bare_environment(),
            timeout=120,
            check=False,
        )
        if check and done.returncode:
            error = subprocess.CalledProcessError(done.returncode, done.args, done.stdout, done.stderr)
            error.add_note(done.stderr.rstrip())
            raise error
        return done

    def requests(self) -> Counter[metrics.Request]:
        """What the API server was asked since it started, by its own count; other clients' requests are in it."""
        return metrics.requests(self.api.text("GET", "/metrics"))

    def audit_events(self, *, user: str | None = None) -> Iterator[dict[str, Any]]:
        """The audited requests so far, of one user where given, oldest first. Needs `audit=True`."""
        for line in self._audit_log.read_text().splitlines(keepends=True):
            if not line.endswith("\n"):
                return  # still being written
            event = json.loads(line)
            if user is None or event["user"]["username"] == user:
                yield event

    def _write_files(self) -> None:
        folder = self.nest.folder
        authority = pki.Authority("kseal test authority")
        self._files = pki.write_server_files(folder, authority)
        self.ca = authority.certificate
        self.ca_path = self._files.authority
        self.token = secrets.token_urlsafe(24)
        self._tokens = folder / "tokens.csv"
        self._tokens.write_text(f'{self.token},kseal-admin,kseal-admin,"{_ADMINS}"\n')
        self._port = free_port()
        self.server = self.url = f"https://127.0.0.1:{self._port}"
        self.kubeconfig = self._kubeconfig(folder / "admin.kubeconfig", kubeconfig.by_token(self.token))
        certificate = kubeconfig.by_certificate(authority.client("kseal-admin-by-certificate", _ADMINS))
        self.certificate_kubeconfig = self._kubeconfig(folder / "certificate.kubeconfig", certificate)
        self.api = ApiCalls(self.server, self.ca, self.token)

    def _kubeconfig(self, path: Path, user: dict[str, str], *, namespace: str = "default") -> Path:
        return kubeconfig.write(path, self.server, self.ca, user, namespace=namespace)

    def _start_etcd(self, program: Path) -> None:
        self.etcd_url, peer_url = f"http://127.0.0.1:{free_port()}", f"http://127.0.0.1:{free_port()}"
        self.nest.start("etcd", servers.etcd(program, self.nest.folder / "etcd", self.etcd_url, peer_url))

    def _start_api_server(self) -> None:
        command = servers.api_server(
            self._kube,
            etcd_url=self.etcd_url,
            port=self._port,
            files=self._files,
            tokens=self._tokens,
            profile=self.profile,
        )
        command += [*self._audit_flags(), *self._encryption_flags(), *self._more_flags]
        environ = {**self.nest.bare_environment(), "GOGC": _RARE_COLLECTIONS}
        self._api_server: Process = self.nest.start("kube-apiserver", command, env=environ)
        self._api_server.wait_ready(lambda: self.api.answers("/readyz"))

    def _audit_flags(self) -> list[str]:
        self._audit_log = self.nest.folder / "audit.jsonl"
        if not self._audit:
            return []
        policy = self.nest.folder / "audit-policy.json"
        policy.write_text(json.dumps(_AUDIT_EVERYTHING))
        return [f"--audit-policy-file={policy}", f"--audit-log-path={self._audit_log}"]

    def _encryption_flags(self) -> list[str]:
        if self._encryption is None:
            return []
        path = self.nest.folder / "encryption.json"
        path.write_text(json.dumps(self._encryption))
        return [f"--encryption-provider-config={path}"]

    def _start_controllers(self) -> None:
        manager = [*servers.controller_manager(self._kube, self.kubeconfig, self._files), *self._manager_flags]
        manager_process = self.nest.start("kube-controller-manager", manager)
        self.nest.start("kube-scheduler", servers.scheduler(self._kube, self.kubeconfig))
        default = "/api/v1/namespaces/default/serviceaccounts/default"
        manager_process.wait_ready(lambda: self.api.answers(default))
