"""`python -m tests.fuzz TARGET --seconds N`: look for inputs that break a rule; they are stored under crashers/."""

import argparse
import sys

from tests.fuzz import guided_inputs, random_inputs
from tests.fuzz.surfaces import NAMES


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", choices=NAMES)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--engine", choices=("atheris", "atheris-here", "hypothesis"), default=None)
    asked = parser.parse_args()
    engine = asked.engine or ("atheris" if guided_inputs.is_here() else "hypothesis")
    if engine == "atheris-here":
        guided_inputs.run_here(asked.target, asked.seconds)
    if engine == "atheris":
        done = guided_inputs.run(asked.target, asked.seconds)
        print(done.stdout, *done.stderr.splitlines()[-40:], sep="\n")
        return done.returncode
    print(f"{random_inputs.run(asked.target, asked.seconds)} inputs, and no rule was broken")
    return 0


sys.exit(main())
