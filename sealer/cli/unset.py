"""`kseal unset FILE KEY`: one item of a SealedSecret goes, every other line stays."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from engine.errors import KsealError
from sealer import merge
from sealer.cli import documents, targets
from sealer.cli.verb import COMMON, Given, Verb

if TYPE_CHECKING:
    from sealer.cli.terminal import Terminal


def run(given: Given, terminal: "Terminal", environ: Mapping[str, str]) -> int:
    """Take one item out."""
    del terminal, environ
    path, key = targets.file_and_key(given, "unset")
    file = targets.read(path)
    placed = targets.named(file, given)
    with documents.at(placed.place):
        target = merge.checked_target(placed.raw)
        if key not in target.encrypted_data and key not in target.dropped:
            raise KsealError(f'there is no item "{key}"', hint=f"it has {', '.join(target.encrypted_data) or 'none'}")
    data = file.patched([(placed, {"spec": {"encryptedData": {key: None}}})])
    targets.save(file, data, None, given.text("write"))
    return 0


VERB = Verb(
    name="unset",
    summary="Remove one item of a SealedSecret from its file.",
    text="FILE holds the SealedSecret, KEY is the item. All other lines of the file stay. It needs no certificate.",
    examples=("kseal unset sealed.yaml password",),
    options=(targets.NAME, targets.NAMESPACE, targets.WRITE, *COMMON),
    run=run,
    files="FILE KEY",
)
