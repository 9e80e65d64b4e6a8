"""Our sources feed the real kustomize-controller, and the real source-controller feeds ours: each has a shard.

The resources of a shard carry its label. A consumer reads sources whatever labels they have.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.kit.controlplane import ControlPlane
from tests.kit.deliveries import git_repository, kustomizations, reference
from tests.kit.flux import SHARD, KustomizeController, OurController, Server, SourceController
from tests.kit.fluxground import FluxGround
from tests.kit.process import Nest

pytestmark = [pytest.mark.cluster, pytest.mark.interop]

ALL = ("infrastructure", "web-staging", "web-production")
OURS = "ours"
REST = f"--watch-label-selector=!{SHARD}"
SOON = "--requeue-dependency=1s"


@contextmanager
def _running(*servers: Server) -> Iterator[None]:
    try:
        for server in servers:
            server.start()
        yield
    finally:
        for server in servers:
            server.kill()


@pytest.mark.parametrize("ours", ["gitrepository", "kustomization"])
def test_artifacts_of_one_maker_are_delivered_by_the_other(
    ours: str, flux_plane: ControlPlane, new_ground: Callable[..., FluxGround]
) -> None:
    ground = new_ground()
    with Nest("exchange") as nest:
        theirs = KustomizeController if ours == "gitrepository" else SourceController
        with _running(
            OurController(nest, flux_plane, shard=OURS, flags=[SOON]), theirs(nest, flux_plane, flags=[REST, SOON])
        ):
            ground.repository.write_all(reference(ground.names))
            ground.repository.push()
            for one in (git_repository(ground.repository, ground.namespace), *kustomizations(ground.namespace)):
                if one["kind"].lower() == ours:
                    one["metadata"]["labels"] = {SHARD: OURS}
                ground.apply(one)
            ground.wait_ready("kustomization", *ALL)
            assert ground.level(ground.names.staging) == "debug"
            ground.repository.edit("apps/web/overlays/staging/level.yaml", "debug", "trace")
            ground.repository.remove("infrastructure/quota.yaml")
            ground.deliver()
            ground.wait_ready("kustomization", *ALL)
            assert ground.level(ground.names.staging) == "trace"
            ground.wait_gone(f"/api/v1/namespaces/{ground.names.staging}/resourcequotas/pods")
