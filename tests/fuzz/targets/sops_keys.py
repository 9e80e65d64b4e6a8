"""Wrapped keys, texts of identities, names of keys and the messages of a key service: all of them strangers' bytes."""

from engine.errors import KsealError
from sealer.sops.recipients import agefile, agekeys, identities, keymessages, spelling
from sealer.sops.recipients.agefile import AgeFile, Damaged
from sealer.sops.recipients.agekeys import X25519Identity
from sealer.sops.recipients.base import FIELDS
from sealer.sops.recipients.keymessages import BadMessage
from sealer.sops.recipients.sshkeys import SshKey
from tests.fuzz.rules import PLANTED, attempt, require

_IDENTITY = "AGE-SECRET-KEY-1XMWWC06LY3EE5RYTXM9MFLAZ2U56JJJ36S0MYPDRWSVLUL66MV4QX3S7F6"
_RECIPIENT = "age1w3tyke4gev25vaxxsvcgqu4484rf6ejpmavs57p6yz6lhy2sfs5swrvwyn"
_DATA = PLANTED.encode()
_WRAPPED = agefile.encrypt(_DATA, lambda key: agekeys.wrap_x25519(_RECIPIENT, key))
_KEY = spelling.parse("kms", "arn:aws:kms:r:1:key/k+arn:aws:iam::1:role/r", context={"a": "b"}, aws_profile="p")

SEEDS = (
    _WRAPPED.encode(),
    f"# comment\n{_IDENTITY}\n".encode(),
    keymessages.request(_KEY, _DATA),
    keymessages.answer(_DATA),
    b"https://vault:8200/v1/transit/keys/k",
    b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmU=\n-----END OPENSSH PRIVATE KEY-----\n",
)
PIECES = (
    *(_WRAPPED[:36].encode(), b"-----END AGE ENCRYPTED FILE-----\n", b"-> X25519 ", b"--- ", b"A" * 64, b"=", b"\r\n"),
    *(b"AGE-SECRET-KEY-1", b"AGE-SECRET-KEY-PQ-1", b"AGE-PLUGIN-", b"age1", b"age1pq1", b"ssh-ed25519 ", b"1", b"q"),
    *(b"\x0a", b"\x12", b"\x08\xff\xff\xff\xff\x0f", b"\xff", b"https://", b"/keys/", b"/v1/", b"+arn:", b":", b","),
    PLANTED.encode(),
)


def check(data: bytes) -> None:
    """Only what was wrapped unwraps; every other text is read or refused, and identities are never repeated."""
    text = data.decode("latin-1")
    file = attempt(Damaged, AgeFile, text)
    if file is not None:
        opened = attempt(Damaged, X25519Identity(_IDENTITY).open, file)
        require(opened is None or text.split() == _WRAPPED.split(), "an altered key was unwrapped")
    attempt(KsealError, identities.parse, data, "keys", plugins=False)
    attempt(ValueError, SshKey, data)
    attempt(BadMessage, keymessages.read_answer, data)
    asked = attempt(BadMessage, keymessages.read_request, data)
    if asked is not None:
        require(asked[0].kind in FIELDS, "a key of no kind was read")
    if PLANTED not in text:  # the name of a key is no secret, and an error says it
        for kind in FIELDS:
            attempt(KsealError, spelling.parse, kind, text)
