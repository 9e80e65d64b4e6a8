"""A key service speaks SOPS's own protocol, and hostile messages are refused. The real sops: tests/interop."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import KsealError
from engine.sensitive import Sensitive
from sealer.sops.recipients import keymessages
from sealer.sops.recipients.base import FIELDS, Field, MasterKey
from sealer.sops.recipients.keymessages import BadMessage
from sealer.sops.recipients.keyserver import KeyServer
from sealer.sops.recipients.remote import InTurn, RemoteKeys

pytest.importorskip("grpc")


class Reversing:
    """Wraps by turning around."""

    def wrap(self, key: MasterKey, data: bytes) -> str:
        return f"{key.identity} {data[::-1].hex()}"

    def unwrap(self, key: MasterKey) -> bytes:
        identity, _, text = key.enc.rpartition(" ")
        if identity != key.identity:
            raise KsealError(f"{key.identity} did not wrap this")
        return bytes.fromhex(text)[::-1]


class Decided:
    """A person who always says the same."""

    def __init__(self, answer: bool | None) -> None:
        self.answer = answer
        self.asked: list[str] = []

    def secret(self, prompt: str) -> Sensitive | None:
        raise AssertionError(prompt)

    def text(self, prompt: str) -> str | None:
        raise AssertionError(prompt)

    def confirm(self, prompt: str, yes: str, no: str | None) -> bool | None:
        assert (yes, no) == ("y", "n")
        self.asked.append(prompt)
        return self.answer

    def tell(self, message: str) -> None:
        raise AssertionError(message)


KEYS = [
    MasterKey(kind, {name: {"b": "2", "a": "1"} if name == "context" else f"{kind} {name}" for name in names})
    for kind, names in FIELDS.items()
]


@pytest.fixture
def server() -> Iterator[KeyServer]:
    serving = KeyServer(dict.fromkeys(FIELDS, Reversing()))
    yield serving
    serving.stop()


@pytest.mark.parametrize("network", ["tcp", "unix"])
def test_every_kind_of_key_is_served_with_all_its_fields(server: KeyServer, tmp_path: Path, network: str) -> None:
    socket = tmp_path / "s"
    client = RemoteKeys(server.start(network, str(socket) if network == "unix" else "127.0.0.1:0"))
    for key in KEYS:
        enc = client.wrap(key, b"\x00data")
        assert enc.startswith(key.identity)
        assert client.unwrap(key.wrapping(enc, "")) == b"\x00data"
    client.close()
    if network == "unix":
        assert socket.stat().st_mode & 0o777 == 0o600


def test_a_refusal_is_told_by_the_client(server: KeyServer) -> None:
    uri = server.start("tcp", "127.0.0.1:0")
    client = RemoteKeys(uri)
    with pytest.raises(KsealError, match=f"key service {uri}: age recipient did not wrap this"):
        client.unwrap(KEYS[-1].wrapping("else 00", ""))
    client.close()


def test_kinds_that_are_not_served_and_people_who_say_no(tmp_path: Path) -> None:
    person = Decided(None)
    server = KeyServer({"age": Reversing()}, person=person)
    client = RemoteKeys(server.start("unix", str(tmp_path / "s")))
    with pytest.raises(KsealError, match="Unknown key type"):
        client.wrap(KEYS[0], b"data")
    with pytest.raises(KsealError, match="Request rejected by user"):
        client.wrap(KEYS[-1], b"data")
    person.answer = True
    assert client.wrap(KEYS[-1], b"data")
    assert person.asked == ["use the age key age recipient?"] * 2
    client.close()
    server.stop()


def test_nobody_at_the_address_and_no_address_are_told(tmp_path: Path) -> None:
    client = RemoteKeys(f"unix://{tmp_path}/nobody")
    with pytest.raises(KsealError, match="key service unix:"):
        client.wrap(KEYS[0], b"data")
    client.close()
    for wrong in ("", "localhost:5000", "tcp://", "unix://relative", "http://x"):
        with pytest.raises(KsealError, match="is no address of a key service"):
            RemoteKeys(wrong)


def test_an_address_that_is_taken_is_told(server: KeyServer) -> None:
    uri = server.start("tcp", "127.0.0.1:0")
    other = KeyServer({})
    with pytest.raises(KsealError, match="cannot listen on tcp"):
        other.start("tcp", uri.removeprefix("tcp://"))
    with pytest.raises(KsealError, match='cannot listen on "udp"'):
        other.start("udp", "127.0.0.1:0")
    other.stop()


def test_services_are_asked_in_turn() -> None:
    class Away:
        def wrap(self, key: MasterKey, data: bytes) -> str:
            raise KsealError("away", f"wait for {key.kind}, {len(data)}")

        def unwrap(self, key: MasterKey) -> bytes:
            raise KsealError("away", f"wait for {key.kind}")

    both = InTurn([Away(), Reversing()])
    key = KEYS[-1].wrapping(both.wrap(KEYS[-1], b"data"), "")
    assert both.unwrap(key) == b"data"
    with pytest.raises(KsealError, match=r"^away$") as caught:
        InTurn([Away(), Away()]).unwrap(key)
    assert caught.value.hint == "wait for age"
    with pytest.raises(KsealError, match="no key service"):
        InTurn([]).wrap(key, b"data")


def test_one_of_several_services_completes_a_key() -> None:
    class Newest(Reversing):
        def resolve(self, key: MasterKey) -> dict[str, Field]:
            return {**key.fields, "version": "7"}

    assert InTurn([Reversing(), Newest()]).resolve(KEYS[3])["version"] == "7"
    assert InTurn([Reversing()]).resolve(KEYS[3]) == KEYS[3].fields


@settings(max_examples=50)
@given(st.sampled_from(KEYS), st.binary(max_size=40))
def test_messages_come_back_and_unknown_fields_are_skipped(key: MasterKey, data: bytes) -> None:
    unknown = b"\x78\x96\x01" + b"\x81\x01" + bytes(8) + b"\x85\x01" + bytes(4) + b"\x8a\x01\x02zz"
    read, given = keymessages.read_request(unknown + keymessages.request(key, data) + unknown)
    assert (read.kind, read.fields, given) == (key.kind, key.fields, data)
    assert keymessages.read_answer(keymessages.answer(data)) == data


@settings(max_examples=50)
@given(st.binary(max_size=60))
def test_any_bytes_are_a_message_or_refused(message: bytes) -> None:
    try:
        key, _ = keymessages.read_request(message)
    except BadMessage:
        return
    assert key.kind in FIELDS


@pytest.mark.parametrize("message", [b"", b"\x0a\x00", b"\x0a\x05\x0a", b"\x0a\x02\x42\x00", b"\xff" * 12, b"\x0b"])
def test_what_is_no_request_is_refused(message: bytes) -> None:
    with pytest.raises(BadMessage):
        keymessages.read_request(message)
