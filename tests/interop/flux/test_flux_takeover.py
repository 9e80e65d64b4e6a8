"""What one maker's controllers left is taken over by the other's without a write to any object that they manage.

Shown twice: by the API server's audit log, and by the resource versions of the managed objects.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.kit.controlplane import ControlPlane
from tests.kit.deliveries import git_repository, kustomization
from tests.kit.flux import EQUAL, Maker, Stack, install_crds
from tests.kit.fluxground import FluxGround
from tests.kit.gitserver import GitServer
from tests.kit.process import Nest
from tests.kit.workcopy import WorkCopy

pytestmark = [pytest.mark.cluster, pytest.mark.interop]

COUNT = 50
NAMES = [f"app-{number:02}" for number in range(COUNT)]
WRITES = {"create", "update", "patch", "delete", "deletecollection"}
# What reports on the work: the resources themselves, their events, and who leads.
OWN = {"gitrepositories", "kustomizations", "events", "leases"}

PLAIN = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: {name}
data:
  level: info
---
apiVersion: v1
kind: Service
metadata:
  name: {name}
spec:
  selector:
    app: {name}
  ports:
  - port: 80
---
apiVersion: v1
kind: Secret
metadata:
  name: {name}
stringData:
  user: somebody
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
spec:
  replicas: 0
  selector:
    matchLabels:
      app: {name}
  template:
    metadata:
      labels:
        app: {name}
    spec:
      containers:
      - name: web
        image: registry.example/web:1.0.0
        resources:
          limits:
            cpu: 1000m
"""
ROLE = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: {name}
rules:
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get]
"""
OVERLAY = """\
resources: [all.yaml, role.yaml]
namePrefix: very-
images:
- name: registry.example/web
  newTag: 2.0.0
"""


class Change(NamedTuple):
    """A write that the API server carried out."""

    verb: str
    resource: str
    name: str
    status: int


@pytest.fixture
def ground(new_control_plane: Callable[..., ControlPlane], tmp_path: Path, git: GitServer) -> FluxGround:
    """A control plane of its own, in which nobody else works, and fifty Kustomizations in Git."""
    plane = new_control_plane("api", audit=True)
    install_crds(plane)
    ground = FluxGround(plane, WorkCopy(git, tmp_path / "work", "fleet"), plane.create_namespace("team"))
    for number, name in enumerate(NAMES):
        ground.repository.write(f"apps/{name}/all.yaml", PLAIN.format(name=name))
        if number % 2:
            ground.repository.write(f"apps/{name}/role.yaml", ROLE.format(name=name))
            ground.repository.write(f"apps/{name}/kustomization.yaml", OVERLAY)
    ground.repository.push()
    return ground


@pytest.fixture
def git(tmp_path: Path) -> Iterator[GitServer]:
    (tmp_path / "repositories").mkdir()
    with GitServer(tmp_path / "repositories") as server:
        yield server


def _spec(number: int) -> dict[str, Any]:
    """What Kustomizations differ in: labels for all, a variable, a namespace."""
    fields: list[dict[str, Any]] = [
        {},
        {"commonMetadata": {"labels": {"team": "red"}, "annotations": {"note": "common"}}},
        {"postBuild": {"substitute": {"level": "debug"}}},
        {
            "patches": [
                {"patch": "- {op: add, path: /metadata/annotations, value: {a: b}}", "target": {"kind": "Service"}}
            ]
        },
    ]
    return fields[number % len(fields)]


def _deliver(ground: FluxGround) -> None:
    ground.apply(
        git_repository(ground.repository, ground.namespace),
        *(
            kustomization(
                name,
                ground.namespace,
                f"./apps/{name}",
                targetNamespace=ground.namespace,
                **_spec(number),
            )
            for number, name in enumerate(NAMES)
        ),
    )
    ground.wait_ready("kustomization", *NAMES, limit_seconds=60)


def _managed(ground: FluxGround) -> Mapping[str, str]:
    """The resource version of each managed object."""
    found = {}
    for kind in ("configmaps", "services", "secrets", "deployments", "roles"):
        path = {"deployments": "/apis/apps/v1", "roles": "/apis/rbac.authorization.k8s.io/v1"}.get(kind, "/api/v1")
        listed = ground.plane.api.json("GET", f"{path}/namespaces/{ground.namespace}/{kind}")
        for one in listed["items"]:
            if "kustomize.toolkit.fluxcd.io/name" in one["metadata"].get("labels", {}):
                found[f"{kind}/{one['metadata']['name']}"] = one["metadata"]["resourceVersion"]
    return found


def _writes(ground: FluxGround, users: frozenset[str]) -> list[Change]:
    """What these users changed, tried out aside, of the objects that are not their own business."""
    return [
        Change(
            event["verb"],
            event["objectRef"]["resource"],
            event["objectRef"].get("name", ""),
            event["responseStatus"]["code"],
        )
        for event in ground.plane.audit_events()
        if event["user"]["username"] in users
        and event["verb"] in WRITES
        and "dryRun=" not in event["requestURI"]
        and event["objectRef"]["resource"] not in OWN
        and event["objectRef"].get("apiGroup") != "authorization.k8s.io"
    ]


@pytest.mark.parametrize("makers", [("flux", "kseal", "flux")], ids="-".join)
def test_takeovers_write_to_no_managed_object(makers: Sequence[Maker], ground: FluxGround) -> None:
    with Nest("first") as nest, Stack(makers[0], nest, ground.plane, limits=EQUAL) as first:
        _deliver(ground)
        first.stop()
    managed = _managed(ground)
    assert len(managed) == COUNT * 4 + COUNT // 2
    assert len(_writes(ground, first.users)) >= len(managed)
    for maker in makers[1:]:
        with Nest("next") as nest, Stack(maker, nest, ground.plane, limits=EQUAL) as after:
            written = _writes(ground, after.users)
            value = ground.request("kustomization", *NAMES)
            ground.wait_handled("kustomization", *NAMES, value=value, limit_seconds=60)
            ground.wait_ready("kustomization", *NAMES)
            after.stop()
        assert _managed(ground) == managed
        assert _writes(ground, after.users) == written
