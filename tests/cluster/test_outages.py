"""The world goes away and comes back: the controller says what is missing, waits, and goes on."""

import time
from collections.abc import Callable

import pytest

from tests.kit.controlplane import ControlPlane
from tests.kit.ground import Ground, install_crd, open_ground
from tests.kit.process import Nest, wait_until

pytestmark = pytest.mark.cluster

OUTAGE_SECONDS = 30.0


def test_a_missing_crd_is_named_and_waited_for(new_control_plane: Callable[..., ControlPlane]) -> None:
    plane = new_control_plane()
    with Nest("controller") as nest:
        ground = Ground(plane, nest)
        controller = ground.controller.launch()
        wait_until(lambda: "sealedsecrets.bitnami.com" in controller.get("/readyz")[1], "the cause is shown")
        status, text = controller.get("/readyz")
        assert (status, "kubectl apply" in text) == (503, True)
        assert controller.logs.count("level=WARN") == 1, "it is said once"
        install_crd(plane)
        wait_until(controller.is_ready, "the controller is ready")
        ground.apply(ground.sealed("db", {"a": b"1"}))
        ground.wait_synced("db")


@pytest.mark.slow
def test_an_api_server_that_is_away_for_half_a_minute(unsteady_control_plane: ControlPlane) -> None:
    plane = unsteady_control_plane
    install_crd(plane)
    with open_ground(plane) as ground:
        controller = ground.controller.start()
        ground.apply(ground.sealed("before", {"a": b"1"}))
        ground.wait_synced("before")
        meanwhile = ground.sealed("after", {"a": b"2"})
        plane.pause()
        wait_until(lambda: controller.get("/readyz")[0] == 503, "the controller reports not ready")
        assert "interrupted" in controller.get("/readyz")[1]
        assert controller.get("/healthz")[0] == 200, "a restart would not help"
        assert controller.get("/v1/cert.pem")[0] == 200, "sealing goes on"
        lasts_until = time.monotonic() + OUTAGE_SECONDS
        wait_until(lambda: time.monotonic() > lasts_until, "the outage has lasted long enough", limit_seconds=60)
        assert controller.process.poll() is None
        plane.resume()
        ground.apply(meanwhile)
        ground.plane.kubectl("delete", "secret", "before", namespace=ground.namespace)
        wait_until(controller.is_ready, "the controller is ready again")
        ground.wait_synced("after")
        wait_until(lambda: ground.values("before") == {"a": b"1"}, "what went meanwhile is back")


def test_an_api_server_that_hangs_does_not_stop_the_controller_from_ending(
    unsteady_control_plane: ControlPlane,
) -> None:
    plane = unsteady_control_plane
    install_crd(plane)
    with open_ground(plane) as ground:
        ground.controller.start()
        plane.pause(freeze=True)
        try:
            started = time.monotonic()
            assert ground.controller.stop() == 0
            assert time.monotonic() - started < 15
        finally:
            plane.resume()
