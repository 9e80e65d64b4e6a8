"""The documents whose commands are typed by tests, which of them need what, and the one way to follow one."""

import re
from typing import Final

from tests.kit import fluxinstallation
from tests.kit.documents import EXECUTED, blocks, commands
from tests.kit.reader import Reader
from tests.kit.tree import ROOT, texts

DOCUMENTS: Final = {
    name: text for name, text in texts().items() if name == "README.md" or re.fullmatch(r"docs/[^/]+\.md", name)
}
SCRIPTS: Final = {
    name: script
    for name, text in DOCUMENTS.items()
    if (script := [block for block in blocks(name, text) if block.language in EXECUTED])
}

FROM_FLUX: Final = "docs/migrate-from-flux.md"

# What a reader has before the first line of a document, beside a cluster and a clone.
BEFORE: Final = {
    "docs/migrate-from-sealed-secrets.md": "an installation of the same names",
    FROM_FLUX: "Flux, which has applied itself",
    "docs/troubleshooting.md": "an installation",
    "docs/rotate.md": "an installation",
    "docs/recover.md": "an installation",
    "docs/wrapped-keys.md": "an installation",
    "docs/repository.md": "an installation",
}

_ABOUT_SOPS = re.compile(r"sops|git-drivers|convert")


def scripts(*, about_sops: bool) -> list[str]:
    """The documents below docs/ that show commands, those around SOPS files or all others."""
    return [name for name in SCRIPTS if name != "README.md" and bool(_ABOUT_SOPS.search(name)) is about_sops]


def follow(document: str, reader: Reader) -> None:
    """Type every command of a document in its order. Raises: AssertionError, naming the line."""
    if document == FROM_FLUX:
        fluxinstallation.bootstrap(reader.plane)
    elif document in BEFORE:
        reader.plane.kubectl("apply", "-k", str(ROOT / "deploy" / "manifests"))
    for block in SCRIPTS[document]:
        for command in commands(block):
            reader.follow(command)
