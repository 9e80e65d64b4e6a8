"""Destinations: one for each identity, and none for longer than somebody delivers there."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.flux.clusters import Clusters
from controller.flux.halt import Halt
from controller.flux.names import Name
from controller.flux.remote import Elsewhere, Remote
from controller.flux.spec import Spec, read
from controller.settings import Flux
from engine.kube.client import Cluster
from engine.kube.config import Connection
from engine.kube.discovery import Discovery
from engine.observer import Observer
from engine.records import Records

HERE = Connection("https://127.0.0.1:1")
KEPT_HERE = 1
"""The controller's own client."""


class Remotes:
    """Stands for kubeconfigs: the text in the place of the Secret's name tells one from another."""

    def connection(self, _name: Name, reference: dict[str, Any], user: str) -> Elsewhere:
        key = f"{reference['secretRef']['name']}/{user}".encode()
        there = replace(HERE, server="https://127.0.0.1:2")
        return Elsewhere(there, there, key)

    def observer(self, cluster: Cluster, discovery: Discovery) -> Observer:
        return Observer(cluster, discovery, on_change=lambda *_: None, on_problem=lambda *_: None)


class Ground:
    """Destinations, and the clients that are open."""

    def __init__(self, settings: Flux) -> None:
        self.opened: list[Connection] = []
        self.closed: list[Connection] = []
        own = Cluster(HERE)
        discovery = Discovery(own)
        self.clusters = Clusters(
            HERE,
            self._open,
            observer=Remotes().observer(own, discovery),
            discovery=discovery,
            records=Records(None),
            remote=cast(Remote, Remotes()),
            settings=settings,
        )

    def _open(self, connection: Connection) -> Cluster:
        self.opened.append(connection)
        made = Cluster(connection)
        close = made.close

        def closing() -> None:
            self.closed.append(connection)
            close()

        made.close = closing  # type: ignore[method-assign]
        return made

    @property
    def open(self) -> int:
        return len(self.opened) - len(self.closed) - KEPT_HERE


@pytest.fixture
def ground() -> Iterator[Ground]:
    made = Ground(Flux(lockdown=True))
    yield made
    made.clusters.close()


def named(name: str) -> Name:
    return Name("team", name)


def spec(*, account: str = "deployer", config: str = "") -> Spec:
    more = {"kubeConfig": {"secretRef": {"name": config}}} if config else {}
    raw = {"interval": "1m", "serviceAccountName": account, "sourceRef": {"kind": "GitRepository", "name": "x"}, **more}
    return read({"metadata": {"namespace": "team", "name": "app"}, "spec": raw})


def test_two_of_one_identity_share_a_destination(ground: Ground) -> None:
    first = ground.clusters.destination(named("one"), spec())
    assert ground.clusters.destination(named("two"), spec()) is first
    assert ground.clusters.destination(named("one"), spec(account="other")) is not first
    assert ground.open == 2


def test_under_lock_down_nobody_acts_as_the_controller(ground: Ground) -> None:
    ground.clusters.destination(named("one"), spec(account=""))
    assert ("Impersonate-User", "system:serviceaccount:team:default") in ground.opened[-1].credentials.headers()


def test_a_cluster_that_nobody_delivers_to_any_more_is_let_go(ground: Ground) -> None:
    for number in range(10):
        for name in ("one", "two"):
            ground.clusters.destination(named(name), spec(config=f"cluster-{number}"))
    assert ground.open == 2  # one that acts, and one that watches
    ground.clusters.forget("Kustomization/team/one")
    assert ground.open == 2
    ground.clusters.forget("Kustomization/team/two")
    assert ground.open == 0


def test_whoever_comes_back_from_another_cluster_finds_the_own_one(ground: Ground) -> None:
    first = ground.clusters.destination(named("one"), spec())
    ground.clusters.destination(named("one"), spec(config="cluster"))
    assert ground.clusters.destination(named("one"), spec()) is first
    assert ground.open == 1


@given(st.text(st.sampled_from("a9-./:A é\n"), min_size=1, max_size=6))
def test_only_names_of_accounts_are_acted_as(account: str) -> None:
    is_name = set(account) <= set("a9-.") and account[0] in "a9" and account[-1] in "a9"
    ground = Ground(Flux(lockdown=True))
    try:
        if is_name:
            ground.clusters.destination(named("one"), spec(account=account))
        else:
            with pytest.raises(Halt, match="no name of a service account"):
                ground.clusters.destination(named("one"), spec(account=account))
            assert not ground.clusters.may_act(named("one"), spec(account=account))
    finally:
        ground.clusters.close()
