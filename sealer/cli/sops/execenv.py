"""`sops exec-env`: a command with the values of a file in its environment."""

import os

from sealer.cli.compat.goflag import Flag
from sealer.cli.sops import child, flags
from sealer.cli.sops.call import CONFLICT, Call, Failed
from sealer.cli.sops.verbs import SopsVerb
from sealer.sops.formats.flat import text_of
from sealer.sops.operations import open_file
from sealer.sops.tree import Branch, Comment


def run(call: Call) -> int:
    """Run the command; its exit code."""
    if len(call.words) != 2:
        raise Failed(
            "error: missing file to decrypt", hint="for example: kseal sops exec-env secrets.yaml 'make deploy'"
        )
    path, command = os.path.abspath(call.words[0]), call.words[1]  # noqa: PTH100  # as elsewhere
    source = call.input_format(path)
    keys = call.keys()
    if call.flag("background"):
        call.voice.warning("exec-env's --background option is deprecated")
        if call.flag("same-process"):
            raise Failed("Error: The --same-process flag cannot be used with --background", CONFLICT)
    opened = open_file(call.read(path), source, keys, for_change=False, warn=call.voice.warning)
    values = _variables(opened.branches[0] if opened.branches else Branch())
    child.become(call.text("user"))
    environ = child.environment(call, values)
    if call.flag("same-process"):
        child.replace_us(command, environ)
    return child.run(call, command, environ)


def _variables(branch: Branch) -> dict[str, str]:
    """The scalars at the top. Raises: Failed for anything else, and for a key that is no name of a variable."""
    found = {}
    for key, value in branch:
        if isinstance(value, list):
            raise Failed(f"cannot use complex value in environment; offending key {_named(key)}")
        if isinstance(key, Comment):
            continue
        if "=" in key or "\0" in key:
            raise Failed(f"cannot use keys with '=' in environment: {key}")
        found[key] = text_of(value)
    return found


def _named(key: str | Comment) -> str:
    return key if isinstance(key, str) else "(a comment)"


VERB = SopsVerb(
    "exec-env",
    "Run a command with the values of a file in its environment.",
    "FILE COMMAND",
    (
        flags.BACKGROUND,
        Flag(("pristine",), "only these variables, none of ours"),
        flags.USER,
        Flag(("same-process",), "become the command instead of starting it"),
        flags.DECRYPTION_ORDER,
        *flags.KEY_SERVICES,
    ),
    run,
    examples=("kseal sops exec-env secrets.env 'env | sort'",),
)
