"""Age keys of every kind between the real sops, the real age and ours, both ways."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.errors import KsealError
from sealer.sops.recipients import bech32, spelling
from sealer.sops.recipients.age import AgeService
from sealer.sops.recipients.base import MasterKey
from sealer.sops.recipients.lookup import Lookup
from tests.kit import real
from tests.kit.sopsexchange import PLAIN, Exchange

pytestmark = pytest.mark.interop

_PLUGIN = f"""#!{sys.executable}
\"\"\"An age plug-in whose key is one fixed mask, in the protocol of C2SP age-plugin.md.\"\"\"
import base64, sys

def lines():
    for line in sys.stdin:
        yield line.rstrip("\\n")

def stanzas(source):
    for line in source:
        words, body = line.split(" ")[1:], ""
        for part in source:
            body += part
            if len(part) < 64:
                break
        yield words, base64.b64decode(body + "=" * (-len(body) % 4))

def say(*words, body=b""):
    print("->", *words)
    print(base64.b64encode(body).decode().rstrip("="), flush=True)

def masked(data):
    return bytes(byte ^ 0x5A for byte in data)

source = stanzas(lines())
found = []
for words, body in source:
    if words[0] == "done":
        break
    found.append((words, body))
for words, body in found:
    if words[0] == "wrap-file-key":
        say("recipient-stanza", "0", "masked", body=masked(body))
        next(source)
    if words[0] == "recipient-stanza" and words[2] == "masked":
        say("file-key", "0", body=masked(body))
        next(source)
say("done")
"""


@pytest.fixture
def keygen() -> Callable[..., tuple[str, str]]:
    """Makes an identity and its recipient with the real age-keygen."""
    program = real.require("age-keygen")

    def make(*flags: str) -> tuple[str, str]:
        done = subprocess.run([program, *flags], capture_output=True, text=True, check=True)
        comment, identity = done.stdout.splitlines()[1:3]
        return identity, comment.removeprefix("# public key: ")

    return make


def both_ways(exchange: Exchange, recipient: str) -> None:
    """What sops encrypts we read, and what we encrypt sops reads, with the identities of its environment."""
    services = {"age": AgeService(Lookup(exchange.environ))}
    assert exchange.we_read(exchange.theirs("--age", recipient), services) == PLAIN
    data = exchange.ours([[spelling.parse("age", recipient)]], services)
    assert exchange.they_read(data) == PLAIN
    assert [key.text("recipient") for key in exchange.keys_of(data)[0]] == [recipient]


@pytest.mark.parametrize("flags", [(), ("-pq",)], ids=["x25519", "hybrid"])
def test_keys_of_age_itself(keygen: Callable[..., tuple[str, str]], tmp_path: Path, flags: tuple[str, ...]) -> None:
    identity, recipient = keygen(*flags)
    both_ways(Exchange(tmp_path, {"SOPS_AGE_KEY": identity}), recipient)
    (tmp_path / "keys.txt").write_text(f"# comment\n\n{identity}\n")
    both_ways(Exchange(tmp_path, {"SOPS_AGE_KEY_FILE": str(tmp_path / "keys.txt")}), recipient)
    both_ways(Exchange(tmp_path, {"SOPS_AGE_KEY_CMD": f"cat '{tmp_path}/keys.txt'"}), recipient)


@pytest.mark.parametrize(
    "flags", [("-t", "ed25519"), ("-t", "rsa", "-b", "2048"), ("-t", "rsa", "-b", "2048", "-m", "PEM")]
)
def test_ssh_keys(tmp_path: Path, flags: tuple[str, ...]) -> None:
    path = tmp_path / ".ssh" / ("id_ed25519" if "ed25519" in flags else "id_rsa")
    path.parent.mkdir()
    subprocess.run(["ssh-keygen", "-q", *flags, "-N", "", "-f", path], check=True)
    recipient = path.with_suffix(".pub").read_text().strip()
    both_ways(Exchange(tmp_path), recipient)
    path.rename(tmp_path / "key")
    both_ways(Exchange(tmp_path, {"SOPS_AGE_SSH_PRIVATE_KEY_FILE": str(tmp_path / "key")}), recipient)


def test_plug_ins(tmp_path: Path) -> None:
    plugin = tmp_path / "age-plugin-masked"
    plugin.write_text(_PLUGIN)
    plugin.chmod(0o700)
    identity = bech32.encode("age-plugin-masked-", b"any").upper()
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    with pytest.MonkeyPatch.context() as patch:  # pyrage looks for plug-ins on the PATH of the process
        patch.setenv("PATH", path)
        both_ways(Exchange(tmp_path, {"PATH": path, "SOPS_AGE_KEY": identity}), bech32.encode("age1masked", b"any"))


@pytest.mark.parametrize("flags", [(), ("-pq",)], ids=["x25519", "hybrid"])
def test_age_itself_reads_ours_and_we_read_its(
    keygen: Callable[..., tuple[str, str]], tmp_path: Path, flags: tuple[str, ...]
) -> None:
    age, (identity, recipient) = real.require("age"), keygen(*flags)
    (tmp_path / "keys.txt").write_text(identity)
    service = AgeService(Lookup({"SOPS_AGE_KEY": identity}))
    key = MasterKey("age", {"recipient": recipient})
    for size in (0, 1, 32, 33, 1000):
        data = bytes(size)
        ours = service.wrap(key, data)
        opened = subprocess.run(
            [age, "-d", "-i", tmp_path / "keys.txt"], input=ours.encode(), capture_output=True, check=True
        )
        assert opened.stdout == data
        theirs = subprocess.run([age, "-a", "-r", recipient], input=data, capture_output=True, check=True).stdout
        assert service.unwrap(key.wrapping(theirs.decode(), "")) == data
        assert [len(line) for line in ours.splitlines()] == [len(line) for line in theirs.decode().splitlines()]


def test_key_groups_with_a_threshold(keygen: Callable[..., tuple[str, str]], tmp_path: Path) -> None:
    made = [keygen() for _ in range(3)]
    groups = [[spelling.parse("age", recipient)] for _, recipient in made]
    environ = {"SOPS_AGE_KEY": f"{made[0][0]} {made[2][0]}"}
    exchange = Exchange(tmp_path, environ)
    services = {"age": AgeService(Lookup(environ))}
    data = exchange.ours(groups, services, threshold=2)
    assert exchange.they_read(data) == PLAIN
    rules = "".join(f"    - age: [{recipient}]\n" for _, recipient in made)
    config = f"creation_rules:\n- shamir_threshold: 2\n  key_groups:\n{rules}"
    (tmp_path / ".sops.yaml").write_text(config)
    theirs = exchange.theirs()
    assert len(exchange.keys_of(theirs)) == 3
    assert exchange.we_read(theirs, services) == PLAIN
    with pytest.raises(KsealError, match="2 key groups are needed, and 1 opened"):
        exchange.we_read(theirs, {"age": AgeService(Lookup({"SOPS_AGE_KEY": made[0][0]}))})
