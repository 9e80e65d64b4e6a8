"""`kseal sops encrypt --update FILE`: an encrypted file follows its plain text, with few changes."""

import os

from sealer.cli.sops import many
from sealer.cli.sops.call import CONFLICT, Call, Failed, now
from sealer.sops.formats.base import by_name, name_for
from sealer.sops.update import updated

EXAMPLE = "kseal sops decrypt db.yaml | sed s/old/new/ | kseal sops encrypt --update db.yaml"


def run(call: Call) -> int:
    """Bring the file up to the one that is named, or to standard input; where nothing changes it is not written."""
    if len(call.words) > 1:
        raise Failed("--update takes one plain file, or standard input", many.MISUSED, f"for example: {EXAMPLE}")
    many.refuse(call, "in-place", "recursive", "filename-override")
    path = os.path.abspath(call.text("update"))  # noqa: PTH100  # as elsewhere
    source_path = os.path.abspath(call.words[0]) if call.words else ""  # noqa: PTH100  # as elsewhere
    if source_path == path:
        raise Failed(f"{call.words[0]} is both the plain file and the one to update", CONFLICT)
    call.must_exist(path)
    form = call.output_format(path)
    source = by_name(name_for(source_path or path, call.text("input-type")))
    data = call.read(path)
    plain = call.read(source_path) if source_path else call.read_stdin()
    if not plain.strip():
        raise Failed("the plain text is empty", hint="what was to write it may have failed; the file stays as it is")
    made = updated(data, form, plain, source, call.keys(), now=now())
    if call.text("output"):
        call.write(data if made is None else made, None)
    elif made is None:
        call.voice.info("File not written due to no change")
    else:
        call.replace(path, made)
    return 0
