"""`sops decrypt`: the plain text of a file, or of a part of it."""

import os

from sealer.cli.sops import flags
from sealer.cli.sops.call import CONFLICT, Call, Failed
from sealer.cli.sops.verbs import SopsVerb
from sealer.sops.errors import BadPath
from sealer.sops.operations import decrypt_file


def run(call: Call) -> int:
    """Decrypt the file, or standard input where none is named."""
    if call.is_for_many:
        from sealer.cli.sops import manytexts

        return manytexts.decrypt(call)
    if not call.words and call.flag("in-place"):
        raise Failed("Error: cannot use --in-place when reading from stdin", CONFLICT)
    call.warn_of_further_words()
    call.check_output()
    path = os.path.abspath(call.words[0]) if call.words else ""  # noqa: PTH100  # pathlib would cost 3 ms
    if path:
        call.must_exist(path)
    decrypt(call, path)
    return 0


def decrypt(call: Call, path: str) -> None:
    """Decrypt a file, or standard input for an empty path. Raises: Failed, SopsError."""
    name = call.name_of(path)
    source, target = call.input_format(name), call.output_format(name)
    keys = call.keys()
    place = None
    if call.text("extract"):
        from sealer.sops.index import parse

        try:
            place = parse(call.text("extract"))
        except BadPath as error:
            raise BadPath(f"error parsing --extract path: {error.message}", error.hint) from error
    call.refuse_work_tree(path)
    data = call.read(path) if path else call.read_stdin()
    plain = decrypt_file(
        data,
        source,
        target,
        keys,
        path=place,
        ignore_mac=call.flag("ignore-mac"),
        warn=call.voice.warning,
    )
    call.write(plain, path, is_plaintext=True)


VERB = SopsVerb(
    "decrypt",
    "Decrypt a file, or standard input.",
    "[FILE]",
    (
        flags.IN_PLACE,
        flags.EXTRACT,
        flags.OUTPUT,
        *flags.TYPES,
        flags.IGNORE_MAC,
        flags.FILENAME_OVERRIDE,
        flags.DECRYPTION_ORDER,
        *flags.KEY_SERVICES,
    ),
    run,
    (flags.FORCE, flags.KEEP_LAYOUT, flags.RECURSIVE),
    (
        "kseal sops decrypt secrets.yaml",
        """kseal sops decrypt --extract '["password"]' secrets.yaml""",
        "kseal sops decrypt --in-place --force --recursive clusters/",
    ),
)
