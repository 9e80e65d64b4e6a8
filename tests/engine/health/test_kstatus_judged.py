"""Flux's own code judges the same objects as we do (tests/kit/go/kstatusjudge): verdict and message are equal."""

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.health.rules import judge
from engine.health.verdict import Health
from tests.kit import liveobjects
from tests.kit.kstatusjudge import Question, ask

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def program_path(program: Callable[[str], Path]) -> Path:
    return program("kstatusjudge")


def assert_judged_alike(program: Path, objects: list[liveobjects.Object]) -> None:
    for obj, said in zip(objects, ask(program, [Question(obj) for obj in objects]), strict=True):
        ours = judge(obj)
        if said.error or said.status == Health.UNKNOWN.value:  # an object that cannot be judged; the words are ours
            assert ours.health is Health.UNKNOWN, (obj, said)
            assert ours.message
        else:
            assert (ours.health.value, ours.message) == (said.status, said.message), obj


@pytest.mark.parametrize("kind", liveobjects.KINDS)
def test_generated_objects_are_judged_as_flux_judges_them(program_path: Path, kind: str) -> None:
    assert_judged_alike(program_path, list(liveobjects.generated(kind, 600)))


def test_every_small_rollout_of_a_deployment_is_judged_as_flux_judges_it(program_path: Path) -> None:
    assert_judged_alike(program_path, list(liveobjects.deployments()))
