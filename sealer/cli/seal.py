"""`kseal seal`: Secrets in, SealedSecrets out."""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engine.errors import KsealError
from sealer import certificates, sealedsecret, secret
from sealer.cli import cluster, documents, files
from sealer.cli.misuse import Misused
from sealer.cli.verb import COMMON, Given, Option, Verb
from sealer.errors import CertificateError
from sealer.scope import Scope, of
from sealer.spread import spread

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    from sealer.certificates import Certificate
    from sealer.cli.documents import Document
    from sealer.cli.terminal import Terminal

NOTHING = "no secrets found. Ensure the input is valid and UTF-8 encoded"
EXAMPLE = "kseal seal --cert cert.pem secret.yaml"
_POD_NAMESPACE = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"
_WEAK_BELOW_BITS = 2048
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
    Option(("--cert",), "Certificate to seal with, instead of asking the controller.", "PATH|URL", environ="CERT"),
    Option(("--cert-fingerprint",), "Refuse any certificate but the one whose key has this fingerprint.", "SHA256:..."),
    Option(
        ("--scope",),
        "How far a sealed value may move [default: strict, or what the input's annotations say].",
        "SCOPE",
        choices=tuple(scope.flag for scope in Scope),
        environ="SCOPE",
    ),
    Option(("--name",), "Name of the Secret, over the one in the input.", "NAME", environ="NAME"),
    Option(("--allow-empty-data",), "Seal Secrets without data too.", environ="ALLOW_EMPTY_DATA"),
    *cluster.OPTIONS,
    *COMMON,
)


def run(given: Given, terminal: "Terminal", environ: Mapping[str, str]) -> int:
    """Seal every Secret of every input, or none."""
    paths = given.texts("secret-file") + given.files
    files.check_inputs(paths, example=EXAMPLE)
    certificate, default_namespace = _certificate(given, terminal, environ)
    found, form = documents.read_documents(files.read_inputs(paths, example=EXAMPLE))
    if not found:
        raise KsealError(NOTHING)
    sealed = _seal_all(found, certificate.public_key, given, default_namespace, terminal)
    _remark(found, sealed, given, terminal)
    output = given.text("write")
    files.write_output(documents.written(sealed, given.text("output"), output, form), output)
    return 0


def _certificate(given: Given, terminal: "Terminal", environ: Mapping[str, str]) -> "tuple[Certificate, str]":
    """The certificate, and the namespace for Secrets that name none. Only without `--cert` is a kubeconfig read."""
    expected = _expected_fingerprint(given)
    location = given.text("cert")
    if location is None:
        connection = cluster.connect(given, environ)
        certificate, namespace = cluster.controllers_certificate(connection, given), connection.namespace
    else:
        if location.lower().startswith("http://") and expected is None:
            shown = certificates.without_password(location)
            terminal.warning(
                f"{shown}: the certificate comes over plain http, where anybody may exchange it",
                hint="use https, or give --cert-fingerprint",
            )
        timeout = cluster.timeout_seconds(given)
        certificate = certificates.load(location, is_pinned=expected is not None, timeout_seconds=timeout)
        namespace = _own_namespace()
    _check(certificate, expected, terminal)
    return certificate, namespace


def _check(certificate: "Certificate", expected: str | None, terminal: "Terminal") -> None:
    if expected is not None:
        from sealer.keys import fingerprint

        actual = fingerprint(certificate.public_key)
        if actual != expected:
            raise CertificateError(f"{certificate.source}: the key has the fingerprint {actual}, not {expected}")
    certificate.refuse_expired(time.time())
    bits = certificate.public_key.key_size
    if bits < _WEAK_BELOW_BITS:
        terminal.warning(f"{certificate.source}: a key of {bits} bits is weak")
    if terminal.is_verbose:
        terminal.info(f"{certificate.source}: sealing for {bits} bits, valid until {certificate.not_after:%Y-%m-%d}")


def _expected_fingerprint(given: Given) -> str | None:
    text = given.text("cert-fingerprint")
    if text is None:
        return None
    expected = text if text.startswith("SHA256:") else f"SHA256:{text}"
    expected = expected.rstrip("=")
    if len(expected) != len("SHA256:") + 43:
        raise Misused(f'--cert-fingerprint: "{text}" is no fingerprint', hint="kseal cert -o json shows the real one")
    return expected


def _seal_all(
    found: "list[Document]", public_key: "RSAPublicKey", given: Given, default_namespace: str, terminal: "Terminal"
) -> list[dict[str, Any]]:
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
                default_namespace=default_namespace,
                allow_empty=given.flag("allow-empty-data"),
            )
        progress.step()
        return sealed

    try:
        return spread(seal_one, found, from_count=_TOGETHER)
    finally:
        progress.end()


def _remark(found: "list[Document]", sealed: list[dict[str, Any]], given: Given, terminal: "Terminal") -> None:
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
        if given.text("cert") is None:
            terminal.info(text)  # the namespace of the context, as everywhere around Kubernetes
        else:
            terminal.warning(text, hint="say another with -n")


def _own_namespace() -> str:
    """The namespace of the pod that we run in, else `default`."""
    try:
        with open(_POD_NAMESPACE, encoding="utf-8") as file:  # noqa: PTH123  # see files.py
            return file.read().strip() or "default"
    except OSError:
        return "default"


VERB = Verb(
    name="seal",
    summary="Seal Secrets, so that only the cluster can read them.",
    text="Reads Secrets as YAML or JSON, one or many, from files or standard input, and writes a SealedSecret for "
    "each. With --cert nothing else is read and nothing is asked over the network; without it the controller's "
    "certificate is fetched through the API server.",
    examples=(
        "kubectl create secret generic db --from-literal=password=... --dry-run=client -o yaml | kseal seal -n shop",
        EXAMPLE + " -w sealed.yaml",
        "kseal seal --cert https://seal.example.com/v1/cert.pem --scope namespace-wide < secret.json",
    ),
    options=OPTIONS,
    run=run,
    files="FILE",
)
