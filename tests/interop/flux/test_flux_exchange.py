"""Our sources feed the real kustomize-controller, and the real source-controller feeds ours."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.kit.controlplane import ControlPlane
from tests.kit.flux import KustomizeController, OurController, Server, SourceController
from tests.kit.fluxground import FluxGround
from tests.kit.process import Nest

pytestmark = [pytest.mark.cluster, pytest.mark.interop]

ALL = ("infrastructure", "web-staging", "web-production")
SOON = "--requeue-dependency=1s"


@contextmanager
def _running(*servers: Server) -> Iterator[None]:
    try:
        for server in servers:
            server.start()
        yield
    finally:
        for server in servers:
            server.stop()


@pytest.mark.parametrize("ours", ["flux-source", "flux-kustomize"])
def test_artifacts_of_one_maker_are_delivered_by_the_other(
    ours: str, flux_plane: ControlPlane, new_ground: Callable[..., FluxGround]
) -> None:
    ground = new_ground()
    with Nest("exchange") as nest:
        theirs = KustomizeController if ours == "flux-source" else SourceController
        with _running(
            OurController(nest, flux_plane, components=ours, flags=[SOON]), theirs(nest, flux_plane, flags=[SOON])
        ):
            ground.begin()
            ground.wait_ready("kustomization", *ALL)
            assert ground.level(ground.names.staging) == "debug"
            ground.repository.edit("apps/web/overlays/staging/level.yaml", "debug", "trace")
            ground.repository.remove("infrastructure/quota.yaml")
            ground.deliver()
            ground.wait_ready("kustomization", *ALL)
            assert ground.level(ground.names.staging) == "trace"
            ground.wait_gone(f"/api/v1/namespaces/{ground.names.staging}/resourcequotas/pods")
            ground.suspend()
