"""Wrapped sealing keys as Secrets hold them: what is in `tls.key`, taken apart and opened."""

import base64
from datetime import UTC, datetime, timedelta

from engine.errors import KsealError
from sealer.keys import generate
from sealer.keysecret import raw_secret
from sealer.sops.recipients.base import KeyService, MasterKey
from sealer.wrappedkey import is_wrapped, read, text_of
from sealer.wrapping import Wrapping
from sealer.wrappingkey import parse_all
from tests.fuzz.rules import attempt, require

_VAULT = "vault:https://vault.example/v1/transit/keys/kseal"
_PLAIN = raw_secret(generate(2048, ttl=timedelta(days=1), common_name="", now=datetime.now(UTC)), "key", "home")


class _Anything:
    """A service that opens whatever it is given, with the same data key."""

    def wrap(self, key: MasterKey, data: bytes) -> str:
        return f"{key.kind}{len(data)}"

    def unwrap(self, key: MasterKey) -> bytes:
        return key.kind.encode().ljust(32)[:32]


def _service(kind: str) -> KeyService:
    del kind
    return _Anything()


_WRAPPING = Wrapping(parse_all([_VAULT]), [], _service, naming="", identifying="")
SEEDS = (
    text_of([MasterKey("hc_vault", parse_all([_VAULT])[0].fields, "vault:v1:x")], bytes(40)),
    text_of([MasterKey("age", {"recipient": "age1x"}, "x"), *parse_all([_VAULT])], b""),
)
PIECES = (
    *(b'"version":', b'"keys":', b'"sealed":', b'"with":', b'"enc":', b"1", b"true", b"null", b"{", b"}", b"[", b"]"),
    *(b'"', b",", b"age:age1", b"age:ssh-ed25519 ", b"aws-kms:arn:", b"+arn:", b"vault:https://", b"/v1/", b"/keys/"),
    *(b"\\n", b"\\u0000", b"\xff", b"=", b"AAAA", _VAULT.encode()),
)


def check(data: bytes) -> None:
    """A refusal, or a wrapped key that names what wraps it; and nothing opens that was not sealed."""
    raw = {**_PLAIN, "data": {**_PLAIN["data"], "tls.key": base64.b64encode(data).decode()}}
    if not is_wrapped(raw):
        return
    wrapped = attempt(KsealError, read, raw)
    if wrapped is None:
        return
    require(all(name.isprintable() for name in wrapped.wrapped_with), "a name does not print")
    require(attempt(KsealError, _WRAPPING.open, wrapped) is None, "it opens")
