"""Key services between the real sops and ours: its client at our server, ours at its."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import KsealError
from sealer.sops.recipients import spelling
from sealer.sops.recipients.age import AgeService
from sealer.sops.recipients.keyserver import KeyServer
from sealer.sops.recipients.lookup import Given, Lookup
from sealer.sops.recipients.remote import RemoteKeys
from tests.kit.process import Nest, free_port
from tests.kit.sopsexchange import PLAIN, Exchange

pytestmark = pytest.mark.interop
pytest.importorskip("grpc")
pyrage = pytest.importorskip("pyrage")
IDENTITY = pyrage.x25519.Identity.generate()
RECIPIENT = str(IDENTITY.to_public())


@pytest.fixture
def nest() -> Iterator[Nest]:
    with Nest("keyservice") as place:
        yield place


@pytest.mark.parametrize("network", ["tcp", "unix"])
def test_the_real_sops_asks_our_server(tmp_path: Path, network: str) -> None:
    exchange = Exchange(tmp_path)
    server = KeyServer({"age": AgeService(Lookup({"SOPS_AGE_KEY": str(IDENTITY)}))})
    uri = server.start(network, str(tmp_path / "socket") if network == "unix" else "127.0.0.1:0")
    flags = ["--enable-local-keyservice=false", "--keyservice", uri]
    data = exchange.theirs("--age", RECIPIENT, *flags)
    assert exchange.they_read(data, *flags) == PLAIN
    done = exchange.run("decrypt", *flags, "input.json", given=data.replace(RECIPIENT.encode(), b"age1x"))
    server.stop()
    assert done.returncode == 0, "the recipient is not needed to decrypt"


def test_the_real_sops_hears_why_our_server_refuses(tmp_path: Path) -> None:
    exchange = Exchange(tmp_path, {"SOPS_AGE_KEY": str(IDENTITY)})
    server = KeyServer({"age": AgeService(Given({}))})
    uri = server.start("tcp", "127.0.0.1:0")
    data = exchange.theirs("--age", RECIPIENT)
    done = exchange.run("decrypt", "--enable-local-keyservice=false", "--keyservice", uri, "input.json", given=data)
    server.stop()
    assert done.returncode == 128
    assert b"no age identity found" in done.stderr


@pytest.mark.parametrize("network", ["tcp", "unix"])
def test_we_ask_the_server_of_the_real_sops(nest: Nest, tmp_path: Path, network: str) -> None:
    exchange = Exchange(tmp_path)
    address = str(nest.folder / "socket") if network == "unix" else f"127.0.0.1:{free_port()}"
    command = [exchange.program, "keyservice", "--network", network, "--address", address]
    environment = {**nest.bare_environment(), "SOPS_AGE_KEY": str(IDENTITY), "SOPS_DISABLE_VERSION_CHECK": "true"}
    process = nest.start("sops", command, env=environment)
    client = RemoteKeys(f"{network}://{address}")
    key = spelling.parse("age", RECIPIENT)

    def answers() -> bool:
        try:
            client.wrap(key, b"data")
        except KsealError:
            return False
        return True

    process.wait_ready(answers)
    data = exchange.ours([[key]], {"age": client})
    assert exchange.we_read(data, {"age": client}) == PLAIN
    with pytest.raises(KsealError, match=f"key service {network}:.*failed to"):
        client.unwrap(key.wrapping("nonsense", ""))
    client.close()
