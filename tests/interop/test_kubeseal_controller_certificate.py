"""Without --cert the certificate comes from the controller, through the API server's proxy: as kubeseal finds it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from engine.kube.manifest import read
from sealer.keys import SealingKey, generate
from sealer.ring import KeyRing
from sealer.sealedsecret import parse, unseal_secret
from tests.kit.controlplane import ControlPlane
from tests.kit.process import Nest
from tests.kit.sandbox import POD_ADDRESS
from tests.kit.serviceproxy import expose, wait_reachable

pytestmark = [pytest.mark.cluster, pytest.mark.netns, pytest.mark.interop]

SERVICE = "sealed-secrets-controller"
SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "stringData": {"password": "of the sea"}}


class Served(NamedTuple):
    """A namespace in which a Service hands out the certificate of `key`."""

    plane: ControlPlane
    namespace: str
    key: SealingKey
    folder: Path

    def run(self, *command: str | Path, code: int = 0) -> tuple[str, str]:
        """Standard output and error of a command that reads a Secret on standard input and ends with `code`."""
        environ = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "KUBECONFIG": str(self.plane.kubeconfig)}
        done = subprocess.run(
            command, input=json.dumps(SECRET), env=environ, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == code, done.stderr
        return done.stdout, done.stderr

    def kseal(self, verb: str, *flags: str, code: int = 0) -> tuple[str, str]:
        program = (sys.executable, "-c", "from sealer.cli.main import main; main()", verb)
        return self.run(*program, f"--controller-namespace={self.namespace}", *flags, code=code)

    def opened(self, document: str) -> dict[str, str]:
        """The data of a SealedSecret, opened with the key."""
        data: dict[str, str] = unseal_secret(parse(json.loads(document)), KeyRing([self.key])).secret["data"]
        return data


@pytest.fixture(scope="module")
def served(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A web server in place of the controller: what is under test is the way to it."""
    folder = tmp_path_factory.mktemp("served")
    key = generate(2048, ttl=timedelta(days=1), common_name="", now=datetime.now(UTC))
    assert key.certificate is not None
    (folder / "v1").mkdir()
    (folder / "v1" / "cert.pem").write_bytes(key.certificate.pem)
    namespace = control_plane.create_namespace()
    with Nest("certificate") as nest:
        nest.start("web", [sys.executable, "-m", "http.server", "--bind", POD_ADDRESS, "8080"], cwd=folder)
        proxy = expose(control_plane.api, namespace, SERVICE, 8080)
        wait_reachable(control_plane.api, proxy, "/v1/cert.pem")
        yield Served(control_plane, namespace, key, folder)


def test_both_programs_fetch_the_same_certificate(served: Served, program: Callable[[str], Path]) -> None:
    assert served.key.certificate is not None
    theirs, _ = served.run(program("kubeseal"), "--fetch-cert", f"--controller-namespace={served.namespace}")
    ours, said = served.kseal("cert")
    assert ours == theirs == served.key.certificate.pem.decode()
    assert said == ""


def test_the_certificate_is_described(served: Served) -> None:
    described = json.loads(served.kseal("cert", "-o", "json")[0])
    assert described["fingerprint"] == served.key.fingerprint


def test_secrets_are_sealed_for_the_controllers_key(served: Served) -> None:
    document, said = served.kseal("seal", "-n", "shop")
    assert said == ""
    assert served.opened(document) == {"password": "b2YgdGhlIHNlYQ=="}


def test_the_pipeline_of_the_readme_works_as_typed(
    served: Served, program: Callable[[str], Path], tmp_path: Path
) -> None:
    (tmp_path / "kubectl").symlink_to(program("kubectl"))
    (tmp_path / "kseal").write_text(f"#!{sys.executable}\nfrom sealer.cli.main import main\nmain()\n")
    (tmp_path / "kseal").chmod(0o755)
    pipeline = (
        f"cd {tmp_path} && PATH={tmp_path}:$PATH SEALED_SECRETS_CONTROLLER_NAMESPACE={served.namespace} && export PATH "
        "SEALED_SECRETS_CONTROLLER_NAMESPACE && kubectl create secret generic db --from-literal=password='of the sea' "
        "--dry-run=client -o yaml | kseal seal -o yaml > sealed.yaml"
    )
    assert served.run("bash", "-o", "pipefail", "-c", pipeline) == ("", "")
    ((sealed,), _) = read((tmp_path / "sealed.yaml").read_bytes(), source="sealed.yaml")
    assert served.opened(json.dumps(sealed.raw)) == {"password": "b2YgdGhlIHNlYQ=="}
    assert sealed.namespace == "default"


def test_the_namespace_is_that_of_the_context(served: Served, tmp_path: Path) -> None:
    kubeconfig = json.loads(served.plane.kubectl("config", "view", "--raw", "-o", "json").stdout)
    kubeconfig["contexts"][0]["context"]["namespace"] = "of-the-context"
    (tmp_path / "config").write_text(json.dumps(kubeconfig))
    document, said = served.kseal("seal", "--kubeconfig", str(tmp_path / "config"))
    assert json.loads(document)["metadata"]["namespace"] == "of-the-context"
    assert said == ""


def test_the_certificate_can_be_pinned(served: Served) -> None:
    document, _ = served.kseal("seal", "-n", "shop", "--cert-fingerprint", served.key.fingerprint)
    assert served.opened(document)
    _, said = served.kseal("seal", "-n", "shop", "--cert-fingerprint", "SHA256:" + "A" * 43, code=1)
    assert "not SHA256:AAAA" in said


def test_no_service_is_said_with_the_flags_that_help(served: Served) -> None:
    output, said = served.kseal("cert", "--controller-name", "nobody", code=1)
    assert output == ""
    assert said.startswith("kseal: error: cannot get sealed secret service: ")
    assert "nor is it published: " in said
    assert "--controller-name" in said
    assert "--controller-namespace" in said


def test_a_service_without_a_controller_is_said(served: Served) -> None:
    body = {"metadata": {"name": "idle"}, "spec": {"ports": [{"name": "http", "port": 8080}]}}
    served.plane.api.ensure(f"/api/v1/namespaces/{served.namespace}/services", body)
    _, said = served.kseal("cert", "--controller-name", "idle", "--request-timeout", "20s", code=1)
    assert said.startswith("kseal: error: cannot fetch certificate: ")


def test_somebody_without_rights_is_told(served: Served) -> None:
    _, said = served.kseal("cert", "--as", "a-stranger", code=1)
    assert said.startswith("kseal: error: cannot get sealed secret service: ")
    assert "forbidden" in said
