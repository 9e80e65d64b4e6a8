"""`sops encrypt`: a plain file under a new data key."""

import os

from sealer.cli.compat.goflag import Flag
from sealer.cli.sops import flags
from sealer.cli.sops.call import CONFLICT, Call, Failed, now
from sealer.cli.sops.newfile import plan
from sealer.cli.sops.verbs import SopsVerb
from sealer.sops.operations import encrypt_file


def run(call: Call) -> int:
    """Encrypt the file, or standard input where none is named."""
    if call.text("update"):
        from sealer.cli.sops import encryptupdate

        return encryptupdate.run(call)
    if call.is_for_many:
        from sealer.cli.sops import manytexts

        return manytexts.encrypt(call)
    if not call.words:
        if call.flag("in-place"):
            raise Failed("Error: cannot use --in-place when reading from stdin", CONFLICT)
        if not call.text("filename-override"):
            raise Failed(
                "Error: must specify --filename-override when reading from stdin",
                CONFLICT,
                "for example: kseal sops encrypt --filename-override db.yaml < db.yaml",
            )
    call.warn_of_further_words()
    call.check_output()
    path = os.path.abspath(call.words[0]) if call.words else ""  # noqa: PTH100  # as elsewhere
    if path:
        call.must_exist(path)
    encrypt(call, path)
    return 0


def encrypt(call: Call, path: str, *, context_for_rule: dict[str, str] | None = None) -> None:
    """Encrypt a file, or standard input for an empty path. Raises: Failed, SopsError, KsealError."""
    name = call.name_of(path)
    source, target = call.input_format(name), call.output_format(name)
    keys = call.keys()
    wanted = plan(call, name, source, context_for_rule)
    data = call.read(path) if path else call.read_stdin()
    encrypted = encrypt_file(
        data,
        source,
        target,
        keys,
        groups=wanted.groups,
        shamir_threshold=wanted.threshold,
        selection=wanted.selection,
        now=now(),
    )
    call.write(encrypted, path)


VERB = SopsVerb(
    "encrypt",
    "Encrypt a file, or standard input.",
    "[FILE]",
    (
        flags.IN_PLACE,
        flags.OUTPUT,
        *flags.KEYS,
        *flags.TYPES,
        *flags.SELECTION,
        flags.CONTEXT,
        flags.THRESHOLD,
        flags.FILENAME_OVERRIDE,
        *flags.KEY_SERVICES,
    ),
    run,
    (
        *flags.COMMENT_SELECTION,
        flags.KEEP_LAYOUT,
        flags.RECURSIVE,
        Flag(("update",), "bring this encrypted file up to the plain one; equal values keep their ciphertext", "FILE"),
    ),
    (
        "kseal sops encrypt --in-place secrets.yaml",
        "kseal sops encrypt --in-place --recursive clusters/",
        "kseal sops encrypt --update secrets.yaml plain.yaml",
    ),
)
