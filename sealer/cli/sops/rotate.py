"""`sops rotate`: a file under a new data key, with keys added or removed."""

import os
from typing import TYPE_CHECKING

from sealer.cli.sops import flags
from sealer.cli.sops.call import KEYS_ON_MISSING_FILE, Call, Failed, now
from sealer.cli.sops.verbs import SopsVerb
from sealer.sops.operations import rotate_file

if TYPE_CHECKING:
    from sealer.sops.recipients.base import MasterKey


def run(call: Call) -> int:
    """Rotate the file, or the files."""
    if call.is_for_many:
        from sealer.cli.sops import manykeys

        return manykeys.rotate(call)
    path = call.file()
    call.check_output()
    refuse_missing(call, path, "use the `edit` subcommand instead.")
    rotate(call, path)
    return 0


def rotate(call: Call, path: str) -> None:
    """Rotate a file. Raises: Failed, SopsError, KsealError."""
    name = call.name_of(path)
    source, target = call.input_format(name), call.output_format(name)
    keys = call.keys()
    added, removed = changes(call)
    rotated = rotate_file(
        call.read(path),
        source,
        target,
        keys,
        add=added,
        remove=removed,
        ignore_mac=call.flag("ignore-mac"),
        now=now(),
        warn=call.voice.warning,
    )
    call.write(rotated, path)


def changes(call: Call) -> "tuple[list[MasterKey], list[MasterKey]]":
    """The keys to add and to remove. Raises: KsealError."""
    context = call.context()
    return call.named_keys("add-", context), call.named_keys("rm-", context)


def refuse_missing(call: Call, path: str, cure: str) -> None:
    """Raises: Failed where keys of a file are to change that is not there."""
    if not os.path.exists(path) and any(call.text(flag.names[0]) for flag in flags.CHANGES):  # noqa: PTH110  # as elsewhere
        raise Failed(f'Error: cannot add or remove keys on non-existent file "{path}", {cure}', KEYS_ON_MISSING_FILE)


VERB = SopsVerb(
    "rotate",
    "Encrypt a file under a new data key, and add or remove master keys.",
    "FILE",
    (
        flags.IN_PLACE,
        flags.OUTPUT,
        *flags.TYPES,
        flags.CONTEXT,
        *flags.CHANGES,
        flags.FILENAME_OVERRIDE,
        flags.DECRYPTION_ORDER,
        *flags.KEY_SERVICES,
    ),
    run,
    (flags.IGNORE_MAC, flags.KEEP_LAYOUT, flags.RECURSIVE, flags.DRY_RUN),
    (
        "kseal sops rotate --in-place secrets.yaml",
        "kseal sops rotate --recursive --dry-run clusters/",
    ),
)
