"""Files of SealedSecrets that a verb edits: read them, pick the one that is meant, write what changed."""

from collections.abc import Mapping
from typing import Any

from engine.errors import KsealError
from sealer.cli import files
from sealer.cli.misuse import Misused
from sealer.cli.verb import Given, Option
from sealer.objectfile import ObjectFile, Placed
from sealer.sealedsecret import API_VERSION, KIND

NAME = Option(("--name",), "Which SealedSecret, where the file has several.", "NAME")
WRITE = Option(("-w", "--write"), "Write the edited file here, instead of over the one that is read.", "FILE")
NAMESPACE = Option(("-n", "--namespace"), "Its namespace, where the file names none.", "NAME", environ="NAMESPACE")


def file_and_key(given: Given, verb: str) -> tuple[str, str]:
    """The two words that `set` and `unset` take. Raises: Misused."""
    if len(given.files) != 2:
        raise Misused(f"name a file and a key: kseal {verb} sealed.yaml password")
    return given.files[0], given.files[1]


def read(path: str) -> ObjectFile:
    """A file to edit. Raises: KsealError; Misused for standard input, which cannot be edited."""
    if path == files.STDIN:
        raise Misused("standard input cannot be edited in place", hint="name a file")
    ((source, data),) = files.read_inputs([path], example="")
    return ObjectFile(data, source=source)


def sealed_in(file: ObjectFile) -> list[Placed]:
    """The SealedSecrets of a file."""
    return [placed for placed in file.objects if is_sealed(placed.raw)]


def is_sealed(raw: Mapping[str, Any]) -> bool:
    return (raw.get("kind"), raw.get("apiVersion")) == (KIND, API_VERSION)


def choose(file: ObjectFile, *, name: str | None, namespace: str | None) -> Placed:
    """The only SealedSecret of a file, or, of several, the one of this name and, where both have one, namespace.

    Raises: KsealError, naming those that there are.
    """
    found = sealed_in(file)
    if not found:
        raise KsealError(f"{file.source}: no SealedSecret found", hint="`kseal seal -w FILE` makes one")
    if len(found) == 1:
        return found[0]
    fitting = [placed for placed in found if _fits(placed.raw, name, namespace)]
    if len(fitting) == 1:
        return fitting[0]
    count = f"{len(fitting)} of its {len(found)} SealedSecrets"
    raise KsealError(
        f'{file.source}: {count} are called "{name}"' if name else f"{file.source}: it has {len(found)} SealedSecrets",
        hint="say which one is meant by --name and --namespace",
    )


def named(file: ObjectFile, given: Given) -> Placed:
    """The SealedSecret that the command line means; what it says there has to be true, also of an only one.

    Raises: KsealError.
    """
    placed = choose(file, name=given.text("name"), namespace=given.text("namespace"))
    name, namespace = given.said("name"), given.said("namespace")
    metadata = placed.raw.get("metadata")
    own_name = metadata.get("name") if isinstance(metadata, dict) else None
    if (name or namespace) and not _fits(placed.raw, name or own_name, namespace):
        wanted = f"{namespace}/{name}" if name and namespace else name or f"in {namespace}"
        raise KsealError(f"{placed.place}: it is the only SealedSecret, and not {wanted}")
    return placed


def save(file: ObjectFile, data: bytes, before: bytes | None, output: str | None) -> None:
    """Write an edited file back, or elsewhere; a file that stays as it was is not touched."""
    if output is not None:
        files.write_output(data.decode(), output)
    elif data != before:
        files.write_file(file.source, data)


def _fits(raw: Mapping[str, Any], name: str | None, namespace: str | None) -> bool:
    metadata = raw.get("metadata")
    if not isinstance(metadata, dict) or metadata.get("name") != name:
        return False
    return not namespace or not metadata.get("namespace") or metadata["namespace"] == namespace
