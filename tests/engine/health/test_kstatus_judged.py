"""Flux's own code judges the same objects as we do (tests/kit/go/kstatusjudge): verdict and message are equal."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from engine.health.rules import judge
from engine.health.verdict import Health
from tests.kit import liveobjects
from tests.kit.kstatusjudge import KstatusJudge

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def flux(program: Callable[[str], Path]) -> Iterator[KstatusJudge]:
    with KstatusJudge(program("kstatusjudge")) as judge:
        yield judge


def assert_judged_alike(flux: KstatusJudge, objects: Iterable[liveobjects.Object]) -> None:
    for obj in objects:
        said, ours = flux.by_rules(obj), judge(obj)
        if said.error or said.status == Health.UNKNOWN.value:  # an object that cannot be judged; the words are ours
            assert ours.health is Health.UNKNOWN, (obj, said)
            assert ours.message
        else:
            assert (ours.health.value, ours.message) == (said.status, said.message), obj


@pytest.mark.parametrize("kind", liveobjects.KINDS)
def test_generated_objects_are_judged_as_flux_judges_them(flux: KstatusJudge, kind: str) -> None:
    assert_judged_alike(flux, liveobjects.generated(kind, 600))


def test_every_small_rollout_of_a_deployment_is_judged_as_flux_judges_it(flux: KstatusJudge) -> None:
    assert_judged_alike(flux, liveobjects.deployments())
