"""How a text shows that it is a SOPS file, and in which format what comes out of it is written.

Delivery looks for these markers before it reads anything, so that a file without one passes through as it is. Source:
fluxcd/kustomize-controller internal/decryptor/decryptor.go, `sopsFormatToMarkerBytes`, `formatForPath`.
"""

from collections.abc import Mapping
from typing import Final

from sealer.sops.formats.base import name_for

MARKERS: Final[Mapping[str, bytes]] = {
    "dotenv": b"sops_mac=ENC[",
    "yaml": b"mac: ENC[",
    "json": b'"mac": "ENC[',
    "binary": b'"mac": "ENC[',
    "ini": b"[sops]",
}
"""By format. Of a text in an unknown format the first that is found counts; the marker of INI may stand in any text."""

_DOCKER_CONFIG: Final = ".dockerconfigjson"


def is_marked(data: bytes, form: str) -> bool:
    """Whether a text in a known format is encrypted."""
    return MARKERS[form] in data


def detected(data: bytes) -> str | None:
    """The format of an encrypted text, None when it is not encrypted."""
    return next((form for form, marker in MARKERS.items() if marker in data), None)


def form_of(name: str) -> str:
    """The format for the name of a file, or of an item of a Secret."""
    return "json" if name.endswith(_DOCKER_CONFIG) else name_for(name)


def form_of_env(name: str) -> str:
    """The same for a file of variables, whose name may end in anything."""
    form = form_of(name)
    return "dotenv" if form == "binary" else form
