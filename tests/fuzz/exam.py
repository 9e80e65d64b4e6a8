"""What pytest asks of every target: stored crashers stay mended, and some seconds of new inputs find none."""

import os

import pytest

from tests.fuzz import guided_inputs, random_inputs
from tests.fuzz.surfaces import crashers, load


def seconds() -> float:
    """How long new inputs are tried, half of it by each engine: KSEAL_FUZZ_SECONDS, or ten."""
    return float(os.environ.get("KSEAL_FUZZ_SECONDS", "10"))


def replay(name: str) -> None:
    """Every stored crasher, and the seeds."""
    target = load(name)
    for seed in target.SEEDS:
        target.check(seed)
    for path in crashers(name):
        try:
            target.check(path.read_bytes())
        except Exception as error:
            error.add_note(f"the input is {path}")
            raise


def try_random_inputs(name: str) -> None:
    share = seconds() / 2 if guided_inputs.is_here() else seconds()
    assert random_inputs.run(name, share) > 0


def try_guided_inputs(name: str) -> None:
    if not guided_inputs.is_here():
        pytest.skip("atheris has no wheel for this Python; hypothesis has tried inputs for all of the time")
    done = guided_inputs.run(name, seconds() / 2)
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
