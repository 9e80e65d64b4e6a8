"""A file that git hands over: its bytes, its format, and what can open it."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from engine.errors import KsealError
from sealer.sops.formats.base import LIMITS, by_name, name_for

if TYPE_CHECKING:
    from sealer.cli.terminal import Terminal
    from sealer.sops.formats.base import Format
    from sealer.sops.operations import Keys


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


def own_keys(environ: Mapping[str, str]) -> "Keys":
    """What the person's own identities open, tried in the order of SOPS_DECRYPTION_ORDER."""
    from sealer.cli.sops.services import services
    from sealer.sops.groups import DEFAULT_ORDER
    from sealer.sops.operations import Keys

    order = tuple(filter(None, environ.get("SOPS_DECRYPTION_ORDER", "").split(",")))
    return Keys(services(environ, has_local=True, uris=()), order or DEFAULT_ORDER)
