"""The age format meets the vectors that every age program is held to, those that must fail included."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from sealer.sops.recipients.agefile import AgeFile, Damaged
from sealer.sops.recipients.agekeys import HybridIdentity, X25519Identity

_VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "age" / "cctv.json").read_text())["vectors"]
# A share of low order: other programs call the header wrong, OpenSSL's HPKE says as for any wrong key that none fits.
_REFUSED_OTHERWISE = {"hybrid_identity", "hybrid_low_order"}


def _armoured(vector: dict[str, Any]) -> str:
    if "armored" in vector:
        return str(vector["armored"])
    text = base64.b64encode(base64.b64decode(vector["file_base64"])).decode()
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return "\n".join(["-----BEGIN AGE ENCRYPTED FILE-----", *lines, "-----END AGE ENCRYPTED FILE-----", ""])


def _opened(vector: dict[str, Any]) -> bytes | None:
    file = AgeFile(_armoured(vector))
    for text in vector["identities"]:
        identity = HybridIdentity(text) if text.startswith("AGE-SECRET-KEY-PQ-") else X25519Identity(text)
        if (found := identity.open(file)) is not None:
            return found
    return None


@pytest.mark.parametrize("vector", _VECTORS, ids=lambda vector: vector["name"])
def test_a_file_opens_or_is_refused_as_its_vector_says(vector: dict[str, Any]) -> None:
    if vector["expect"] == "success":
        opened = _opened(vector)
        assert opened is not None
        assert hashlib.sha256(opened).hexdigest() == vector["payload_sha256"]
    elif vector["expect"] == "no match" or vector["name"] in _REFUSED_OTHERWISE:
        assert _opened(vector) is None
    else:
        with pytest.raises(Damaged):
            _opened(vector)


def test_there_are_vectors_of_every_outcome() -> None:
    outcomes = {vector["expect"] for vector in _VECTORS}
    assert outcomes == {"success", "no match", "header failure", "HMAC failure", "payload failure", "armor failure"}
