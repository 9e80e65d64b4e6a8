"""`sops unset`: a file without one of its values, in place."""

from sealer.cli.compat.goflag import Flag
from sealer.cli.sops import flags
from sealer.cli.sops.call import NO_FILE, Call, Failed, now
from sealer.cli.sops.verbs import SopsVerb
from sealer.sops.index import NotThere
from sealer.sops.operations import unset_value


def run(call: Call) -> int:
    """Remove the value and write the file."""
    if len(call.words) != 2:
        raise Failed(
            "Error: no file specified, or index is missing",
            NO_FILE,
            """for example: kseal sops unset secrets.yaml '["key"]'""",
        )
    path, place = call.file_and_index("unset")
    name = call.name_of(path)
    source, target = call.input_format(name), call.output_format(name)
    try:
        changed = unset_value(
            call.read(path),
            source,
            target,
            call.keys(),
            path=place,
            ignore_mac=call.flag("ignore-mac"),
            now=now(),
            warn=call.voice.warning,
        )
    except NotThere:
        if call.flag("idempotent"):
            return 0
        raise
    call.replace(path, changed)
    return 0


VERB = SopsVerb(
    "unset",
    "Remove a value or a whole part of a file, in place.",
    "FILE INDEX",
    (
        *flags.TYPES,
        flags.THRESHOLD,
        flags.IGNORE_MAC,
        flags.DECRYPTION_ORDER,
        Flag(("idempotent",), "do nothing if nothing is there"),
        *flags.KEY_SERVICES,
    ),
    run,
    (flags.KEEP_LAYOUT,),
    ("""kseal sops unset secrets.yaml '["db"]["password"]'""",),
)
