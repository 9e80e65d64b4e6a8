"""`kseal seal --cert NAME=PATH --cert NAME=PATH -w FILE`: one input for several clusters, one output for each."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from engine.errors import KsealError
from sealer.cli import documents, files, seal, sealingkey
from sealer.cli.misuse import Misused
from sealer.cli.verb import Given

if TYPE_CHECKING:
    from sealer.cli.terminal import Terminal

EXAMPLE = "kseal seal --cert prod=prod.pem --cert test=test.pem -w sealed.yaml secret.yaml"


def run(given: Given, terminal: "Terminal", environ: Mapping[str, str], paths: tuple[str, ...]) -> int:
    """Seal everything for every certificate, then write all outputs: none is written when anything is wrong."""
    output = given.text("write")
    locations = _by_name(given.texts("cert"))
    if output is None or output == files.STDIN:
        raise Misused("several outputs need files to go to", hint=f"for example: {EXAMPLE}")
    if given.text("cert-fingerprint"):
        raise Misused("--cert-fingerprint speaks of one certificate, and --cert NAME=PATH of several")
    files.check_inputs(paths, example=EXAMPLE)
    keys = {name: sealingkey.find(location, given, terminal, environ) for name, location in locations.items()}
    found, form = documents.read_documents(files.read_inputs(paths, example=EXAMPLE))
    if not found:
        raise KsealError(seal.NOTHING)
    texts = {}
    for number, (name, sealing) in enumerate(keys.items()):
        sealed = seal.seal_all(found, sealing.certificate.public_key, given, sealing.namespace, terminal)
        if number == 0:
            seal.remark(found, sealed, given, terminal)
        path = output_for(output, name)
        texts[path] = documents.written(sealed, given.text("output"), path, form)
    for path, text in texts.items():
        files.write_output(text, path)
    return 0


def output_for(path: str, name: str) -> str:
    """The file of one cluster: its name stands before the ending, `sealed.yaml` becomes `sealed.prod.yaml`."""
    folder, slash, base = path.rpartition("/")
    stem, dot, ending = base.rpartition(".")
    return folder + slash + (f"{stem}.{name}.{ending}" if dot and stem else f"{base}.{name}")


def _by_name(locations: tuple[str, ...]) -> dict[str, str]:
    """Raises: Misused when not all have a name, or two have the same."""
    found: dict[str, str] = {}
    for text in locations:
        name, mark, location = text.partition("=")
        if not mark or not name or not location or "/" in name:
            raise Misused(f'--cert "{text}" has no name, but another one has', hint=f"for example: {EXAMPLE}")
        if name in found:
            raise Misused(f'two certificates are called "{name}"')
        found[name] = location
    return found
