"""A controller that is killed at any moment loses nothing: the next start finishes the work."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from sealer.scope import Scope
from tests.kit import crowd
from tests.kit.controlplane import ControlPlane
from tests.kit.ground import open_ground
from tests.kit.process import wait_until

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

POINTS = 20
PER_POINT = 10
KEY_SELECTOR = "sealedsecrets.bitnami.com/sealed-secrets-key"


def test_two_hundred_arrive_while_the_controller_is_killed_twenty_times(served: ControlPlane) -> None:
    chosen = random.Random(20)  # noqa: S311 - the same points in each run
    with crowd.admin(served) as cluster, open_ground(served) as ground, ThreadPoolExecutor(1) as arrivals:
        namespace, controller = ground.namespace, ground.controller

        def keys() -> list[str]:
            found = cluster.list(crowd.SECRETS, namespace, label_selector=f"{KEY_SELECTOR}=active")
            return [one["metadata"]["name"] for one in found]

        # The first point lies between the creation of the key and the first status.
        controller.launch()
        wait_until(lambda: len(keys()) == 1, "the first key exists")
        controller.kill()
        (first_key,) = keys()
        controller.start()
        sealed = ground.sealed("pattern", {"password": b"right"}, scope=Scope.CLUSTER)
        names = [f"db-{number:03}" for number in range(POINTS * PER_POINT)]
        for point in range(POINTS):
            batch = names[point * PER_POINT : (point + 1) * PER_POINT]
            arriving = arrivals.submit(crowd.create, cluster, crowd.copies(sealed, batch))
            wanted, is_reported = chosen.randrange(PER_POINT + 1), chosen.random() < 0.5

            def progress(batch: list[str] = batch, is_reported: bool = is_reported) -> int:
                done = (
                    crowd.synced(cluster, namespace) if is_reported else crowd.secret_names(cluster, namespace, batch)
                )
                return len(done.intersection(batch))

            wait_until(lambda: progress() >= wanted, "it has come so far")  # noqa: B023 - used at once
            controller.kill()
            arriving.result()
            controller.launch()
        wait_until(lambda: crowd.synced(cluster, namespace) >= set(names), "all are synced", limit_seconds=60)
        values = {one["metadata"]["name"]: one["data"] for one in cluster.list(crowd.SECRETS, namespace)}
        assert [name for name in names if values[name]["password"] != "cmlnaHQ="] == []
        assert keys() == [first_key]
