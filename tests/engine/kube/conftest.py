"""A client and a peer on loopback, for tests of what happens between them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from engine.kube.client import Cluster
from engine.kube.config import Connection
from engine.kube.http import retry
from tests.kit.peer import Peer, Script

Meet = Callable[..., tuple[Cluster, Peer]]


@pytest.fixture
def meet(monkeypatch: pytest.MonkeyPatch) -> Iterator[Meet]:
    """Makes a client and the peer that it speaks to; keywords go into the Connection. Repeats come without a wait."""
    monkeypatch.setattr(retry, "FIRST_SECONDS", 0.001)
    with ExitStack() as stack:

        def make(script: Script, *, timeout_seconds: float = 2, **connection: object) -> tuple[Cluster, Peer]:
            peer = stack.enter_context(Peer(script))
            cluster = Cluster(Connection(peer.url, **connection), timeout_seconds=timeout_seconds)
            stack.callback(cluster.close)
            return cluster, peer

        yield make
