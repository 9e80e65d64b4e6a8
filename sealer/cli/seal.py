"""`kseal seal`: Secrets in, SealedSecrets out."""

import os
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from engine.errors import KsealError
from sealer import sealedsecret, secret
from sealer.cli import cluster, documents, files, sealingkey
from sealer.cli.misuse import Misused
from sealer.cli.verb import COMMON, Given, Option, Verb
from sealer.scope import Scope, of
from sealer.spread import spread

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    from sealer.cli.documents import Document
    from sealer.cli.terminal import Terminal

NOTHING = "no secrets found. Ensure the input is valid and UTF-8 encoded"
EXAMPLE = "kseal seal --cert cert.pem secret.yaml"
MODES = {
    "raw": "sealer.cli.raw:run",
    "into": "sealer.cli.into:run_into",
    "update": "sealer.cli.into:run_update",
    "in-place": "sealer.cli.tree:run",
}
"""The jobs that a flag chooses, and the functions that do them."""

_ONLY_WITH = {"from-file": "raw", "recursive": "in-place", "private-key": "update", "live": "update"}
_NAME = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."
_TOGETHER = 256  # from so many documents on the threads earn their start: each sealing is 0.05 ms of RSA

OPTIONS = (
    Option(
        ("-f", "--secret-file"),
        "Read this file; the same as naming it.",
        "FILE",
        many=True,
        environ="SECRET_FILE",
        names_input=True,
    ),
    Option(
        ("-w", "--write", "--sealed-secret-file"),
        "Write to this file instead of standard output, as a whole or not at all.",
        "FILE",
        environ="SEALED_SECRET_FILE",
    ),
    documents.OUTPUT,
    sealingkey.CERT._replace(
        help="Certificate to seal with, instead of asking the controller; NAME=PATH, repeated, for an output each.",
        metavar="PATH|URL|NAME=PATH",
    ),
    sealingkey.FINGERPRINT,
    Option(
        ("--scope",),
        "How far a sealed value may move [default: strict, or what the input's annotations say].",
        "SCOPE",
        choices=tuple(scope.flag for scope in Scope),
        environ="SCOPE",
    ),
    Option(("--name",), "Name of the Secret, over the one in the input.", "NAME", environ="NAME"),
    Option(("--allow-empty-data",), "Seal Secrets without data too.", environ="ALLOW_EMPTY_DATA"),
    Option(("--raw",), "Seal one value, as bytes, and print it in base64 without a line break."),
    Option(("--from-file",), "With --raw: read the value from this file instead of standard input.", "PATH", many=True),
    Option(
        ("--into", "--merge-into"),
        "Add the items to this file's SealedSecret, under its name, namespace and scope.",
        "FILE",
    ),
    Option(("-i", "--in-place"), "Seal the Secrets inside the files; everything else in them stays as it is."),
    Option(("-r", "--recursive"), "With --in-place: every YAML and JSON file of the folders too."),
    Option(
        ("--update",),
        "Make this file's SealedSecret say what the input says; equal values keep their ciphertext.",
        "FILE",
    ),
    Option(("-k", "--private-key"), "With --update: compare with what this private key opens.", "FILE", many=True),
    Option(("--live",), "With --update: compare with the Secret in the cluster."),
    *cluster.OPTIONS,
    *COMMON,
)


def run(given: Given, terminal: "Terminal", environ: Mapping[str, str]) -> int:
    """Seal every Secret of every input, or none."""
    paths = given.texts("secret-file") + given.files
    if mode := _mode(given):
        return mode(given, terminal, environ, paths)
    files.check_inputs(paths, example=EXAMPLE)
    certificate, default_namespace = sealingkey.one(given, terminal, environ)
    found, form = documents.read_documents(files.read_inputs(paths, example=EXAMPLE))
    if not found:
        raise KsealError(NOTHING)
    sealed = seal_all(found, certificate.public_key, given, default_namespace, terminal)
    remark(found, sealed, given, terminal)
    output = given.text("write")
    files.write_output(documents.written(sealed, given.text("output"), output, form), output)
    return 0


def _mode(given: Given) -> "Callable[[Given, Terminal, Mapping[str, str], tuple[str, ...]], int] | None":
    """Another job than plain sealing, when a flag asks for one; what it needs is imported only now.

    Raises: Misused for flags that do not go together.
    """
    asked = [name for name in MODES if given.values.get(name)]
    if len(asked) > 1:
        raise Misused(f"--{asked[0]} and --{asked[1]} do not go together")
    for name, mode in _ONLY_WITH.items():
        if given.values.get(name) and mode not in asked:
            raise Misused(f"--{name} requires --{mode}")
    if asked:
        module, _, function = MODES[asked[0]].partition(":")
        mode_function: Callable[[Given, Terminal, Mapping[str, str], tuple[str, ...]], int] = getattr(
            import_module(module), function
        )
        return mode_function
    if any(map(_is_named, given.texts("cert"))):
        from sealer.cli import several

        return several.run
    return None


def _is_named(location: str) -> bool:
    """Whether `--cert` says `NAME=PATH`; a file that is called so wins."""
    name, mark, _ = location.partition("=")
    return bool(mark and name) and not name.strip(_NAME) and not os.path.exists(location)  # noqa: PTH110  # see files.py


def seal_all(
    found: "list[Document]", public_key: "RSAPublicKey", given: Given, default_namespace: str, terminal: "Terminal"
) -> list[dict[str, Any]]:
    """A SealedSecret for each Secret, in their order. Raises: KsealError, naming the place."""
    flag = given.text("scope")
    scope = Scope(flag) if flag else None
    progress = terminal.progress("sealing", len(found))

    def seal_one(document: "Document") -> dict[str, Any]:
        with documents.at(document.place):
            sealed = sealedsecret.seal_secret(
                document.raw,
                public_key,
                scope=scope,
                name=given.text("name"),
                namespace=given.text("namespace"),
                default_namespace=default_namespace or "default",
                allow_empty=given.flag("allow-empty-data"),
            )
        progress.step()
        return sealed

    try:
        return spread(seal_one, found, from_count=_TOGETHER)
    finally:
        progress.end()


def remark(found: "list[Document]", sealed: list[dict[str, Any]], given: Given, terminal: "Terminal") -> None:
    """Say what may not be what was meant."""
    unplaced = []
    for document, made in zip(found, sealed, strict=True):
        metadata = document.raw.get("metadata") or {}
        namespace = made["metadata"].get("namespace")
        if namespace and not metadata.get("namespace") and not given.text("namespace"):
            unplaced.append((document.place, namespace))
        annotated = of(metadata.get("annotations") or {})
        if given.text("scope") == Scope.STRICT.flag and annotated is not Scope.STRICT:
            terminal.warning(
                f"{document.place}: its annotation makes it {annotated.flag}, --scope strict notwithstanding",
                hint=f"remove the annotation {annotated.annotation} from the input",
            )
        for field in sorted(document.raw.keys() - secret.FIELDS):
            terminal.warning(f'{document.place}: the field "{field}" means nothing in a Secret and is left out')
    if unplaced:
        place, namespace = unplaced[0]
        others = f" (as {len(unplaced) - 1} more)" if len(unplaced) > 1 else ""
        text = f'{place}: names no namespace{others}, sealed for "{namespace}"'
        if not given.texts("cert"):
            terminal.info(text)  # the namespace of the context, as everywhere around Kubernetes
        else:
            terminal.warning(text, hint="say another with -n")


VERB = Verb(
    name="seal",
    summary="Seal Secrets, so that only the cluster can read them.",
    text="Reads Secrets as YAML or JSON, one or many, from files or standard input, and writes a SealedSecret for "
    "each. With --cert nothing else is read and nothing is asked over the network; without it the controller's "
    "certificate is fetched through the API server.",
    examples=(
        "kubectl create secret generic db --from-file=token --dry-run=client -o yaml | kseal seal -n shop",
        EXAMPLE + " -w sealed.yaml",
        "kseal seal --cert https://seal.example.com/v1/cert.pem --scope namespace-wide < secret.json",
        "kseal seal --cert prod=prod.pem --cert test=test.pem -w sealed.yaml secret.yaml",
        "kseal seal --cert cert.pem --into sealed.yaml more.yaml",
        "kseal seal --cert cert.pem --in-place --recursive manifests/",
        "kseal seal --cert cert.pem --update sealed.yaml --live secret.yaml",
        "kseal seal --cert cert.pem --raw --name db -n shop --from-file password.txt",
    ),
    options=OPTIONS,
    run=run,
    files="FILE",
)
