"""A file that git hands over: its bytes, its format, and what can open it."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from engine.errors import KsealError
from sealer.sops.formats.base import LIMITS, by_name, name_for

if TYPE_CHECKING:
    from sealer.cli.terminal import Terminal
    from sealer.sops.formats.base import Format
    from sealer.sops.metadata import Metadata
    from sealer.sops.operations import Keys

_VAULTS = "SOPS_HC_VAULT_ALLOWLIST"


def read(path: str) -> bytes:
    """Raises: KsealError, also for more bytes than are read."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123  # as in files.py
            data = file.read(LIMITS.bytes + 1)
    except OSError as error:
        raise KsealError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from error
    if len(data) > LIMITS.bytes:
        raise KsealError(f"{path}: more than the {LIMITS.bytes} bytes that are read")
    return data


def form_of(path: str, terminal: "Terminal") -> "Format":
    """The format by the name of a file, with the indentation that `.sops.yaml` asks for.

    A configuration that is broken, or itself being merged, is passed over with a warning.
    """
    name = name_for(path)
    if name in ("dotenv", "ini"):
        return by_name(name)
    from sealer.sops.config import load
    from sealer.sops.configfile import find

    try:
        found = find(os.path.dirname(path) or ".")  # noqa: PTH120  # as in files.py
        indent = load(found.path).indent(name) if found.path else None
    except KsealError as error:
        terminal.warning(f"{error.message}; the usual indentation is written")
        indent = None
    return by_name(name, indent=indent)


def own_keys(environ: Mapping[str, str], ours: "Metadata | None" = None) -> "Keys":
    """What the person's own identities open, tried in the order of SOPS_DECRYPTION_ORDER.

    `ours` is the side of a merge that the person has already: the other side's author does not choose the Vault server
    that gets their token, unless SOPS_HC_VAULT_ALLOWLIST says what it may be.
    """
    from sealer.cli.sops.services import services
    from sealer.sops.groups import DEFAULT_ORDER
    from sealer.sops.operations import Keys

    if ours is not None and not environ.get(_VAULTS):
        keys = [key for group in ours.key_groups for key in group]
        known = {key.text("vault_address") for key in keys} | {environ.get("VAULT_ADDR", "")}
        environ = {**environ, _VAULTS: ",".join(sorted(known - {""})) or "none"}
    order = tuple(filter(None, environ.get("SOPS_DECRYPTION_ORDER", "").split(",")))
    return Keys(services(environ, has_local=True, uris=()), order or DEFAULT_ORDER)


def silent_keys(environ: Mapping[str, str]) -> "Keys":
    """What opens files without a question and without the network.

    Git asks for a text of whatever a branch holds, be it a stranger's: no server that a file names is called for that.
    """
    from sealer.sops.operations import Keys
    from sealer.sops.recipients.age import AgeService
    from sealer.sops.recipients.lookup import Lookup
    from sealer.sops.recipients.pgp import PgpService

    return Keys({"age": AgeService(Lookup(environ)), "pgp": PgpService(environ)})
