"""The key of the fuzz targets: always the same one, so that a stored crasher means the same tomorrow."""

import json
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa

from sealer import box
from sealer.encoding import encode
from sealer.keys import SealingKey
from sealer.ring import KeyRing
from sealer.scope import Scope, label
from tests.fuzz.rules import PLANTED

_VECTOR = json.loads((Path(__file__).parent.parent / "vectors" / "sealed-secrets" / "boxes.json").read_text())


def _private_key() -> rsa.RSAPrivateKey:
    """The throwaway 1024-bit key of the vectors: small, so that many inputs are tried in a second."""
    p, q, e = int(_VECTOR["p"], 16), int(_VECTOR["q"], 16), 65537
    d = pow(e, -1, (p - 1) * (q - 1))
    factors = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q)
    return rsa.RSAPrivateNumbers(p, q, d, *factors, rsa.RSAPublicNumbers(e, p * q)).private_key()


PRIVATE_KEY = _private_key()
PUBLIC_KEY = PRIVATE_KEY.public_key()
KEY = SealingKey(PRIVATE_KEY)
RING = KeyRing([KEY])
LABEL = label(Scope.STRICT, "shop", "db")
SEALED = encode(box.seal(PLANTED.encode(), PUBLIC_KEY, LABEL))
"""The planted value as it stands in a SealedSecret shop/db."""
