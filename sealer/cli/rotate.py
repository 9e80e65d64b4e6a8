"""`kseal rotate`: what is sealed in files and folders under new keys, where it stands: SealedSecrets and SOPS files."""

import gc
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from engine.errors import KsealError
from sealer.cli import cluster, decrypting, files, keyfiles, listing, pullrequest, rotatesops
from sealer.cli.misuse import Misused
from sealer.cli.rotationreport import report
from sealer.cli.verb import COMMON, Given, Option, Verb

if TYPE_CHECKING:
    from sealer.cli.terminal import Terminal
    from sealer.rotation.job import FileReport, Job
    from sealer.rotation.record import Record
    from sealer.rotation.resealer import Resealer

EXAMPLE = "kseal rotate clusters/"
_CIPHERTEXT = re.compile(r"[A-Za-z0-9+/]{100,}={0,2}")

OPTIONS = (
    keyfiles.OPTION,
    *decrypting.OPTIONS,
    Option(("--cert",), "With -k: reseal under this certificate's key [default: the newest of -k].", "PATH|URL"),
    *rotatesops.OPTIONS,
    Option(("--dry-run",), "Write nothing; say what would change, with exit code 3 if anything would."),
    Option(("--commit",), "Commit what was resealed, as one commit; the work tree has to be clean."),
    Option(("--branch",), "Commit on this branch, which is begun where it is not there yet.", "NAME"),
    Option(("--push",), "Push the commit to the branch of the same name; never by force."),
    *pullrequest.OPTIONS,
    Option(("--sign",), "Sign the commit with the key that Git's configuration names."),
    Option(("--repo",), "Work on a fresh copy of this repository (https, ssh); paths are inside it.", "URL"),
    Option(
        ("--git-credentials",),
        "Folder with username and password, bearerToken, or identity and known_hosts; signing-key, forge-token.",
        "FOLDER",
    ),
    listing.OUTPUT,
    *cluster.OPTIONS,
    *COMMON,
)


def run(given: Given, terminal: "Terminal", environ: Mapping[str, str]) -> int:
    """Reseal what the paths hold; the exit code says whether all of it could be opened."""
    gc.enable()  # thousands of objects come and go here, unlike in the verbs for which it was turned off
    if not given.files and given.text("repo") is None:
        raise Misused("no file or folder is named", hint=f"for example: {EXAMPLE}")
    if files.STDIN in given.files:
        raise Misused("standard input cannot be edited in place", hint="name a file or a folder")
    from sealer.cli import repository

    repository.check(given)
    if given.text("repo") is not None or given.flag("commit"):
        return _in_git(given, terminal, environ)
    from sealer.rotation.job import Job

    resealer, record = _resealer(given, environ) if rotatesops.has_sealed(given) else (None, None)
    newest = resealer.newest if resealer else None
    if newest:
        terminal.info(f"the newest key is {newest}")
    sops = rotatesops.rotation(given, environ, top=None)
    job = Job(given.files, resealer, sops=sops, namespace=given.text("namespace"))
    reports = work(job, terminal, None if given.flag("dry-run") else _writer(record))
    return report(reports, newest, given, terminal)


def _in_git(given: Given, terminal: "Terminal", environ: Mapping[str, str]) -> int:
    from sealer.cli.repository import Repository
    from sealer.rotation.job import Job

    resealer, record = _resealer(given, environ) if rotatesops.has_sealed(given) else (None, None)
    newest = resealer.newest if resealer else None
    with Repository(given, environ, with_history=record is not None) as repository:
        if record is not None and newest is not None:
            record.learn(_CIPHERTEXT.findall(repository.added_lines(newest).decode("ascii", "replace")))
        is_dry = given.flag("dry-run")
        before = None if is_dry else repository.begin()
        job = Job(
            given.files or (".",),
            resealer,
            sops=rotatesops.rotation(given, environ, top=repository.top),
            namespace=given.text("namespace"),
            root=repository.root,
            takes=repository.takes(),
        )
        reports = work(job, terminal, _writer(record, before) if before else None)
        made = None if is_dry else repository.finish(reports, newest)
        terminal.info(f"committed {made}" if made else "nothing to commit")
        request, refusal = None, None
        try:
            request = repository.request()
        except KsealError as error:
            refusal = error
    code = report(reports, newest, given, terminal, request)
    if refusal is not None:
        terminal.error(refusal.message, refusal.hint)
    return 1 if refusal is not None else code


def work(job: "Job", terminal: "Terminal", write: "Callable[[FileReport], None] | None") -> "list[FileReport]":
    """Run the job, with a line that counts; each file is written as it gets done."""
    progress = terminal.progress("resealing, file", len(job))
    reports = []
    try:
        for done in job.run():
            if write is not None and done.data is not None:
                write(done)
            reports.append(done)
            progress.step()
    finally:
        progress.end()
    return reports


def _writer(
    record: "Record | None", before: Callable[[str, bytes], None] = lambda _file, _data: None
) -> "Callable[[FileReport], None]":
    """What writes a file, once everyone who has to know of it knows."""

    def write(done: "FileReport") -> None:
        if record is not None:
            record.add(done.new)
        before(done.file, done.data or b"")
        files.write_file(done.file, done.data or b"")

    return write


def _resealer(given: Given, environ: Mapping[str, str]) -> "tuple[Resealer, Record | None]":
    """Offline with private keys, else through the controller.

    Raises: Misused, KsealError.
    """
    key_files = keyfiles.named(given)
    if not key_files:
        if given.text("cert") is not None:
            raise Misused("--cert alone opens nothing", hint="give the private keys too, with -k FILE")
        return _remote(given, environ)
    from sealer import certificates
    from sealer.keys import fingerprint
    from sealer.ring import KeyRing
    from sealer.rotation.resealer import Offline, choose_newest

    keys, active = keyfiles.read_states(
        key_files, example=f"{EXAMPLE} -k keys.yaml", decrypt=decrypting.Decryptor(given)
    )
    wanted = None
    if location := given.text("cert"):
        certificate = certificates.load(location, timeout_seconds=cluster.timeout_seconds(given))
        certificate.refuse_expired(time.time())
        wanted = fingerprint(certificate.public_key)
    return Offline(KeyRing(keys), choose_newest(active, wanted, now=datetime.now(UTC))), None


def _remote(given: Given, environ: Mapping[str, str]) -> "tuple[Resealer, Record]":
    from sealer.certificates import Certificate
    from sealer.keys import fingerprint
    from sealer.rotation.record import Record, state_folder
    from sealer.rotation.remote import Remote

    service = cluster.service(cluster.connect(given, environ), given, wait=time.sleep)
    certificate = Certificate.parse(service.certificate(), source=service.called)
    record = Record(state_folder(environ), fingerprint(certificate.public_key))
    return Remote(service, certificate, is_known=record.__contains__), record


VERB = Verb(
    name="rotate",
    summary="Bring SealedSecrets and SOPS files under new keys.",
    text="Finds every SealedSecret in files and folders (YAML and JSON, lists, kustomize folders) and replaces the "
    "ciphertext that an older key made, where it stands: everything else keeps its bytes, and what the newest key made "
    "stays too. Templates are not rendered. With -k it works offline, else through the controller. A file is written "
    "when all of its SealedSecrets could be opened; the others are named, and the exit code is 1. A SOPS file "
    "gets a new data key when its keys are not those of its rule in .sops.yaml, or by --older-than; that takes one of "
    "its keys, as for `kseal sops`. A run that was ended half-way goes on where it stopped, also with --commit.",
    examples=(
        EXAMPLE,
        "kseal rotate --dry-run .",
        "kseal rotate -k keys.yaml clusters/production",
        "kseal rotate --commit --push --branch rotate-secrets clusters/",
        "kseal rotate --pull-request clusters/",
        "kseal rotate --only sops --older-than 90d --commit clusters/",
    ),
    options=OPTIONS,
    run=run,
    files="PATH",
)
