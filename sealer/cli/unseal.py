"""`kseal unseal`: SealedSecrets in, Secrets out, with private keys at hand instead of a cluster."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engine.errors import KsealError
from sealer import sealedsecret
from sealer.cli import decrypting, documents, files, keyfiles
from sealer.cli.misuse import Misused
from sealer.cli.verb import COMMON, Given, Option, Verb
from sealer.errors import UnsealError
from sealer.ring import NO_KEY, KeyRing
from sealer.spread import spread

if TYPE_CHECKING:
    from sealer.cli.documents import Document
    from sealer.cli.terminal import Terminal

EXAMPLE = "kseal unseal -k key.pem sealed.yaml"
_TOGETHER = 4  # from so many documents on the threads earn their start: each opening is 1.6 ms of RSA

OPTIONS = (
    keyfiles.OPTION,
    *decrypting.OPTIONS,
    Option(
        ("-w", "--write"),
        "Write to this file (mode 0600) instead of standard output, as a whole or not at all.",
        "FILE",
    ),
    documents.OUTPUT,
    Option(("--force",), "Write plaintext even into a Git work tree."),
    *COMMON,
)


def run(given: Given, terminal: "Terminal", environ: Mapping[str, str]) -> int:
    """Unseal every SealedSecret of every input, or none."""
    del environ  # nothing of it matters offline
    output = given.text("write")
    key_files = keyfiles.named(given)
    if not key_files:
        raise Misused("no private key is named", hint=f"for example: {EXAMPLE}")
    if files.STDIN in key_files and (files.STDIN in given.files or not given.files):
        raise Misused("standard input cannot give both the keys and what they open")
    files.check_inputs(given.files, example=EXAMPLE)
    files.refuse_work_tree(output, is_forced=given.flag("force"))
    decrypt = decrypting.Decryptor(given, is_input_taken=not given.files or files.STDIN in given.files)
    ring = KeyRing(keyfiles.read(key_files, example=EXAMPLE, decrypt=decrypt))
    terminal.info(f"{len(ring)} private keys: {', '.join(key.fingerprint for key in ring)}")
    found, form = documents.read_documents(files.read_inputs(given.files, example=EXAMPLE))
    if not found:
        raise KsealError("no SealedSecrets found")
    opened = _unseal_all(found, ring, terminal)
    files.write_output(documents.written(opened, given.text("output"), output, form), output, is_plaintext=True)
    return 0


def _unseal_all(found: "list[Document]", ring: KeyRing, terminal: "Terminal") -> list[dict[str, Any]]:
    progress = terminal.progress("unsealing", len(found))

    def unseal_one(document: "Document") -> tuple[dict[str, Any], tuple[str, ...]]:
        with documents.at(document.place):
            sealed = sealedsecret.parse(document.raw)
            opened = _opened(sealed, ring)
        progress.step()
        return opened.secret, sealed.dropped

    try:
        results = spread(unseal_one, found, from_count=_TOGETHER)
    finally:
        progress.end()
    for document, (_, dropped) in zip(found, results, strict=True):
        for key in dropped:
            terminal.warning(f'{document.place}: the item "{key}" is no text and is left out')
    return [opened for opened, _ in results]


def _opened(sealed: sealedsecret.SealedSecret, ring: KeyRing) -> sealedsecret.Unsealed:
    try:
        return sealedsecret.unseal_secret(sealed, ring, accept_v1_data=False)
    except UnsealError as error:
        if NO_KEY in error.message:
            hint = "it was sealed for another key, or its name, namespace or scope was changed afterwards"
            raise UnsealError(error.message, hint) from error
        raise


VERB = Verb(
    name="unseal",
    summary="Open SealedSecrets offline, with their private keys.",
    text="For recovery: it needs the controller's private keys and no cluster. The Secrets that it writes are plain "
    "text.",
    examples=(
        EXAMPLE,
        "kseal unseal -k key.pem,old-key.pem sealed.yaml -w secret.yaml",
        "kseal unseal -k keys.yaml -o yaml < sealed.json",
        "kseal unseal -k keys.age --identity identity.txt sealed.yaml",
    ),
    options=OPTIONS,
    run=run,
    files="FILE",
)
