"""The installed controller of deliveries: the objects of deploy/deliveries in a cluster, and their Pod at work."""

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple

from engine.kube.yaml import Dialect, read_all
from tests.kit.controlplane import ControlPlane
from tests.kit.gitserver import GitServer
from tests.kit.pod import Pod
from tests.kit.sandbox import POD_ADDRESS
from tests.kit.tree import ROOT

DEPLOY: Final = ROOT / "deploy"
NAME: Final = "kseal-deliveries"
HOME: Final = "flux-system"


class Installation(NamedTuple):
    """A cluster with the objects in it, the Pod, which is ready, and a Git server that it reaches."""

    plane: ControlPlane
    pod: Pod
    git: GitServer


def rendered(plane: ControlPlane, components: Sequence[str] = (), *, namespace: str = HOME) -> list[dict[str, Any]]:
    """The objects of the base in an overlay with components and a namespace, as kustomize makes them."""
    with TemporaryDirectory(dir=DEPLOY) as folder:  # kustomize reads nothing outside of a common root
        overlay = {
            "namespace": namespace,
            "resources": ["../deliveries"],
            "components": [f"../components/{name}" for name in components],
        }
        (Path(folder) / "kustomization.yaml").write_text(json.dumps(overlay))
        text = plane.kubectl("kustomize", folder).stdout
    return read_all(text.encode(), dialect=Dialect.V3, source="kubectl kustomize")


@contextmanager
def installed(folder: Path, *components: str) -> Iterator[Installation]:
    """A cluster of its own: the Leases and the resources of other tests would be in the way. Raises: Unavailable."""
    with ExitStack() as stack:
        plane = stack.enter_context(ControlPlane(audit=True))
        objects = rendered(plane, components)
        listed = {"apiVersion": "v1", "kind": "List", "items": objects}
        plane.kubectl("apply", "--server-side", "-f", "-", input=json.dumps(listed))
        plane.wait_established("kustomizations.kustomize.toolkit.fluxcd.io")
        plane.wait_established("gitrepositories.source.toolkit.fluxcd.io")
        plane.wait_established("receivers.notification.toolkit.fluxcd.io")
        (deployment,) = [found for found in objects if found["kind"] == "Deployment"]
        git = stack.enter_context(GitServer(folder, address=POD_ADDRESS))
        pod = stack.enter_context(Pod(plane, deployment))
        pod.wait_ready()
        yield Installation(plane, pod, git)
