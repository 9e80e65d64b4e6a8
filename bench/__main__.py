"""`python -m bench [NAME...] [--quick]`: measure, show, and keep the results of a whole run in bench/RESULTS.md."""

import argparse
import sys
import time
from collections.abc import Sequence
from importlib import import_module

from bench import report, wheel
from bench.figure import Bench, Figure
from bench.quiet import Quiet
from engine.errors import KsealError
from tests.kit.process import Nest

PATIENCE_SECONDS = 900.0
"""Of a whole run, for other work on the machine to end."""
SECRETS = ("startup", "many", "opening", "sops", "sopslarge", "arrival", "restart")
DELIVERIES = ("flux", "fluxcrowd", "fluxdefaults", "fluxoverlays", "fluxlarge", "fluxscale")
FIGURES = (*SECRETS, *DELIVERIES)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit codes: 0 measured, whatever came out; 1 something could not be measured; 2 misused."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[[], *FIGURES], help=f"of {', '.join(FIGURES)}")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to try out the bench; nothing is kept")
    share = "take this part of each size, for instance 0.1, to try out the bench; nothing is kept"
    parser.add_argument("--share", type=float, default=1.0, metavar="PART", help=share)
    parser.add_argument("--busy", action="store_true", help="do not wait for other work on the machine to end")
    chosen = parser.parse_args(arguments)
    try:
        quiet = Quiet(say, patience_seconds=0 if chosen.quick or chosen.busy else PATIENCE_SECONDS)
        results = measure(chosen.names or FIGURES, quiet, quick=chosen.quick, share=chosen.share)
    except KsealError as error:
        say(f"error: {error}" + (f" ({error.hint})" if error.hint else ""))
        return 1
    page = report.rendered(results, quiet)
    print(page)
    if chosen.quick or chosen.names or chosen.share != 1.0:
        say(f"{report.RESULTS.name} is left as it is: only a whole run is kept")
    else:
        report.RESULTS.write_text(page)
        say(f"written: bench/{report.RESULTS.name}")
    return 0


def measure(names: Sequence[str], quiet: Quiet, *, quick: bool, share: float = 1.0) -> list[report.Result]:
    """The rows of each figure, in the order of the names."""
    results = []
    with Nest("bench") as home:
        installed = wheel.AS_DEVELOPED
        if not quick:
            say("installing the wheel into a new virtual environment")
            installed = wheel.install(home.folder)
        for name in names:
            figure: Figure = import_module(f"bench.{name}")
            say(f"{figure.TITLE}")
            began = time.monotonic()
            with Nest(f"bench-{name}") as nest:
                rows = figure.measure(Bench(nest, installed, quick, quiet, say, share))
            for row in rows:
                say(f"  {row}")
            say(f"{figure.TITLE}: {time.monotonic() - began:.0f} s")
            results.append(report.Result(figure, rows))
    return results


def say(text: str) -> None:
    """Progress, apart from the results."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
