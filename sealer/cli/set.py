"""`kseal set FILE KEY`: one item of a SealedSecret gets another value, where it stands."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sealer import box, merge, secret
from sealer.cli import cluster, documents, raw, sealingkey, targets
from sealer.cli.misuse import Misused
from sealer.cli.verb import COMMON, Given, Option, Verb
from sealer.encoding import encode
from sealer.errors import SealError

if TYPE_CHECKING:
    from sealer.cli.terminal import Terminal


def run(given: Given, terminal: "Terminal", environ: Mapping[str, str]) -> int:
    """Seal one value under the target's own name, namespace and scope, and put it in its place."""
    path, key = targets.file_and_key(given, "set")
    if problem := secret.key_problem(key):
        raise SealError(f'data key "{key}" {problem}', hint="letters, digits, '-', '_' and '.' only, up to 253")
    if len(given.texts("from-file")) > 1:
        raise Misused("one item has one value", hint="name one --from-file")
    file = targets.read(path)
    placed = targets.named(file, given)
    with documents.at(placed.place):
        target = merge.checked_target(placed.raw)
    certificate, default = sealingkey.one(given, terminal, environ)
    namespace = merge.namespace_of(target, given.text("namespace") or default or "default")
    value = raw.read_value(next(iter(given.texts("from-file")), None), terminal)
    bound_to = raw.checked_label(target.scope, namespace, target.name)
    ciphertext = encode(box.seal(value, certificate.public_key, bound_to))
    data = file.patched([(placed, merge.one_item(placed.raw, key, ciphertext))])
    targets.save(file, data, None, given.text("write"))
    return 0


VERB = Verb(
    name="set",
    summary="Give one item of a SealedSecret a new value, in its file.",
    text="FILE holds the SealedSecret, KEY is the item, new or old. The value comes from --from-file, from standard "
    "input, or from a prompt that does not show it; never from the command line. All other lines of the file stay.",
    examples=(
        "kseal set --cert cert.pem sealed.yaml password --from-file password.txt",
        "openssl rand -hex 16 | tr -d '\\n' | kseal set sealed.yaml token",
    ),
    options=(
        Option(("--from-file",), "Read the value from this file.", "PATH", many=True),
        sealingkey.CERT,
        sealingkey.FINGERPRINT,
        targets.NAME,
        targets.WRITE,
        *cluster.OPTIONS,
        *COMMON,
    ),
    run=run,
    files="FILE KEY",
)
