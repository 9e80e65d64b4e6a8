"""`sops filestatus`: whether a file is encrypted."""

import os

from engine.errors import KsealError
from sealer.cli.sops import flags
from sealer.cli.sops.call import GENERIC, NO_FILE, Call, Failed
from sealer.cli.sops.verbs import SopsVerb
from sealer.sops.operations import is_encrypted


def run(call: Call) -> int:
    """Print the answer as JSON."""
    if not call.words:
        raise Failed("Error: no file specified", NO_FILE)
    path = os.path.abspath(call.words[0])  # noqa: PTH100  # as elsewhere
    source = call.input_format(path)
    try:
        answer = is_encrypted(call.read(path), source)
    except KsealError as error:
        message = f"cannot check file status: cannot load encrypted file: {error.message}"
        raise Failed(message, GENERIC, error.hint) from error
    call.say(b'{"encrypted":true}\n' if answer else b'{"encrypted":false}\n')
    return 0


VERB = SopsVerb(
    "filestatus",
    "Say whether a file is encrypted.",
    "FILE",
    (flags.INPUT_TYPE,),
    run,
    examples=("kseal sops filestatus secrets.yaml",),
)
