"""How long it takes to decrypt and to encrypt one SOPS file of very many values, and how much memory."""

from bench.command import in_turns
from bench.figure import Bench, Goal, Row, Samples
from bench.sopsmaterial import FORMATS, ground

TITLE = "SOPS, large files"
HOW = (
    "One file of 20 000 values, a hundred to a section where the format has levels, for one age identity. Both "
    "programs read the same files and write to a file, start included, and take turns. sops uses more than one core."
)


def measure(bench: Bench) -> list[Row]:
    """Both ways for each format: time by the clock, time of all cores, memory."""
    count, place = bench.size(20_000, 150), ground(bench)
    rows = []
    for form in FORMATS:
        work = {
            "decrypt": ("decrypt", str(place.encrypted(form, count))),
            "encrypt": (*place.encrypting, str(place.plain(form, count))),
        }
        for verb, words in work.items():
            commands = {"kseal": place.command(place.kseal, *words), "sops": place.command(place.sops, *words)}
            taken = in_turns(commands, times=bench.size(9, 1), quiet=bench.quiet)
            figure = f"{verb} {count} values, {form}"
            clock = {name: Samples([one.seconds for one in values], "s") for name, values in taken.items()}
            cpu = {name: Samples([one.cpu_seconds for one in values], "s") for name, values in taken.items()}
            peaks = {name: Samples([command.peak_megabytes()], "MB") for name, command in commands.items()}
            rows += [
                Row(figure, clock["kseal"], clock["sops"], "sops", Goal(0.6)),
                Row(f"{figure}, time of all cores", cpu["kseal"], cpu["sops"], "sops"),
                Row(f"{figure}, peak memory", peaks["kseal"], peaks["sops"], "sops"),
            ]
    return rows
