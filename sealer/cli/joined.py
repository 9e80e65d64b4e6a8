"""Verbs of other packages, which join by the entry-point group `kseal.commands`.

An entry whose object is called `VERB` is a table, light to import, and read like those of built-in verbs: by the plain
parser, by completion, by the list of verbs. Any other is a click command, which may import what it needs.
"""

from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sealer.cli.verb import Verb

GROUP = "kseal.commands"
COMMANDS = {
    "adopt": "Take over from the controller of Sealed Secrets, or from Flux.",
    "controller": "Run the controller that unseals SealedSecrets in a cluster.",
}
"""What the list of verbs says about click commands, which are not imported for it."""
_TABLE = ":VERB"


def found() -> dict[str, EntryPoint]:
    """All of them by name; none is imported."""
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def table(name: str) -> "Verb | None":
    """The table of a verb; None when there is no such verb, or it is no table. Raises: ImportError."""
    for entry in entry_points(group=GROUP, name=name):
        return load_table(entry)
    return None


def load_table(entry: EntryPoint) -> "Verb | None":
    """The table that an entry is; None for a click command. Raises: ImportError."""
    verb: Verb | None = entry.load() if entry.value.endswith(_TABLE) else None
    return verb


def tables() -> "list[Verb]":
    """The tables of all joined verbs, by name. Raises: ImportError."""
    loaded = (load_table(entry) for _, entry in sorted(found().items()))
    return [verb for verb in loaded if verb is not None]
