"""`python -m tests.kit.soak`: lives of a delivery whose controller is killed at random writes, for as long as asked."""

import argparse
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.kit.controlplane import ControlPlane
from tests.kit.errors import Died
from tests.kit.lives import Nursery

_LATEST: Final = 40
"""Writes of the longest phase, about."""
_AGAIN: Final = 0.4
"""How likely it is that who died dies again while it recovers."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit codes: 0 nothing was lost, 1 something was, 2 misused."""
    parser = argparse.ArgumentParser(prog="python -m tests.kit.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0, help="default: 600")
    parser.add_argument("--seed", type=int, default=None, help="of a run that is to be made again, as far as it can be")
    chosen = parser.parse_args(arguments)
    seed = chosen.seed if chosen.seed is not None else random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}", flush=True)
    return soak(chosen.seconds, random.Random(seed))  # noqa: S311 - chooses points, no secret


def soak(seconds: float, chance: random.Random) -> int:
    """Begin lives until the time is over; the last one is finished. Prints what was found."""
    until = time.monotonic() + seconds
    lives, broken, deaths = 0, 0, Counter[str]()

    def arm(_: str) -> int:
        return chance.randrange(1, _LATEST)

    def again() -> int | None:
        return arm("") if chance.random() < _AGAIN else None

    with tempfile.TemporaryDirectory(prefix="soak-") as folder, ControlPlane("api") as plane:
        while time.monotonic() < until:
            # A controller that is in a bad state must not be the next one's: each failure ends the nursery.
            with Nursery(plane, Path(folder) / str(broken)) as nursery:
                while time.monotonic() < until:
                    life = nursery.life(again)
                    lives += 1
                    try:
                        life.live(arm)
                    except (AssertionError, TimeoutError, Died):
                        broken += 1
                        print(f"life {lives} was broken; it died at {life.deaths}")
                        traceback.print_exc(file=sys.stdout)
                        break
                    finally:
                        deaths.update(death.split()[-2] if " " in death else death for death in life.deaths)
                    print(f"life {lives}: {len(life.deaths)} deaths", flush=True)
    print(f"{lives} lives, {deaths.total()} deaths ({dict(deaths)}), {broken} broken")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
