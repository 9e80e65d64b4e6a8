"""What deliveries stand on goes away, breaks or lies, and comes back: they end as they should, and lose nothing."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from tests.kit import sandbox
from tests.kit.controlplane import ControlPlane
from tests.kit.deliveries import git_repository, kustomization
from tests.kit.errors import Unavailable
from tests.kit.faults import Trap
from tests.kit.flux import HOME, OurController
from tests.kit.fluxground import FluxGround
from tests.kit.fluxobjects import install_definitions
from tests.kit.gitserver import Answer, GitServer
from tests.kit.process import Nest, wait_until
from tests.kit.workcopy import WorkCopy

pytestmark = pytest.mark.cluster

NAMES: Final = ("a", "b", "c", "d", "e", "f")
LEASE: Final = f"/apis/coordination.k8s.io/v1/namespaces/{HOME}/leases/kustomize-controller-leader-election"
ADVERTISED: Final = "application/x-git-upload-pack-advertisement"
ANSWERED: Final = "application/x-git-upload-pack-result"
_OWNER: Final = "kustomize.toolkit.fluxcd.io"
_MERGE: Final = "application/merge-patch+json"


class MoodyServer(GitServer):
    """A Git server that may hang up on everyone, or answer everything with the same words."""

    instead: Answer | None = None
    is_away = False

    def _handler(self) -> type:
        server = self
        handler = super()._handler()

        class Moody(handler):  # type: ignore[valid-type, misc]
            """One request."""

            def _answer(self) -> None:
                if server.is_away:
                    self.connection.close()
                    self.close_connection = True
                elif server.instead is not None:
                    self._send(server.instead[0], server.instead[1].items(), server.instead[2])
                else:
                    super()._answer()

        return Moody


class Delivery:
    """Six ConfigMaps of one Kustomization, under a controller that can be held at a write."""

    def __init__(
        self, plane: ControlPlane, host: MoodyServer, nest: Nest, folder: Path, *, wrap: Callable[[Nest, Path], Path]
    ) -> None:
        self.plane, self.host, self.nest = plane, host, nest
        install_definitions(plane)
        namespace = plane.create_namespace("outage")
        self.ground = FluxGround(plane, WorkCopy(host, folder / namespace, namespace), namespace)
        self.repository = self.ground.repository
        self.trap = Trap(nest.folder / "trap")
        self.controller = OurController(nest, plane, program=wrap(nest, self.trap.program))
        self.storage = nest.folder / "kseal-storage"
        self.write("first")

    def write(self, value: str, names: tuple[str, ...] = NAMES) -> None:
        """Have ConfigMaps of these names in Git, all with this value, and no others."""
        if (self.repository.folder / "apps").exists():
            self.repository.remove("apps")
        for name in names:
            config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"value": value}}
            self.repository.write(f"apps/{name}.yaml", json.dumps(config))
        self.repository.push(value)

    def begin(self) -> dict[str, str]:
        """Start, deliver; returns what lives."""
        self.controller.start()
        namespace = self.ground.namespace
        self.ground.apply(
            git_repository(self.repository, namespace),
            kustomization("apps", namespace, "./apps", targetNamespace=namespace, retryInterval="2s"),
        )
        self.ground.wait_ready("kustomization", "apps")
        return self.uids()

    def ask(self) -> None:
        """Have the source looked at now, and wait until it was."""
        value = self.ground.request("gitrepository", "fleet")
        self.ground.wait_handled("gitrepository", "fleet", value=value)

    def arrives(self, value: str, names: tuple[str, ...] = NAMES) -> None:
        """Wait until what is in Git is in the cluster, with nothing beside it."""
        self.ground.request("gitrepository", "fleet")
        self.ground.wait_ready("kustomization", "apps")
        assert self.values() == dict.fromkeys(names, value)
        entries = self.ground.get("kustomization", "apps")["status"]["inventory"]["entries"]
        assert [entry["id"] for entry in entries] == [f"{self.ground.namespace}_{name}__ConfigMap" for name in names]

    def values(self) -> dict[str, str]:
        return {raw["metadata"]["name"]: raw["data"]["value"] for raw in self._configs()}

    def uids(self) -> dict[str, str]:
        return {raw["metadata"]["name"]: raw["metadata"]["uid"] for raw in self._configs()}

    def _configs(self) -> list[dict[str, dict[str, str]]]:
        selector = f"?labelSelector={_OWNER}%2Fname%3Dapps"
        path = f"/api/v1/namespaces/{self.ground.namespace}/configmaps"
        items: list[dict[str, dict[str, str]]] = self.plane.api.json("GET", path + selector)["items"]
        return items

    def end(self) -> None:
        if not self.plane.api.answers("/readyz"):
            self.plane.resume()
        self.ground.suspend()
        self.controller.stop()


def _as_it_is(_: Nest, program: Path) -> Path:
    return program


@pytest.fixture
def new_delivery(tmp_path: Path) -> Iterator[Callable[..., Delivery]]:
    with ExitStack() as stack:
        (tmp_path / "host").mkdir()
        host = stack.enter_context(MoodyServer(tmp_path / "host"))

        def make(plane: ControlPlane, wrap: Callable[[Nest, Path], Path] = _as_it_is) -> Delivery:
            made = Delivery(plane, host, stack.enter_context(Nest("outage")), tmp_path, wrap=wrap)
            stack.callback(made.end)
            return made

        yield make


@pytest.fixture
def delivery(control_plane: ControlPlane, new_delivery: Callable[..., Delivery]) -> Delivery:
    return new_delivery(control_plane)


# Git


def test_a_git_server_that_is_away_changes_nothing_and_what_was_delivered_still_heals(delivery: Delivery) -> None:
    before = delivery.begin()
    delivery.host.is_away = True
    delivery.write("second", NAMES[1:])
    delivery.ask()
    delivery.ground.wait_failed("gitrepository", "fleet")
    delivery.plane.kubectl("delete", "configmap", "b", namespace=delivery.ground.namespace)
    wait_until(lambda: "b" in delivery.values(), "what somebody deleted is back")
    assert delivery.values() == dict.fromkeys(NAMES, "first")
    assert {name: uid for name, uid in delivery.uids().items() if name != "b"}.items() <= before.items()
    delivery.host.is_away = False
    delivery.arrives("second", NAMES[1:])


@pytest.mark.parametrize(
    "answer",
    [
        (200, {"Content-Type": "text/html"}, b"<html>Please log in</html>"),
        (200, {"Content-Type": ADVERTISED}, b""),
        (200, {"Content-Type": ADVERTISED}, b"001e# service=git-upload-pack\n00000000"),
        (200, {"Content-Type": ANSWERED}, b"0000"),
        (200, {"Content-Type": ADVERTISED}, b"\xff\x00" * 5000),
        (404, {}, b"no such repository"),
        (500, {}, b"out of order"),
    ],
    ids=["a web page", "nothing", "no refs", "an end", "noise", "unknown", "an error"],
)
def test_a_git_server_that_answers_anything_else_than_the_repository_prunes_nothing(
    delivery: Delivery, answer: Answer
) -> None:
    before = delivery.begin()
    delivery.host.instead = answer
    delivery.ask()
    delivery.ground.wait_failed("gitrepository", "fleet")
    assert delivery.uids() == before
    assert delivery.ground.ready("kustomization", "apps")["status"] == "True"
    delivery.host.instead = None
    delivery.write("second", NAMES[:3])
    delivery.arrives("second", NAMES[:3])


def test_a_repository_that_is_empty_all_of_a_sudden_prunes_nothing(delivery: Delivery) -> None:
    before = delivery.begin()
    bare = delivery.repository.bare
    aside = bare.with_name("aside")
    bare.rename(aside)
    delivery.host.repository(bare.name.removesuffix(".git"))
    delivery.ask()
    delivery.ground.wait_failed("gitrepository", "fleet")
    assert delivery.uids() == before
    shutil.rmtree(bare)
    aside.rename(bare)
    delivery.arrives("first")
    assert delivery.uids() == before


def test_a_commit_that_removes_the_whole_folder_prunes_nothing(delivery: Delivery) -> None:
    before = delivery.begin()
    delivery.repository.remove("apps")
    delivery.ground.deliver()
    delivery.ground.wait_failed("kustomization", "apps", containing="path not found")
    assert delivery.uids() == before
    delivery.write("second")
    delivery.arrives("second")


# The API server, and the Lease


def test_an_api_server_that_restarts_in_the_middle_of_a_pass(
    unsteady_control_plane: ControlPlane, new_delivery: Callable[..., Delivery]
) -> None:
    delivery = new_delivery(unsteady_control_plane)
    before = delivery.begin()
    delivery.write("second", NAMES[2:])
    delivery.trap.arm(8, hold=True)
    delivery.ground.request("gitrepository", "fleet")
    delivery.trap.wait_held()
    unsteady_control_plane.pause()
    delivery.trap.release()
    unsteady_control_plane.resume()
    delivery.arrives("second", NAMES[2:])
    assert delivery.uids().items() <= before.items()


@pytest.mark.slow
def test_who_loses_the_lease_in_the_middle_of_a_pass_writes_nothing_more(delivery: Delivery) -> None:
    before = delivery.begin()
    delivery.write("second", NAMES[2:])
    delivery.trap.arm(8, hold=True)
    delivery.ground.request("gitrepository", "fleet")
    delivery.trap.wait_held()
    seen = delivery.values()
    assert {"first", "second"} == set(seen.values()), "it is in the middle"
    delivery.plane.api.text("PATCH", LEASE, {"spec": {"holderIdentity": "somebody-else"}}, content_type=_MERGE)
    wait_until(lambda: "not leading" in delivery.controller.log, "the loss is noticed")
    delivery.trap.release()
    value = delivery.ground.request("kustomization", "apps")
    assert delivery.values() == seen
    delivery.plane.api.text("PATCH", LEASE, {"spec": {"holderIdentity": ""}}, content_type=_MERGE)
    delivery.ground.wait_handled("kustomization", "apps", value=value)
    delivery.arrives("second", NAMES[2:])
    assert delivery.uids().items() <= before.items()


# The disk


@pytest.mark.parametrize("part", ["artifacts", "trees", "mirrors", "kustomize", ""])
@pytest.mark.parametrize("is_running", [True, False], ids=["while it runs", "while it is stopped"])
def test_a_storage_folder_that_is_wiped(delivery: Delivery, part: str, is_running: bool) -> None:
    before = delivery.begin()
    if not is_running:
        delivery.controller.stop()
    for folder in [delivery.storage / part] if part else list(delivery.storage.iterdir()):
        shutil.rmtree(folder)
    if not is_running:
        delivery.controller.start()
    value = delivery.ground.request("kustomization", "apps")
    delivery.ground.wait_handled("kustomization", "apps", value=value)
    delivery.arrives("first")
    assert delivery.uids() == before
    delivery.write("second", NAMES[2:])
    delivery.arrives("second", NAMES[2:])
    assert delivery.uids().items() <= before.items()


@pytest.mark.parametrize("is_running", [True, False], ids=["while it runs", "while it is stopped"])
def test_a_database_of_records_that_is_broken(delivery: Delivery, is_running: bool) -> None:
    before = delivery.begin()
    if not is_running:
        delivery.controller.kill()
    for file in (delivery.storage / "kustomize").glob("records.sqlite*"):
        with file.open("r+b") as records:
            records.write(b"\xa5" * max(file.stat().st_size, 4096))
    if not is_running:
        delivery.controller.start()
    delivery.write("second", NAMES[2:])
    delivery.arrives("second", NAMES[2:])
    assert delivery.uids().items() <= before.items()


def _on_a_small_disk(nest: Nest, program: Path) -> Path:
    """A program that works with two megabytes of storage, which nobody else sees."""
    if reason := sandbox.refusal():
        raise Unavailable("a small disk", reason, "allow user namespaces")
    made = nest.folder / "small"
    storage = nest.folder / "kseal-storage"
    made.write_text(f'#!/bin/sh\nmount -t tmpfs -o size=2m tmpfs "{storage}" && exec "{program}" "$@"\n')
    made.chmod(0o700)
    starter = nest.folder / "starter"
    starter.write_text(f'#!/bin/sh\nexec unshare --user --map-root-user --mount "{made}" "$@"\n')
    starter.chmod(0o700)
    return starter


def test_a_full_disk_is_said_and_what_was_delivered_stays(
    control_plane: ControlPlane, new_delivery: Callable[..., Delivery]
) -> None:
    delivery = new_delivery(control_plane, _on_a_small_disk)
    before = delivery.begin()
    inside = Path(f"/proc/{delivery.controller.process.pid}/root{delivery.storage}")
    filler = inside / "filler"
    with pytest.raises(OSError, match="No space"):
        filler.write_bytes(bytes(3 << 20))
    delivery.write("second", NAMES[2:])
    delivery.ask()
    said = delivery.ground.wait_failed("gitrepository", "fleet")
    assert "no space left on device" in said.lower()
    assert delivery.uids() == before
    assert delivery.ground.ready("kustomization", "apps")["status"] == "True"
    filler.unlink()
    delivery.arrives("second", NAMES[2:])
    assert delivery.uids().items() <= before.items()
