"""Somebody who follows a document: types what it shows into a terminal, with a cluster and a clone of their own.

A few commands cannot be run as they stand on a machine without containers; `ASIDE` says what is done about each.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import yaml

from controller.adopt.command import VERB as adoption  # noqa: N811  # one verb among several, by its own name
from tests.kit import deliverypod, real
from tests.kit.cache import Cache
from tests.kit.controlplane import ControlPlane
from tests.kit.documents import Command, matches
from tests.kit.fluxinstallation import Kubelet
from tests.kit.gitserver import GitServer
from tests.kit.pod import Pod
from tests.kit.process import Nest, wait_until
from tests.kit.sandbox import POD_ADDRESS
from tests.kit.serviceproxy import expose, wait_reachable
from tests.kit.transcript import Terminal
from tests.kit.tree import ROOT

INSTALL: Final = re.compile(r"(pip|pipx|uv tool) install (\S+)")


class Reader:
    """Somebody who follows one document: a terminal, a cluster, and the part that the test plays in it."""

    def __init__(self, plane: ControlPlane, folder: Path, nest: Nest) -> None:
        self.plane = plane
        self.nest = nest
        _lay_out(folder)
        environ = nest.bare_environment() | {
            "PATH": os.pathsep.join([str(folder / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]]),
            "KUBECONFIG": str(plane.kubeconfig),
            "GIT_CONFIG_GLOBAL": str(folder / "gitconfig"),
            "XDG_CACHE_HOME": str(Cache.of(os.environ).root.parent),
        }
        environ |= {name: value for name, value in os.environ.items() if name.startswith("KSEAL_")}
        self.terminal = Terminal(nest, folder / "clone", environ)
        self._folder = folder
        self._left = ExitStack()

    def follow(self, command: Command) -> None:
        """Type one command, or do what stands for it, and compare what it says."""
        for pattern, instead in ASIDE:
            if found := re.match(pattern, command.text):
                instead(self, found)
                return
        said = self.terminal.run(command.text)
        may_fail = command.expected is not None and "error:" in command.expected
        assert may_fail or said.code == 0, f"{command.place}: exit code {said.code}\n{command.text}\n{said.text}"
        if command.expected is not None:
            assert matches(command.expected, said.text), f"{command.place}: it printed\n{said.text}"
        if found := re.search(r"kseal controller .*--listen-addr (\S+).*&$", command.text):
            self._await(f"http://{found[1]}")

    def run_pod(self, name: str) -> None:
        """Be the node that runs a Deployment's Pod, and the network that leads the Service of the same name there."""
        rendered = [
            found
            for base in ("manifests", "deliveries")
            for found in yaml.safe_load_all(self.plane.kubectl("kustomize", str(ROOT / "deploy" / base)).stdout)
        ]
        (deployment,) = [
            found for found in rendered if (found["kind"], found["metadata"]["name"]) == ("Deployment", name)
        ]
        pod = self._left.enter_context(Pod(self.plane, deployment))
        pod.wait_ready()
        if name == deliverypod.NAME:
            return  # its Services are for others in the cluster
        proxy = expose(self.plane.api, pod.namespace, deployment["metadata"]["name"])
        wait_reachable(self.plane.api, proxy, "/v1/cert.pem")

    def serve_repository(self) -> str:
        """Be the forge where somebody has just made an empty repository; returns its URL."""
        folder = self._folder / "served"
        folder.mkdir()
        return self._left.enter_context(GitServer(folder, address=POD_ADDRESS)).repository("fleet")

    def leave(self) -> None:
        """End what the document left running."""
        self._left.close()

    def _await(self, url: str) -> None:
        """A person types the next command when the one in the background is up."""
        probe = f"python -c \"import urllib.request as r; r.urlopen('{url}/readyz', timeout=5)\""
        wait_until(lambda: self.terminal.run(probe).code == 0, f"{url} is ready", limit_seconds=60)


def _lay_out(folder: Path) -> None:
    """A clone as a newcomer has it after the first `make`, a repository for their own files, and peers' programs."""
    clone, binaries = folder / "clone", folder / "bin"
    clone.mkdir()
    binaries.mkdir()
    for entry in ROOT.iterdir():
        if not entry.name.startswith("."):
            (clone / entry.name).symlink_to(entry)
    (clone / ".venv").symlink_to(sys.prefix)
    subprocess.run(["git", "init", "--quiet", clone], check=True)
    (folder / "gitconfig").write_text("[user]\nname = reader\nemail = reader@kseal.invalid\n")
    for program in ("kubectl", "helm", "age-keygen", "sops"):
        (binaries / program).symlink_to(real.require(program))


def _target_exists(_: Reader, found: re.Match[str]) -> None:
    """`make demo` is run by tests/cluster/test_demo.py, and `make test` is what runs this."""
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"make (\w+)", found.string):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def _installs_elsewhere(_: Reader, found: re.Match[str]) -> None:
    """test_the_install_commands_of_the_readme_install_a_working_program runs those of the README."""
    assert INSTALL.match(found.string)


def _image_is_the_deployments(reader: Reader, found: re.Match[str]) -> None:
    """There is no container engine here. tests/cluster/test_deploy_image.py runs the steps of the Dockerfile."""
    dockerfile = ROOT / found["file"]
    assert dockerfile.is_file()
    beside = dockerfile.parent / "kustomization.yaml"
    folder = beside.parent if beside.is_file() else ROOT / "deploy" / "manifests"
    assert f"image: {found['image']}\n" in reader.plane.kubectl("kustomize", str(folder)).stdout


def _pod_is_run(reader: Reader, found: re.Match[str]) -> None:
    """There is no kubelet here: the test runs the container, and waits as `rollout status` does."""
    reader.plane.kubectl("get", found["deployment"], namespace=found["namespace"])
    reader.run_pod(found["deployment"].partition("/")[2])


def _deployment_exists(reader: Reader, found: re.Match[str]) -> None:
    """There is no kubelet here that could hand out logs."""
    reader.plane.kubectl("get", found["deployment"], namespace=found["namespace"])


def _repository_is_served(reader: Reader, _: re.Match[str]) -> None:
    """The reader's own forge stands elsewhere, and would ask for a log-in."""
    assert reader.terminal.run(f"export REPOSITORY={reader.serve_repository()}").code == 0


def _plane_comes_up(reader: Reader, found: re.Match[str]) -> None:
    """It runs until Ctrl-C: started, seen to be ready, and ended."""
    up = reader.nest.start("up", [sys.executable, *found[0].split()[1:]], cwd=ROOT, env=dict(os.environ))
    up.wait_ready(lambda: "export KUBECONFIG=" in up.log.read_text())
    up.stop()


def _adoption_is_known(_: Reader, found: re.Match[str]) -> None:
    """Pods would have to come and go here: tests/cluster/test_adopt.py types these lines where they do."""
    assert found.string in adoption.examples


def _pods_come_and_go(reader: Reader, found: re.Match[str]) -> None:
    """There is no kubelet here: somebody says of each Deployment that it has the Pods it wants."""
    with Kubelet(reader.plane):
        said = reader.terminal.run(found.string)
    assert said.code == 0, said.text


def _recovered_elsewhere(_: Reader, found: re.Match[str]) -> None:
    """It takes a repository and a lost cluster: tests/cluster/flux/test_recovery.py types all lines of that section."""
    assert f"{found.string}\n" in (ROOT / "docs" / "recover.md").read_text()


ASIDE: list[tuple[str, Callable[[Reader, re.Match[str]], None]]] = [
    (r"make ", _target_exists),
    (INSTALL.pattern, _installs_elsewhere),
    (r"docker build -f (?P<file>\S+) -t (?P<image>\S+) \.$", _image_is_the_deployments),
    (r"kubectl rollout status (?P<deployment>deployment/\S+) --namespace (?P<namespace>\S+)$", _pod_is_run),
    (r"kubectl logs (?P<deployment>deployment/\S+) --namespace (?P<namespace>\S+)", _deployment_exists),
    (r"export REPOSITORY=\S+$", _repository_is_served),
    (r"kseal adopt sealed-secrets", _adoption_is_known),
    (r"kseal adopt flux( --undo)?$", _pods_come_and_go),
    (r"\.venv/bin/python -m tests.kit up$", _plane_comes_up),
    (r"kubectl create secret generic sops-age |kubectl apply -f fleet/clusters/production", _recovered_elsewhere),
    (r"kubectl wait kustomization --all ", _recovered_elsewhere),
]
