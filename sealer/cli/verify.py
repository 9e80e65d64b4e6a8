"""`kseal verify`: can all SealedSecrets of some files be opened, by private keys at hand or by the controller?"""

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from engine.errors import KsealError
from sealer import sealedsecret
from sealer.cli import cluster, decrypting, documents, files, keyfiles, listing, targets, tree
from sealer.cli.misuse import Misused
from sealer.cli.verb import COMMON, Given, Option, Verb
from sealer.errors import FormatError, UnsealError
from sealer.rotation.tree import mentions
from sealer.spread import spread

if TYPE_CHECKING:
    from sealer.cli.documents import Document
    from sealer.cli.terminal import Terminal

EXAMPLE = "kseal verify -k keys.yaml --recursive manifests/"
_FAILED = 1
_TOGETHER = 4  # from so many documents on the threads earn their start: each opening is 1.6 ms of RSA


class Report(NamedTuple):
    """What is wrong with one SealedSecret; empty where it opens."""

    place: str
    problem: str


def run(given: Given, terminal: "Terminal", environ: Mapping[str, str]) -> int:
    """Say nothing when everything opens, else name each object that does not."""
    key_files = keyfiles.named(given)
    if files.STDIN in key_files and (files.STDIN in given.files or not given.files):
        raise Misused("standard input cannot give both the keys and what they open")
    files.check_inputs(given.files, example=EXAMPLE)
    check = _by_keys(key_files, given) if key_files else _by_controller(given, environ)
    found = [document for document in _documents(given) if targets.is_sealed(document.raw)]
    progress = terminal.progress("verifying", len(found))

    def report_on(document: "Document") -> Report:
        try:
            problem = check(document.raw)
        except (UnsealError, FormatError) as error:
            problem = error.message
        progress.step()
        return Report(document.place, problem)

    try:
        reports = spread(report_on, found, from_count=_TOGETHER) if key_files else list(map(report_on, found))
    finally:
        progress.end()
    return _told(reports, given, terminal)


def _documents(given: Given) -> "list[Document]":
    is_recursive = given.flag("recursive")
    if not given.files or files.STDIN in given.files:
        inputs = files.read_inputs(given.files, example=EXAMPLE)
    else:
        paths = tree.files_of(given.files, is_recursive=is_recursive, example=EXAMPLE)
        inputs = files.read_inputs(paths, example=EXAMPLE) if paths else []
    # Trees hold much that is no Kubernetes object; a file without the word holds no SealedSecret either.
    worthwhile = [one for one in inputs if not is_recursive or mentions(one.data, sealedsecret.KIND)]
    return documents.read_documents(worthwhile)[0]


def _by_keys(paths: list[str], given: Given) -> Callable[[Mapping[str, Any]], str]:
    from sealer.ring import KeyRing

    decrypt = decrypting.Decryptor(given, is_input_taken=not given.files or files.STDIN in given.files)
    ring = KeyRing(keyfiles.read(paths, example=EXAMPLE, decrypt=decrypt))

    def check(raw: Mapping[str, Any]) -> str:
        sealed = sealedsecret.parse(raw)
        if sealed.v1_data is not None:
            from sealer.v1data import unseal_v1_data

            unseal_v1_data(sealed, ring, is_accepted=True)
        sealedsecret.open_items(sealed, ring)
        return f"items that are no text ({', '.join(sealed.dropped)})" if sealed.dropped else ""

    return check


def _by_controller(given: Given, environ: Mapping[str, str]) -> Callable[[Mapping[str, Any]], str]:
    from sealer.service import Verdict

    connection = cluster.connect(given, environ)
    service = cluster.service(connection, given, wait=time.sleep)
    namespace = given.text("namespace") or connection.namespace

    def check(raw: Mapping[str, Any]) -> str:
        sealed = sealedsecret.parse(raw)
        metadata = {**raw["metadata"], "namespace": sealed.namespace or namespace}
        verdict = service.verify({**raw, "metadata": metadata})
        return "the controller cannot open it" if verdict is Verdict.DOES_NOT else ""

    return check


def _told(reports: list[Report], given: Given, terminal: "Terminal") -> int:
    bad = [report for report in reports if report.problem]
    match given.text("output"):
        case "json":
            listed = [{"object": one.place, "opens": not one.problem, "problem": one.problem} for one in reports]
            files.write_output(listing.as_json(listed), None)
        case "table":
            rows = [(one.place, "no" if one.problem else "yes", one.problem.replace("\n", "; ")) for one in reports]
            files.write_output(listing.table(("OBJECT", "OPENS", "PROBLEM"), rows), None)
        case _:
            for report in bad:
                terminal.error(f"{report.place}: {report.problem}".replace("\n", "; "))
    if not reports:
        raise KsealError("no SealedSecrets found")
    terminal.info(f"{len(reports) - len(bad)} of {len(reports)} SealedSecrets open")
    return _FAILED if bad else 0


VERB = Verb(
    name="verify",
    summary="Check that SealedSecrets can be opened; nothing is shown.",
    text="With -k the private keys decide, offline; without, the controller is asked. Says nothing and ends with 0 "
    "when all open; else it ends with 1 and names each that does not. Nothing is rendered, and no value is printed.",
    examples=(
        "kseal verify sealed.yaml",
        EXAMPLE,
        "kseal verify -k keys.yaml -o json < sealed.yaml",
    ),
    options=(
        keyfiles.OPTION,
        *decrypting.OPTIONS,
        Option(("-r", "--recursive"), "Every YAML and JSON file of the folders too."),
        listing.OUTPUT._replace(help="table or json, of all objects [default: nothing but those that do not open]."),
        *cluster.OPTIONS,
        *COMMON,
    ),
    run=run,
    files="PATH",
)
