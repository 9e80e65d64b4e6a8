"""A cluster is lost; an empty one, Git, and the backups of keys bring the same state back, as the document says."""

import base64
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from sealer.certificates import Certificate
from sealer.sealedsecret import seal_secret
from tests.kit import programs
from tests.kit.controlplane import ControlPlane
from tests.kit.deliveries import Names, git_repository, kustomizations, reference
from tests.kit.documents import blocks, commands
from tests.kit.flux import HOME, OurController
from tests.kit.fluxground import FluxGround
from tests.kit.gitclone import Clone
from tests.kit.gitserver import GitServer
from tests.kit.process import Nest, wait_until
from tests.kit.running import RunningController
from tests.kit.transcript import Terminal
from tests.kit.tree import ROOT
from tests.kit.workcopy import WorkCopy

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

NAMES = Names("staging", "production")
ALL = ("infrastructure", "web-staging", "web-production")
OWNED = "?labelSelector=kustomize.toolkit.fluxcd.io%2Fnamespace"
KINDS = {
    "Namespace": "/api/v1/namespaces",
    "ResourceQuota": "/api/v1/resourcequotas",
    "ServiceAccount": "/api/v1/serviceaccounts",
    "Service": "/api/v1/services",
    "Deployment": "/apis/apps/v1/deployments",
    "Ingress": "/apis/networking.k8s.io/v1/ingresses",
    "SealedSecret": "/apis/bitnami.com/v1alpha1/sealedsecrets",
}
_OF_ONE_CLUSTER = ("clusterIP", "clusterIPs")


class Cluster:
    """A cluster, a terminal that leads to it, and who plays its nodes: the controllers are children of the test."""

    def __init__(self, plane: ControlPlane, nest: Nest, folder: Path) -> None:
        self.plane, self.nest = plane, nest
        binaries = nest.folder / "bin"
        binaries.mkdir()
        (binaries / "kubectl").symlink_to(programs.find("kubectl"))
        path = os.pathsep.join([str(binaries), str(Path(sys.executable).parent), os.environ["PATH"]])
        environ = nest.bare_environment() | {"PATH": path, "KUBECONFIG": str(plane.kubeconfig)}
        self._terminal = Terminal(nest, folder, environ)

    def type(self, *lines: str) -> None:
        for line in lines:
            said = self._terminal.run(line)
            assert said.code == 0, f"{line}\n{said.text}"
            if line == "kubectl apply -k deploy/manifests":
                self.run_unsealing()
            elif line == "kubectl apply -k deploy/deliveries":
                self.run_deliveries()

    def run_unsealing(self) -> RunningController:
        flags = ["--components=sealed", "--key-size=2048"]
        return RunningController(self.nest, self.plane.kubeconfig, namespace="kube-system", flags=flags).start()

    def run_deliveries(self) -> None:
        self.plane.wait_established("kustomizations.kustomize.toolkit.fluxcd.io")
        self.plane.wait_established("gitrepositories.source.toolkit.fluxcd.io")
        OurController(self.nest, self.plane, flags=["--requeue-dependency=1s"]).start()

    def state(self) -> dict[str, Any]:
        """All that was delivered, without what each cluster fills in by itself."""
        found: dict[str, Any] = {}
        for kind, path in KINDS.items():
            for raw in self.plane.api.json("GET", path + OWNED)["items"]:
                spec = {name: value for name, value in raw.get("spec", {}).items() if name not in _OF_ONE_CLUSTER}
                metadata = raw["metadata"]
                found[f"{kind}/{metadata.get('namespace', '')}/{metadata['name']}"] = (spec, metadata["labels"])
        for name in ("settings", "db"):
            found[f"Secret/{name}"] = self.secret(name)["data"]
        return found

    def secret(self, name: str) -> dict[str, Any]:
        found = self.plane.api.find(f"/api/v1/namespaces/{NAMES.staging}/secrets/{name}")
        assert found is not None
        return found

    def has_secret(self, name: str) -> bool:
        return self.plane.api.find(f"/api/v1/namespaces/{NAMES.staging}/secrets/{name}") is not None


@pytest.fixture
def new_cluster(tmp_path: Path) -> Iterator[Callable[[], Cluster]]:
    for entry in ("deploy", "docs"):
        (tmp_path / entry).symlink_to(ROOT / entry)
    with ExitStack() as stack:

        def make() -> Cluster:
            plane = stack.enter_context(ControlPlane("api"))
            return Cluster(plane, stack.enter_context(Nest("recovery")), tmp_path)

        yield make


def section(heading: str) -> list[str]:
    """The commands of one section of the document."""
    text = (ROOT / "docs" / "recover.md").read_text()
    (part,) = [part for part in text.split("\n## ") if part.startswith(f"{heading}\n")]
    return [command.text for block in blocks("docs/recover.md", part) for command in commands(block)]


def sealed(controller: RunningController) -> dict[str, Any]:
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "db", "namespace": NAMES.staging},
        "data": {"password": base64.b64encode(b"sealed-away").decode()},
    }
    key = Certificate.parse(controller.certificate().encode(), source="the controller").public_key
    return seal_secret(secret, key)


def test_an_empty_cluster_comes_to_the_same_state_by_the_documented_commands(
    new_cluster: Callable[[], Cluster], tmp_path: Path
) -> None:
    (tmp_path / "sops").mkdir()
    (tmp_path / "host").mkdir()
    sops = Clone(tmp_path / "sops")

    def encrypt(path: str, plain: str) -> str:
        sops.encrypted(path, plain, "--encrypted-regex=^data$")
        return sops.read(path)

    with GitServer(tmp_path / "host") as host:
        repository = WorkCopy(host, tmp_path / "fleet", "fleet")
        (tmp_path / "key.txt").write_text(f"{sops.identity}\n")
        lost = new_cluster()
        lost.type("kubectl apply -k deploy/crds")
        lost.plane.wait_established()
        unsealing = lost.run_unsealing()
        decryption = {"provider": "sops", "secretRef": {"name": "sops-age"}}
        resources = [git_repository(repository, HOME), *kustomizations(HOME, decryption=decryption)]
        repository.write_all(reference(NAMES, sealed=sealed(unsealing), encrypt=encrypt))
        listed = {"apiVersion": "v1", "kind": "List", "items": resources}
        repository.write("clusters/production.yaml", json.dumps(listed))
        repository.push("all there is")
        again = section("Bring everything back from Git")
        lost.type(*again)
        FluxGround(lost.plane, repository, HOME).wait_ready("kustomization", *ALL)
        wait_until(lambda: lost.has_secret("db"), "the SealedSecret is open")
        backup = [line for line in section("Back up the keys") if "passphrase" in line or "umask" in line]
        lost.type(*backup)
        before = lost.state()
        lost.plane.stop()

        found = new_cluster()
        found.type(*section("Restore")[:3], *again)
        FluxGround(found.plane, repository, HOME).wait_ready("kustomization", *ALL)
        wait_until(lambda: found.has_secret("db"), "the SealedSecret is open")
        assert found.state() == before
        assert base64.b64decode(found.secret("db")["data"]["password"]) == b"sealed-away"
        assert base64.b64decode(found.secret("settings")["data"]["password"]) == b"hunter2"
