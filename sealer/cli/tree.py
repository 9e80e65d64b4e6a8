"""`kseal seal --in-place`: the Secrets inside files or whole trees become SealedSecrets where they stand."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import KsealError
from sealer import sealedsecret, secret
from sealer.cli import documents, files, sealingkey
from sealer.cli.misuse import Misused
from sealer.cli.verb import Given
from sealer.objectfile import ObjectFile, Placed
from sealer.rotation.tree import MOST_FOLDERS_DEEP, mentions
from sealer.scope import Scope

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    from sealer.cli.terminal import Terminal

EXAMPLE = "kseal seal --cert cert.pem --in-place --recursive manifests/"
ENDINGS = (".yaml", ".yml", ".json")


def run(given: Given, terminal: "Terminal", environ: Mapping[str, str], paths: tuple[str, ...]) -> int:
    """Seal all Secrets of all files in memory, then write the files that changed: none if any document is bad."""
    if not paths:
        raise Misused("--in-place needs files to work on", hint=f"for example: {EXAMPLE}")
    for name in ("write", "output", "name"):
        if given.said(name):
            raise Misused(f"--{name} has no place beside --in-place")
    found = files_of(paths, is_recursive=given.flag("recursive"), example=EXAMPLE)
    certificate, namespace = sealingkey.one(given, terminal, environ)
    progress = terminal.progress("sealing files", len(found))
    changed, count = {}, 0
    try:
        for path in found:
            ((source, data),) = files.read_inputs([path], example=EXAMPLE)
            if mentions(data, "Secret"):  # nothing else is worth reading
                text, sealed = _edited(ObjectFile(data, source=source), certificate.public_key, given, namespace)
                count += sealed
                if sealed:
                    changed[path] = text
            progress.step()
    finally:
        progress.end()
    progress = terminal.progress("writing files", len(changed))
    try:
        for path, text in changed.items():
            files.write_file(path, text)
            progress.step()
    finally:
        progress.end()
    terminal.info(f"{count} Secrets sealed in {len(changed)} of {len(found)} files")
    return 0


def files_of(paths: Sequence[str], *, is_recursive: bool, example: str) -> list[str]:
    """The files that are named, and those of the folders that are named, in order.

    Hidden folders and files are left out, and no symbolic link is followed: it may lead out of the tree.

    Raises: Misused for a folder without --recursive, and for standard input; KsealError for what is not there, and for
    folders nested deeper than in any repository of manifests.
    """
    found: dict[str, None] = {}
    for path in paths:
        if path == files.STDIN:
            raise Misused("standard input cannot be edited in place", hint="name files")
        if Path(path).is_dir():
            if not is_recursive:
                raise Misused(f"{path} is a folder", hint=f"add --recursive, for example: {example}")
            found.update(dict.fromkeys(_walk(Path(path))))
        else:
            found[path] = None
    return list(found)


def _walk(folder: Path, depth: int = 0) -> Iterator[str]:
    if depth > MOST_FOLDERS_DEEP:
        raise KsealError(f"{folder}: folders are nested more than {MOST_FOLDERS_DEEP} deep")
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise KsealError(f"cannot read {folder}: {(error.strerror or str(error)).lower()}") from error
    for entry in entries:
        if entry.name.startswith(".") or entry.is_symlink():
            continue
        if entry.is_dir():
            yield from _walk(entry, depth + 1)
        elif entry.suffix.lower() in ENDINGS and entry.is_file():
            yield str(entry)


def _edited(file: ObjectFile, public_key: "RSAPublicKey", given: Given, default_namespace: str) -> tuple[bytes, int]:
    secrets = [placed for placed in file.objects if _is_secret(placed.raw)]
    sealed = [(placed, _sealed(placed, public_key, given, default_namespace)) for placed in secrets]
    return (file.replaced(sealed) if sealed else b""), len(sealed)


def _is_secret(raw: Mapping[str, Any]) -> bool:
    return (raw.get("kind"), raw.get("apiVersion")) == ("Secret", "v1")


def _sealed(placed: Placed, public_key: "RSAPublicKey", given: Given, default_namespace: str) -> dict[str, Any]:
    flag = given.text("scope")
    with documents.at(placed.place):
        unknown = sorted(placed.raw.keys() - secret.FIELDS)
        if unknown:
            raise KsealError(f'the field "{unknown[0]}" means nothing in a Secret', hint="correct or remove it")
        return sealedsecret.seal_secret(
            placed.raw,
            public_key,
            scope=Scope(flag) if flag else None,
            namespace=given.text("namespace"),
            default_namespace=default_namespace or "default",
            allow_empty=given.flag("allow-empty-data"),
        )
