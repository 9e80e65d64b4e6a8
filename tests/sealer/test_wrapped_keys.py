"""Sealing keys wrapped at rest: what a Secret may and may not be turned into, and who is asked to open it."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import KsealError, NotReady
from sealer.cli import keyfiles
from sealer.errors import CertificateError, PrivateKeyError
from sealer.keys import SealingKey
from sealer.keysecret import LABEL, raw_secret
from sealer.sops.recipients.base import KeyService, MasterKey
from sealer.wrappedkey import LIMIT_BYTES, is_wrapped, read, with_plain
from sealer.wrapping import Wrapping
from sealer.wrappingkey import LIMIT_KEYS, parse_all, written

Raw = dict[str, Any]
# Made for this file alone.
IDENTITY = "AGE-SECRET-KEY-1Y4AGP2MX240ST0UGU62SE6XA0LFJGTWJE2LLSZL5CL3DY7FC6FSSQUD7HG"
RECIPIENT = "age1qmhacn9u9xpf0cvfsmjdhqjxt4m8dgsdmx6pzr8ga6ws4yevzynq6v70kr"
VAULT = "vault:https://vault.example/v1/transit/keys/kseal"
COPY = "kubectl.kubernetes.io/last-applied-configuration"


class Reversing:
    """A service that is there: what it wraps is text that only it reads."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def wrap(self, key: MasterKey, data: bytes) -> str:
        self.asked.append(key.identity)
        return data[::-1].hex()

    def unwrap(self, key: MasterKey) -> bytes:
        self.asked.append(key.identity)
        return bytes.fromhex(key.enc)[::-1]


class Away:
    """A service that is not."""

    def wrap(self, key: MasterKey, data: bytes) -> str:
        raise NotReady(f"does not answer on {len(data)} bytes for {key.kind}")

    def unwrap(self, key: MasterKey) -> bytes:
        raise NotReady(f"does not answer for {key.kind}", "see to it")


Make = Callable[..., Wrapping]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """A wrapping with these keys, an identity, and a service behind what is not age."""
    (tmp_path / "identity").write_text(f"# for a test\n{IDENTITY}\n")

    def made(*names: str, service: KeyService | None = None, identity: bool = True) -> Wrapping:
        files = [str(tmp_path / "identity")] if identity else []
        found = service or Reversing()
        return Wrapping(parse_all(names), files, lambda _: found, naming="name it", identifying="give a file")

    return made


@pytest.fixture
def plain(key: SealingKey) -> Raw:
    return raw_secret(key, "key-1", "home", annotations={"note": "x"})


def holding(raw: Raw, **changes: Any) -> Raw:
    """The same wrapped key with parts of its JSON changed."""
    document = json.loads(base64.b64decode(raw["data"]["tls.key"])) | changes
    return with_text(raw, json.dumps(document).encode())


def with_text(raw: Raw, text: bytes) -> Raw:
    return {**raw, "data": {**raw["data"], "tls.key": base64.b64encode(text).decode()}}


def test_a_wrapped_key_comes_back_and_nothing_of_it_was_to_be_read(make: Make, key: SealingKey, plain: Raw) -> None:
    plain["metadata"]["annotations"][COPY] = json.dumps(plain)
    wrapping = make(f"age:{RECIPIENT}")
    wrapped = wrapping.wrapped(plain, key)
    assert is_wrapped(wrapped)
    assert not is_wrapped(plain)
    assert wrapped["metadata"]["labels"][LABEL] == "wrapped"
    assert wrapped["metadata"]["annotations"] == {"note": "x"}
    assert (wrapped["type"], wrapped["data"]["tls.crt"]) == (plain["type"], plain["data"]["tls.crt"])
    shown = json.dumps(wrapped) + base64.b64decode(wrapped["data"]["tls.key"]).decode()
    assert "PRIVATE KEY" not in shown
    assert plain["data"]["tls.key"][:64] not in shown
    opened = wrapping.open(read(wrapped))
    assert opened.private_pem() == key.private_pem()
    assert read(wrapped).fingerprint == key.fingerprint
    del plain["metadata"]["annotations"][COPY]
    assert with_plain(wrapped, opened) == plain


def test_two_wrappings_have_nothing_in_common(make: Make, key: SealingKey, plain: Raw) -> None:
    one, other = (make(VAULT).wrapped(plain, key)["data"]["tls.key"] for _ in range(2))
    assert one != other
    parts = [json.loads(base64.b64decode(text)) for text in (one, other)]
    assert parts[0]["sealed"] != parts[1]["sealed"]
    assert parts[0]["keys"] != parts[1]["keys"]


def test_any_wrapping_key_opens_and_the_one_that_asks_nobody_comes_first(
    make: Make, key: SealingKey, plain: Raw
) -> None:
    wrapped = read(make(VAULT, f"age:{RECIPIENT}").wrapped(plain, key))
    assert wrapped.wrapped_with == [VAULT, f"age:{RECIPIENT}"]
    service = Reversing()
    make(VAULT, service=service).open(wrapped)
    assert service.asked == []
    make(VAULT, service=service, identity=False).open(wrapped)
    assert service.asked == ["https://vault.example/v1/transit/keys/kseal"]
    make(service=Away()).open(wrapped)


def test_a_service_that_only_the_secret_names_is_never_asked(make: Make, key: SealingKey, plain: Raw) -> None:
    """Its address could be anybody's, and it would get our credentials."""
    wrapped = read(make(VAULT).wrapped(plain, key))
    service = Reversing()
    with pytest.raises(NotReady, match="nobody named it here") as caught:
        make("vault:https://other.example/v1/transit/keys/kseal", service=service, identity=False).open(wrapped)
    assert (service.asked, caught.value.hint) == ([], "name it")


def test_what_cannot_be_opened_now_says_why_for_each_key(make: Make, key: SealingKey, plain: Raw) -> None:
    wrapped = read(make(VAULT, f"age:{RECIPIENT}").wrapped(plain, key))
    with pytest.raises(NotReady) as caught:
        make(VAULT, service=Away(), identity=False).open(wrapped)
    assert f"age:{RECIPIENT}: no age identity found" in caught.value.message
    assert f"{VAULT}: does not answer for hc_vault" in caught.value.message
    assert caught.value.hint == "give a file; see to it"


@pytest.mark.parametrize("names", [(VAULT,), (f"age:{RECIPIENT}", VAULT)])
def test_nothing_is_wrapped_unless_every_key_wraps_and_one_opens(
    make: Make, key: SealingKey, plain: Raw, names: tuple[str, ...]
) -> None:
    with pytest.raises(NotReady, match="does not answer"):
        make(*names, service=Away()).wrapped(plain, key)
    with pytest.raises(NotReady, match="nothing here opens it"):
        make(f"age:{RECIPIENT}", identity=False).wrapped(plain, key)


def test_an_identity_that_is_mounted_late_is_found(make: Make, key: SealingKey, plain: Raw, tmp_path: Path) -> None:
    wrapping = make(f"age:{RECIPIENT}")
    wrapped = read(wrapping.wrapped(plain, key))
    text = (tmp_path / "identity").read_text()
    for trouble in (None, "", "nothing of the kind"):
        (tmp_path / "identity").unlink(missing_ok=True)
        if trouble is not None:
            (tmp_path / "identity").write_text(trouble)
        with pytest.raises(NotReady):
            wrapping.open(wrapped)
    (tmp_path / "identity").write_text(text)
    assert wrapping.open(wrapped).fingerprint == key.fingerprint


def test_after_a_failure_credentials_are_taken_anew(key: SealingKey, plain: Raw) -> None:
    made: list[str] = []

    def renewed(kind: str) -> KeyService:
        made.append(kind)
        return Away() if len(made) == 1 else Reversing()

    wrapping = Wrapping(parse_all([VAULT]), [], renewed, naming="", identifying="")
    with pytest.raises(NotReady):
        wrapping.check()
    wrapping.check()
    assert wrapping.open(read(wrapping.wrapped(plain, key))).fingerprint == key.fingerprint
    assert made == ["hc_vault", "hc_vault"]


@pytest.mark.parametrize("change", [{"namespace": "away"}, {"name": "key-2"}])
def test_a_wrapped_key_is_bound_to_its_secret(make: Make, key: SealingKey, plain: Raw, change: Raw) -> None:
    wrapping = make(VAULT)
    wrapped = wrapping.wrapped(plain, key)
    moved = {**wrapped, "metadata": {**wrapped["metadata"], **change}}
    with pytest.raises(PrivateKeyError, match="was changed, or belongs to another Secret"):
        wrapping.open(read(moved))


def test_a_wrapped_key_is_bound_to_its_certificate(
    make: Make, key: SealingKey, plain: Raw, make_key: Callable[..., SealingKey]
) -> None:
    wrapping = make(VAULT)
    wrapped = wrapping.wrapped(plain, key)
    other = raw_secret(make_key(), "key-1", "home")["data"]["tls.crt"]
    with pytest.raises(PrivateKeyError, match="belongs to another Secret"):
        wrapping.open(read({**wrapped, "data": {**wrapped["data"], "tls.crt": other}}))


def test_another_private_key_under_a_certificate_is_refused(
    make: Make, key: SealingKey, make_key: Callable[..., SealingKey]
) -> None:
    """Even from somebody who has the wrapping key."""
    mixed = SealingKey(make_key().private_key, key.certificate)
    raw = raw_secret(mixed, "key-1", "home")
    with pytest.raises(PrivateKeyError):
        make(VAULT).wrapped(raw, mixed)


@pytest.mark.parametrize("place", [0, -1])
def test_a_changed_byte_is_found(make: Make, key: SealingKey, plain: Raw, place: int) -> None:
    wrapping = make(VAULT)
    wrapped = wrapping.wrapped(plain, key)
    sealed = bytearray(base64.b64decode(json.loads(base64.b64decode(wrapped["data"]["tls.key"]))["sealed"]))
    sealed[place] ^= 1
    for damaged in (bytes(sealed), bytes(sealed[:-1]), b""):
        with pytest.raises(PrivateKeyError, match="was changed"):
            wrapping.open(read(holding(wrapped, sealed=base64.b64encode(damaged).decode())))


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 2},
        {"version": True, "keys": []},
        {"keys": []},
        {"keys": {}},
        {"keys": [{"with": VAULT, "enc": "x"}] * (LIMIT_KEYS + 1)},
        {"keys": ["x"]},
        {"keys": [{"with": VAULT}]},
        {"keys": [{"with": VAULT, "enc": 1}]},
        {"keys": [{"with": "ftp:x", "enc": "x"}]},
        {"keys": [{"with": "age:age1x", "enc": "x"}]},
        {"sealed": None},
        {"sealed": "%"},
        {"sealed": "é"},
    ],
)
def test_a_form_that_is_none_is_refused(make: Make, key: SealingKey, plain: Raw, changes: Raw) -> None:
    wrapped = make(VAULT).wrapped(plain, key)
    with pytest.raises(KsealError):
        read(holding(wrapped, **changes))


@pytest.mark.parametrize("text", [b"{", b"{" * 100_000, b"{}", b"{\xff}", b"{" + b" " * LIMIT_BYTES])
def test_hostile_texts_are_refused_quickly(make: Make, key: SealingKey, plain: Raw, text: bytes) -> None:
    raw = with_text(plain, text)
    assert is_wrapped(raw)
    with pytest.raises(PrivateKeyError):
        read(raw)


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.sampled_from(["tls.key", "tls.crt"]), st.none() | st.text(max_size=60) | st.integers()))
def test_whatever_a_secret_holds_ends_in_an_answer(data: Raw) -> None:
    raw = {"metadata": {"name": "x", "namespace": "y"}, "data": data}
    if is_wrapped(raw):
        with pytest.raises((PrivateKeyError, CertificateError)):
            read(raw)


def test_a_copy_of_a_wrapped_secret_does_not_pass_for_a_backup(
    make: Make, key: SealingKey, plain: Raw, tmp_path: Path
) -> None:
    (tmp_path / "kept.json").write_text(json.dumps(make(VAULT).wrapped(plain, key)))
    with pytest.raises(KsealError, match="the key is wrapped") as caught:
        keyfiles.read([str(tmp_path / "kept.json")], example="")
    assert "kseal keys backup" in (caught.value.hint or "")


def test_a_retired_key_stays_retired(make: Make, key: SealingKey, plain: Raw) -> None:
    plain["metadata"]["labels"][LABEL] = "retired"
    wrapped = make(VAULT).wrapped(plain, key)
    assert wrapped["metadata"]["labels"][LABEL] == "retired"
    assert with_plain(wrapped, key) == plain


@pytest.mark.parametrize(
    "text",
    [
        RECIPIENT,
        "age:",
        "age:age1x",
        "age:ssh-ed25519 AAAA",
        "age:age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t",
        "vault:https://x",
        "aws-kms:alias/x",
        "gcp:x",
        "vault:https://x/v1/transit/keys/a\nb",
    ],
)
def test_what_names_no_wrapping_key_is_refused(text: str) -> None:
    with pytest.raises(KsealError):
        parse_all([text])


def test_lists_of_wrapping_keys_are_read_once_each_and_written_as_they_were() -> None:
    arn = "aws-kms:arn:aws:kms:eu-west-1:1:key/x+arn:aws:iam::1:role/y"
    assert [written(key) for key in parse_all([f"age:{RECIPIENT},{VAULT}", f" {VAULT} , {arn}"])] == [
        f"age:{RECIPIENT}",
        VAULT,
        arn,
    ]
    with pytest.raises(KsealError, match="more than 8"):
        parse_all([f"{VAULT}{number}" for number in range(LIMIT_KEYS + 1)])
