"""Private keys as a command line names them: `-k FILE`, PEM or key Secrets, as a backup holds them, also encrypted."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from engine import undumpable
from sealer import age, sealedsecret, secret
from sealer.cli import documents, files
from sealer.cli.verb import Given, Option
from sealer.errors import PrivateKeyError
from sealer.keys import SealingKey, load_pair, load_private
from sealer.keysecret import ACTIVE, LABEL

OPTION = Option(
    ("-k", "--private-key", "--recovery-private-key"),
    "Private key: PEM, a key Secret or a List of them; may be repeated, or name several files with commas.",
    "FILE",
    many=True,
    environ="RECOVERY_PRIVATE_KEY",
)


Decrypt = Callable[[str, bytes], bytes]
"""Name and content of a file to its plain text."""


def named(given: Given) -> list[str]:
    """The key files that a command line names."""
    return [path for text in given.texts("private-key") for path in text.split(",") if path]


class KeyFiles(NamedTuple):
    """The keys of some files: all of them open, and those that nobody has retired may seal."""

    keys: list[SealingKey]
    active: list[SealingKey]


def read(paths: Sequence[str], *, example: str, decrypt: Decrypt | None = None) -> list[SealingKey]:
    """The keys of all files, retired ones too.

    Raises: Misused when standard input is meant and is a terminal; KsealError, naming file and object.
    """
    return read_states(paths, example=example, decrypt=decrypt).keys


def read_states(paths: Sequence[str], *, example: str, decrypt: Decrypt | None = None) -> KeyFiles:
    """The same, with what the labels of key Secrets say; a bare key has none and counts as active.

    From here on the process leaves no core file.
    """
    undumpable.protect()
    found = KeyFiles([], [])
    for source, content in files.read_inputs(paths, example=example):
        data = (decrypt or _refuse_encrypted)(source, content)
        if _is_pem(data):
            with documents.at(source):
                keys = [(load_private(data), True)]
        else:
            keys = _secret_keys(source, data)
        found.keys.extend(key for key, _ in keys)
        found.active.extend(key for key, is_active in keys if is_active)
    return found


def _refuse_encrypted(source: str, data: bytes) -> bytes:
    if age.is_encrypted(data):
        raise PrivateKeyError(
            f"{source}: the backup is encrypted",
            "kseal unseal, verify and rotate open it, with --identity or --passphrase",
        )
    return data


def _is_pem(data: bytes) -> bool:
    """Whether a key file is bare PEM: no object begins before the first block."""
    before, mark, _ = data.partition(b"-----BEGIN ")
    return bool(mark) and b"kind" not in before and b"{" not in before


def _secret_keys(source: str, data: bytes) -> list[tuple[SealingKey, bool]]:
    """The keys of `kubernetes.io/tls` Secrets, as a backup of the controller's keys holds them, and which are active.

    Raises: KsealError, naming the file and the object.
    """
    found, _ = documents.read_documents([files.Input(source, data)])
    if not found:
        raise PrivateKeyError(f"{source}: no private key in the file")
    keys = []
    for raw, place in found:
        with documents.at(place):
            sealedsecret.require_kind(raw, "v1", "Secret")
            items = secret.values(raw)
            if "tls.key" not in items:
                raise PrivateKeyError("secret must contain a 'tls.key' item")
            if items["tls.key"].lstrip().startswith(b"{"):
                raise PrivateKeyError(
                    "the key is wrapped, as in the cluster", "kseal keys backup writes one that opens"
                )
            labels = secret.mapping(secret.mapping(raw.get("metadata"), "metadata").get("labels"), "metadata.labels")
            key = load_pair(items["tls.key"], items.get("tls.crt"))
            keys.append((key, labels.get(LABEL, ACTIVE) == ACTIVE))
    return keys
