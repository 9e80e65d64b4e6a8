"""Inputs by hypothesis: seeds that are altered, and pieces in a row; what breaks a rule is shrunk and stored."""

import random
import time
from itertools import count

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.fuzz.surfaces import Target, keep, load

_ROUND = 200  # inputs between two looks at the clock


def inputs(target: Target) -> st.SearchStrategy[bytes]:
    """Pieces and a few random bytes in a row, alone or in place of stretches of a seed."""
    few = st.lists(st.one_of(st.sampled_from(target.PIECES), st.binary(max_size=4)), max_size=4).map(b"".join)
    place = st.integers(min_value=0, max_value=max(map(len, target.SEEDS)))
    change = st.tuples(place, st.integers(min_value=0, max_value=12), few)
    altered = st.builds(_altered, st.sampled_from(target.SEEDS), st.lists(change, max_size=4))
    rows = st.lists(st.sampled_from(target.PIECES), max_size=30).map(b"".join)
    return st.one_of(altered, rows)


def run(name: str, seconds: float) -> int:
    """Try inputs until the time is up; how many. Raises: what the smallest input found raises, after storing it."""
    target, tried = load(name), count()
    smallest: list[bytes] = []

    @settings(max_examples=_ROUND, deadline=None, database=None, phases=[Phase.generate, Phase.shrink],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(inputs(target))
    def try_some(data: bytes) -> None:
        next(tried)
        try:
            target.check(data)
        except Exception:
            smallest[:] = [data]  # the last one that hypothesis tries is the smallest
            raise

    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            seed(random.getrandbits(64))(try_some)()
        except Exception as error:
            if smallest:
                error.add_note(f"stored as {keep(name, smallest[0])}")
            raise
    return next(tried)


def _altered(whole: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
    for start, length, new in changes:
        whole = whole[:start] + new + whole[start + length :]
    return whole
