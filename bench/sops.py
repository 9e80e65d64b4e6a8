"""How long it takes to decrypt a small SOPS file, and two hundred of them."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from bench.command import Command, Taken, in_turns, interleaved, together
from bench.figure import Bench, Goal, Row, Samples
from bench.sopsmaterial import Ground, ground
from tests.kit import programs

TITLE = "SOPS, small files"
HOW = (
    "Files of five values for one age identity, written by the real sops; the identity is in the environment. Many "
    "files are decrypted where they stand, each with a data key of its own: by one call of kseal that is given their "
    "folder, which flushes each to the disk before it takes the place of the old one, and by one call of sops for "
    "each, which flushes none. The programs take turns."
)
_VALUES: Final = 5


class InPlace(NamedTuple):
    """Calls that change the files of a folder, which are put there anew before each run."""

    commands: Sequence[Command]
    originals: Path
    folder: Path

    def run(self) -> Taken:
        """Only the calls are timed."""
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self.originals, self.folder)
        return together(self.commands)


def measure(bench: Bench) -> list[Row]:
    """One file beside kubectl and sops, and many beside as many calls of sops."""
    place = ground(bench)
    return [*_one(bench, place), *_many(bench, place)]


def _one(bench: Bench, place: Ground) -> list[Row]:
    path = str(place.encrypted("yaml", _VALUES))
    kubectl = [str(programs.find("kubectl"))]
    commands = {
        "kseal": place.command(place.kseal, "decrypt", path),
        "kubectl": place.command(kubectl, "version", "--client"),
        "sops": place.command(place.sops, "decrypt", path),
    }
    times, warm_up = bench.size(40, 2), bench.size(3, 1)
    taken = {
        name: Samples([1000 * seconds for seconds in values], "ms")
        for name, values in interleaved(commands, times=times, quiet=bench.quiet, warm_up=warm_up).items()
    }
    peaks = {
        name: Samples([commands[name].peak_megabytes() for _ in range(bench.size(3, 1))], "MB")
        for name in ("kseal", "sops")
    }
    figure = "decrypt one small file"
    return [
        Row(figure, taken["kseal"], taken["kubectl"], "kubectl version --client", Goal(1.0)),
        Row(figure, taken["kseal"], taken["sops"], "sops"),
        Row(f"{figure}, peak memory", peaks["kseal"], peaks["sops"], "sops"),
    ]


def _many(bench: Bench, place: Ground) -> list[Row]:
    count = bench.size(200, 4)
    originals, folder = place.folder / "originals", place.folder / "files"
    originals.mkdir()
    plain = place.plain("yaml", _VALUES)
    names = [f"db-{number:03}.yaml" for number in range(count)]
    for name in names:
        place.command(place.sops, *place.encrypting, "--output", str(originals / name), str(plain)).run()
    separate = [place.command(place.sops, "decrypt", "--in-place", str(folder / name)) for name in names]
    one_call = place.command(place.kseal, "decrypt", "--in-place", "--recursive", str(folder))
    commands = {"kseal": InPlace([one_call], originals, folder), "sops": InPlace(separate, originals, folder)}
    taken = in_turns(commands, times=bench.size(7, 1), quiet=bench.quiet)
    figure, peer = f"decrypt {count} files", f"sops, {count} calls"
    clock = {name: Samples([one.seconds for one in values], "s") for name, values in taken.items()}
    cpu = {name: Samples([one.cpu_seconds for one in values], "s") for name, values in taken.items()}
    return [
        Row(figure, clock["kseal"], clock["sops"], peer, Goal(0.1)),
        Row(f"{figure}, time of all cores", cpu["kseal"], cpu["sops"], peer),
    ]
