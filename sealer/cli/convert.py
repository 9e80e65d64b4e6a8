"""`kseal convert`: Secrets of files from one form to another, as SealedSecrets, in SOPS files, or plain."""

import gc
from collections.abc import Mapping
from typing import TYPE_CHECKING

from engine import undumpable
from engine.errors import KsealError
from sealer.cli import cluster, files, keyfiles, listing, sealingkey, tree
from sealer.cli.misuse import Misused
from sealer.cli.verb import COMMON, Given, Option, Verb
from sealer.convert.forms import Form, is_sealed, is_secret, is_sops, may_be_secrets
from sealer.scope import Scope

if TYPE_CHECKING:
    from sealer.cli.convertkeys import Means
    from sealer.cli.terminal import Terminal
    from sealer.convert.file import Change

EXAMPLE = "kseal convert --to sops --age RECIPIENT -k key.pem -i -r clusters/"
_DIFFERENT = 3

OPTIONS = (
    Option(("--to",), "The form to convert to.", "FORM", tuple(form.value for form in Form)),
    Option(("-i", "--in-place"), "Convert the Secrets where they stand; other documents keep every byte."),
    Option(("-r", "--recursive"), "With --in-place: every YAML and JSON file of the folders too."),
    Option(("-w", "--write"), "Write to this file instead of standard output, as a whole or not at all.", "FILE"),
    Option(("--dry-run",), "With --in-place: write nothing; exit code 3 if anything would change."),
    Option(("--lossy",), "Leave out what the other form has no place for, and report it, instead of refusing."),
    Option(("--plaintext",), "Needed for --to plain: what is written can be read by anybody."),
    Option(("--force",), "With --to plain: write plaintext even into a Git work tree."),
    keyfiles.OPTION._replace(help="Private key that opens SealedSecrets: PEM, a key Secret or a List of them."),
    sealingkey.CERT,
    sealingkey.FINGERPRINT,
    Option(
        ("--scope",),
        "How far a sealed value may move [default: strict, or what the annotations say].",
        "SCOPE",
        choices=tuple(scope.flag for scope in Scope),
        environ="SCOPE",
    ),
    Option(("--allow-empty-data",), "Seal Secrets without data too.", environ="ALLOW_EMPTY_DATA"),
    Option(("--age",), "age recipients for SOPS, by comma, over those of .sops.yaml.", "RECIPIENTS", many=True),
    Option(("--pgp",), "PGP fingerprints for SOPS, by comma.", "FINGERPRINTS", many=True),
    Option(("--kms",), "ARNs of keys of AWS KMS for SOPS, by comma.", "ARNS", many=True),
    Option(("--gcp-kms",), "Resource IDs of keys of GCP KMS for SOPS, by comma.", "IDS", many=True),
    Option(("--azure-kv",), "URLs of keys of Azure Key Vault for SOPS, by comma.", "URLS", many=True),
    Option(("--hc-vault-transit",), "URLs of keys of Vault's transit engine for SOPS, by comma.", "URLS", many=True),
    Option(("--config",), "The .sops.yaml to use, instead of looking for one from here upwards.", "FILE"),
    listing.OUTPUT,
    *cluster.OPTIONS,
    *COMMON,
)


def run(given: Given, terminal: "Terminal", environ: Mapping[str, str]) -> int:
    """Convert every Secret of every file, or none."""
    target = _target(given)
    undumpable.protect()
    if given.flag("in-place"):
        return _in_place(target, given, terminal, environ)
    _check_single(given)
    means = _means(given, terminal, environ)
    output = given.text("write")
    if target is Form.PLAIN:
        files.refuse_work_tree(output, is_forced=given.flag("force"))
    ((source, data),) = files.read_inputs(given.files, example=EXAMPLE)
    name = output if output not in (None, files.STDIN) else source if given.files else None
    done = means.converted(source, data, name, target)
    if not done.changes and not _has(data, source, target):
        raise KsealError(f"{source}: no Secret to convert")
    written = data if done.data is None else done.data
    files.write_output(written, output, is_plaintext=target is Form.PLAIN)
    if output not in (None, files.STDIN):
        _report([(source, done.changes)], given)
    else:
        for change in done.changes:
            if change.left_out:
                terminal.warning(f"{source}: {change.object}: left out: {', '.join(change.left_out)}")
    return 0


def _in_place(target: Form, given: Given, terminal: "Terminal", environ: Mapping[str, str]) -> int:
    """Convert all files in memory, then write those that changed: none if anything is refused."""
    if not given.files:
        raise Misused("--in-place needs files to work on", f"for example: {EXAMPLE}")
    if given.said("write"):
        raise Misused("--write has no place beside --in-place")
    gc.enable()  # thousands of objects come and go here, unlike in the verbs for which it was turned off
    found = tree.files_of(given.files, is_recursive=given.flag("recursive"), example=EXAMPLE)
    if target is Form.PLAIN and not given.flag("dry-run"):
        for path in found:
            files.refuse_work_tree(path, is_forced=given.flag("force"))
    means = _means(given, terminal, environ)
    reports: list[tuple[str, tuple[Change, ...]]] = []
    written: dict[str, bytes] = {}
    progress = terminal.progress("converting files", len(found))
    try:
        for path in found:
            ((source, data),) = files.read_inputs([path], example=EXAMPLE)
            done = means.converted(source, data, path, target)
            if done.data is not None:
                written[path] = done.data
                reports.append((path, done.changes))
            progress.step()
    finally:
        progress.end()
    if not given.flag("dry-run"):
        for path, data in written.items():
            files.write_file(path, data, is_plaintext=target is Form.PLAIN)
    _report(reports, given)
    count = sum(len(changes) for _, changes in reports)
    terminal.info(f"{count} Secrets converted in {len(written)} of {len(found)} files")
    return _DIFFERENT if written and given.flag("dry-run") else 0


def _means(given: Given, terminal: "Terminal", environ: Mapping[str, str]) -> "Means":
    from sealer.cli.convertkeys import Means

    return Means(given, terminal, environ, example=EXAMPLE)


def _has(data: bytes, source: str, target: Form) -> bool:
    """Whether a text that nothing changed in is in the target's form already. Raises: KsealError."""
    from sealer.objectfile import ObjectFile

    file = ObjectFile(data, source=source)
    if is_sops(data, source):
        return target is Form.SOPS and may_be_secrets(file)
    wanted = {Form.SEALED: is_sealed, Form.PLAIN: is_secret}.get(target)
    return wanted is not None and any(wanted(placed.raw) for placed in file.objects)


def _target(given: Given) -> Form:
    """Raises: Misused for flags that do not go together."""
    word = given.text("to")
    if word is None:
        raise Misused("--to says what to convert to, and is missing", f"for example: {EXAMPLE}")
    target = Form(word)
    if target is Form.PLAIN and not given.flag("plaintext"):
        raise Misused("plain Secrets can be read by anybody", "say --plaintext if that is meant")
    if target is not Form.PLAIN and given.flag("plaintext"):
        raise Misused("--plaintext requires --to plain")
    for name in ("recursive", "dry-run"):
        if given.flag(name) and not given.flag("in-place"):
            raise Misused(f"--{name} requires --in-place")
    return target


def _check_single(given: Given) -> None:
    """Raises: Misused for what one output cannot be made of."""
    files.check_inputs(given.files, example=EXAMPLE)
    if len(given.files) > 1:
        raise Misused("several files are converted where they stand", "add --in-place, or name one file")
    if given.said("output") and given.text("write") in (None, files.STDIN):
        raise Misused("--output is the form of the report", "it is written where the Secrets are not: with -i or -w")


def _report(reports: "list[tuple[str, tuple[Change, ...]]]", given: Given) -> None:
    rows = [(path, change) for path, changes in reports for change in changes]
    if given.text("output") == "json":
        found = [
            {
                "file": path,
                "object": change.object,
                "from": change.before.value,
                "to": change.after.value,
                "leftOut": list(change.left_out),
            }
            for path, change in rows
        ]
        files.write_output(listing.as_json(found), None)
        return
    cells = [
        (path, change.object, change.before.value, change.after.value, ", ".join(change.left_out))
        for path, change in rows
    ]
    files.write_output(listing.table(("FILE", "OBJECT", "FROM", "TO", "LEFT OUT"), cells), None)


VERB = Verb(
    name="convert",
    summary="Convert between SealedSecrets, SOPS files and plain Secrets.",
    text="Opens Secrets and closes them again in the other form, in memory. Values, labels, annotations, type and "
    "immutability come through; what the other form has no place for is refused, or with --lossy left out and named. "
    "SealedSecrets are opened with -k, SOPS files with the keys that sops would use. Recipients for SOPS come from "
    ".sops.yaml or from flags; only data and stringData are encrypted, unless a rule says otherwise.",
    examples=(
        "kseal convert --to sops --age RECIPIENT -k key.pem sealed.yaml -w secret.yaml",
        EXAMPLE,
        "kseal convert --to sealedsecret --cert cert.pem -i -r clusters/",
        "kseal convert --to sealedsecret --cert cert.pem --dry-run -i -o json secret.sops.yaml",
        "kseal convert --to plain --plaintext -k key.pem sealed.yaml | kubectl apply -f -",
    ),
    options=OPTIONS,
    run=run,
    files="FILE",
)
