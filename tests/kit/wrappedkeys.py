"""Sealing keys wrapped for an age recipient, made by hand; and what of a Secret must not be readable."""

import base64
import json
from pathlib import Path
from typing import Any, Final

from providers.base import KeyService
from sealer.keys import SealingKey
from sealer.wrapping import Wrapping
from sealer.wrappingkey import parse_all
from tests.kit.sealingkeys import key_secret

# Throw-away identities, of which nothing else is wrapped than keys of tests.
RECIPIENT: Final = "age1qmhacn9u9xpf0cvfsmjdhqjxt4m8dgsdmx6pzr8ga6ws4yevzynq6v70kr"
_IDENTITY: Final = "AGE-SECRET-KEY-1Y4AGP2MX240ST0UGU62SE6XA0LFJGTWJE2LLSZL5CL3DY7FC6FSSQUD7HG"


def write_identity(path: Path) -> Path:
    """The identity of RECIPIENT in a file."""
    path.write_text(f"{_IDENTITY}\n")
    return path


def wrapped_secret(name: str, namespace: str, key: SealingKey, identity: Path) -> dict[str, Any]:
    """The Secret of a key, wrapped for RECIPIENT."""
    raw = key_secret(name, key)
    raw["metadata"] = {**raw["metadata"], "namespace": namespace}
    wrapping = Wrapping(parse_all([f"age:{RECIPIENT}"]), [str(identity)], no_service, naming="", identifying="")
    return wrapping.wrapped(raw, key)


def shows_private_key(secret: dict[str, Any]) -> bool:
    """Whether a private key can be read anywhere in an object as the API has it, decoded or not."""
    texts = [json.dumps(secret)]
    texts += [base64.b64decode(value).decode("utf-8", "replace") for value in secret["data"].values()]
    encoded = base64.b64encode(b"-----BEGIN RSA PRIVATE KEY-----\n").decode()
    return any("PRIVATE KEY" in text or encoded[:40] in text for text in texts)


def no_service(kind: str) -> KeyService:
    """For keys that no service wraps."""
    raise NotImplementedError(kind)
