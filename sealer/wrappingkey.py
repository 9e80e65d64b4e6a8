"""How the keys are named that wrap sealing keys: `KIND:NAME`, in flags, in messages and in the wrapped keys themselves.

age:age1…                                  an age recipient, also a hybrid one (age1pq1…)
vault:https://HOST/v1/ENGINE/keys/NAME     a key of Vault's or OpenBao's transit engine
aws-kms:arn:aws:kms:…                      a key of AWS KMS; `+arn:aws:iam:…` behind it is a role to take on
"""

from collections.abc import Sequence
from typing import Final

from engine.errors import KsealError
from sealer.sops.recipients import agetexts, spelling
from sealer.sops.recipients.base import MasterKey, shown

LIMIT_KEYS: Final = 8
_KINDS: Final = {"age": "age", "vault": "hc_vault", "aws-kms": "kms"}
_NAMES: Final = {kind: name for name, kind in _KINDS.items()}
_HINT: Final = "a wrapping key is written age:age1…, vault:https://HOST/v1/transit/keys/NAME or aws-kms:ARN"


def parse(text: str) -> MasterKey:
    """The key that one text names. Raises: KsealError."""
    name, _, rest = text.strip().partition(":")
    kind = _KINDS.get(name)
    if kind is None or not rest or not (text.isascii() and text.isprintable()):
        raise KsealError(f'"{shown(text)}" names no wrapping key', _HINT)
    if kind == "age" and agetexts.recipient_kind(rest) not in ("x25519", "hybrid"):
        raise KsealError(f'"{shown(text)}": SSH keys and age plug-ins do not wrap sealing keys', _HINT)
    if kind == "kms" and not rest.startswith("arn:"):
        raise KsealError(f'"{shown(text)}" names no wrapping key', _HINT)
    return spelling.parse(kind, rest)


def parse_all(texts: Sequence[str]) -> list[MasterKey]:
    """The keys that texts name, each a list with commas; a key that is named twice counts once. Raises: KsealError."""
    keys = {written(key): key for text in texts for key in map(parse, spelling.split(text))}
    if len(keys) > LIMIT_KEYS:
        raise KsealError(f"{len(keys)} wrapping keys are named, more than {LIMIT_KEYS}")
    return list(keys.values())


def written(key: MasterKey) -> str:
    """The one text that names a key."""
    return f"{_NAMES[key.kind]}:{key.identity}"
