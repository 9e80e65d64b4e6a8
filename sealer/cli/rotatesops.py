"""`kseal rotate` over SOPS files: which of them are due, and with what keys they are opened."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from sealer.cli.misuse import Misused
from sealer.cli.verb import Given, Option

if TYPE_CHECKING:
    from sealer.rotation.sops import SopsRotation

SEALED, SOPS = "sealedsecrets", "sops"
OPTIONS = (
    Option(("--only",), "Only these [default: both].", "KIND", (SEALED, SOPS)),
    Option(
        ("--older-than",),
        "SOPS files that were last encrypted so long ago (90d, 12h) are due too; 0s: all of them.",
        "DURATION",
    ),
)
_DURATION = re.compile(r"([0-9]{1,6})(s|m|h|d|w)")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def has_sealed(given: Given) -> bool:
    """Whether SealedSecrets are among what is to be rotated. Raises: Misused for options that are for them alone."""
    if given.text("only") != SOPS:
        return True
    for name in ("private-key", "cert"):
        if given.said(name) or given.texts(name):
            raise Misused(f"--{name} is for SealedSecrets, and --only {SOPS} leaves them out")
    return False


def rotation(given: Given, environ: Mapping[str, str], *, top: Path | None) -> "SopsRotation | None":
    """What rotates SOPS files, None where they are left out. Raises: Misused, KsealError.

    `top` is the folder above which no `.sops.yaml` counts.
    """
    older_than = _older_than(given)
    if given.text("only") == SEALED:
        return None
    from sealer.cli.sops.services import services
    from sealer.rotation.sops import Rules, SopsRotation
    from sealer.sops.batch import SharedServices
    from sealer.sops.operations import Keys

    keys = Keys(SharedServices(services(environ, has_local=True, uris=())))
    return SopsRotation(keys, Rules(top), older_than=older_than, now=datetime.now(UTC), environ=environ)


def _older_than(given: Given) -> timedelta | None:
    text = given.text("older-than")
    if text is None:
        return None
    if given.text("only") == SEALED:
        raise Misused(f"--older-than is for SOPS files, and --only {SEALED} leaves them out")
    found = _DURATION.fullmatch(text)
    if found is None:
        raise Misused(f'--older-than: "{text}" is no length of time', hint="for example 90d, 12h or 0s")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})
