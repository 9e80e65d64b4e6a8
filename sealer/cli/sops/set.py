"""`sops set`: one value of a file, in place."""

from sealer.cli.compat.goflag import Flag
from sealer.cli.sops import flags, jsonvalue
from sealer.cli.sops.call import CANNOT_READ, GENERIC, NO_FILE, Call, Failed, now
from sealer.cli.sops.verbs import SopsVerb
from sealer.sops.formats.base import LIMITS
from sealer.sops.index import Path
from sealer.sops.operations import set_value
from sealer.sops.tree import Value


def run(call: Call) -> int:
    """Set the value and write the file."""
    if call.flag("value-file") and call.flag("value-stdin"):
        raise Failed("Error: cannot use both --value-file and --value-stdin", GENERIC)
    needed = 2 if call.flag("value-stdin") else 3
    if len(call.words) != needed:
        what = "file specified" if needed == 2 else "no file specified"
        raise Failed(
            f"Error: {what}, or index and value are missing. Need precisely {needed} positional arguments"
            + (" since --value-stdin is used." if needed == 2 else "."),
            NO_FILE,
            """for example: kseal sops set --value-stdin secrets.yaml '["key"]'""",
        )
    path, place = call.file_and_index("set")
    set_in_file(call, path, place, jsonvalue.parse(_text(call)))
    return 0


def set_in_file(call: Call, path: str, place: Path, value: Value) -> None:
    """Set a value at a place of a file. Raises: Failed, SopsError."""
    name = call.name_of(path)
    source, target = call.input_format(name), call.output_format(name)
    changed, differs = set_value(
        call.read(path),
        source,
        target,
        call.keys(),
        path=place,
        value=value,
        ignore_mac=call.flag("ignore-mac"),
        now=now(),
        warn=call.voice.warning,
    )
    if not differs and call.flag("idempotent"):
        call.voice.info("File not written due to no change")
    else:
        call.replace(path, changed)


def _text(call: Call) -> str:
    """The value as JSON text. Raises: Failed."""
    if call.flag("value-stdin"):
        data = call.read_stdin()
    elif call.flag("value-file"):
        try:
            with open(call.words[2], "rb") as file:  # noqa: PTH123  # as elsewhere
                data = file.read(LIMITS.bytes + 1)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise Failed(f"open {call.words[2]}: {reason}", GENERIC) from error
    else:
        if not call.voice.is_original:
            call.voice.warning("other processes can see a value on the command line; --value-stdin keeps it to us")
        return call.words[2]
    if len(data) > LIMITS.bytes:
        raise Failed(f"the value has more than {LIMITS.bytes} bytes", CANNOT_READ)
    return data.decode("utf-8", "replace")


VERB = SopsVerb(
    "set",
    "Set a value or a whole part of a file, in place.",
    "FILE INDEX [VALUE]",
    (
        *flags.TYPES,
        Flag(("value-file",), "VALUE is a file that holds the value, so that it stays out of the process list"),
        Flag(("value-stdin",), "the value comes on standard input, so that it stays out of the process list"),
        flags.THRESHOLD,
        flags.IGNORE_MAC,
        flags.DECRYPTION_ORDER,
        Flag(("idempotent",), "do not write the file if the value is there already"),
        *flags.KEY_SERVICES,
    ),
    run,
    (flags.KEEP_LAYOUT,),
    ("""kseal sops set --value-stdin secrets.yaml '["db"]["password"]' < password.json""",),
)
