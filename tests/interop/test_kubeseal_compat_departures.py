"""Where `kubeseal` of ours does otherwise than the original on purpose; docs/kubeseal.md says why."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sealer.errors import UnsealError
from tests.kit.kubesealground import SECRET, KubesealGround, open_ground

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def ground(program: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubesealGround]:
    with open_ground(tmp_path_factory.mktemp("ground"), program("kubeseal")) as ground:
        yield ground


def test_merging_keeps_the_form_and_the_comments_of_the_file(ground: KubesealGround) -> None:
    words = ["--cert", "cert.pem", "--merge-into", "described.yaml", "-f", "rich.yaml"]
    original, ours = ground.both(words)
    assert original.written["described.yaml"].startswith(b"{")
    assert ours.written["described.yaml"].startswith(b"# kept\napiVersion:")
    assert ground.plain(ours.written["described.yaml"]) == ground.plain(original.written["described.yaml"])
    asked = ground.run(True, [*words, "-o", "json"])
    assert asked.written["described.yaml"].startswith(b"{")


def test_merging_takes_the_scope_of_the_file(ground: KubesealGround) -> None:
    words = ["--cert", "cert.pem", "--merge-into", "described.json", "-f", "rich.yaml", "--scope", "cluster-wide"]
    original, ours = ground.both(words)
    (merged,) = ground.plain(ours.written["described.json"])
    assert merged["spec"]["encryptedData"]["both"] == b"two"
    assert "annotations" not in merged["metadata"]
    with pytest.raises(UnsealError, match="no key could decrypt secret"):
        ground.plain(original.written["described.json"])


def test_merging_into_a_file_without_labels_does_not_crash(ground: KubesealGround) -> None:
    original, ours = ground.both(["--cert", "cert.pem", "--merge-into", "sealed.json", "-f", "rich.yaml"])
    assert "panic" in original.error
    assert (ours.code, ours.error) == (0, "")
    (merged,) = ground.plain(ours.written["sealed.json"])
    assert merged["spec"]["template"]["metadata"]["labels"] == {"app": "db"}


@pytest.mark.parametrize(
    "text",
    [
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: db, namespace: shop}\ndata: {a: eA==}\n",
        json.dumps(SECRET) + "\n---\na: [\n---\n" + json.dumps(SECRET),
        json.dumps(SECRET) + json.dumps(SECRET) + "garbage",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: db, namespace: shop}\nstringData: {a: x, a: z}\n",
    ],
    ids=["another kind", "a broken document among good ones", "garbage behind objects", "a key twice"],
)
def test_what_would_be_lost_or_misread_is_an_error(text: str, ground: KubesealGround) -> None:
    ours = ground.run(True, ["--cert", "cert.pem"], text.encode())
    assert (ours.code, ours.output) == (1, b"")
    assert ours.error.startswith("error: ")


@pytest.mark.parametrize(
    ("field", "value", "becomes"),
    [("stringData", "0123", "83"), ("stringData", "1e3", "1000"), ("stringData", "yes", "true")],
    ids=["octal", "exponent", "a word of YAML 1.1"],
)
def test_a_number_is_no_text(field: str, value: str, becomes: str, ground: KubesealGround) -> None:
    """The original makes another text of it: whoever typed 0123 as a PIN gets 83."""
    text = f"apiVersion: v1\nkind: Secret\nmetadata: {{name: db, namespace: shop}}\n{field}: {{pin: {value}}}\n"
    original, ours = ground.both(["--cert", "cert.pem"], text.encode())

    (sealed,) = ground.plain(original.output)
    assert sealed["spec"]["encryptedData"] == {"pin": becomes.encode()}
    assert (ours.code, ours.output) == (1, b"")
    assert 'stringData["pin"]' in ours.error


@pytest.mark.parametrize(
    "changed",
    [
        {"metadata": {"name": "Data_Base", "namespace": "shop"}},
        {"data": {"pässword": "eA=="}},
        {"data": {"k" * 254: "eA=="}},
        {"apiVersion": "v2"},
        {"kind": "secret"},
    ],
    ids=["name", "letter of a key", "length of a key", "version", "kind"],
)
def test_what_the_api_would_refuse_is_not_sealed(changed: dict[str, Any], ground: KubesealGround) -> None:
    original, ours = ground.both(["--cert", "cert.pem"], json.dumps({**SECRET, **changed}).encode())
    assert original.code == 0
    assert (ours.code, ours.output) == (1, b"")
    assert ours.error.startswith("error: ")


def test_what_only_a_server_writes_is_left_out(ground: KubesealGround) -> None:
    metadata = {**SECRET["metadata"], "managedFields": [{"manager": "kubectl", "operation": "Update"}]}
    original, ours = ground.both(["--cert", "cert.pem"], json.dumps({**SECRET, "metadata": metadata}).encode())
    (theirs,), (sealed,) = ground.plain(original.output), ground.plain(ours.output)
    assert theirs["spec"]["template"]["metadata"].pop("managedFields")
    assert sealed == theirs


def test_utf_16_is_read_by_its_mark(ground: KubesealGround) -> None:
    text = "apiVersion: v1\nkind: Secret\nmetadata: {name: db, namespace: shop}\nstringData: {a: über}\n"
    original, ours = ground.both(["--cert", "cert.pem"], text.encode("utf-16"))
    assert (original.code, original.output) == (1, b"")
    (sealed,) = ground.plain(ours.output)
    assert sealed["spec"]["encryptedData"] == {"a": "über".encode()}


def test_what_no_cluster_stores_is_not_sealed(ground: KubesealGround) -> None:
    many = {**SECRET, "data": {f"k{number}": "" for number in range(5000)}}
    original, ours = ground.both(["--cert", "cert.pem"], json.dumps(many).encode())
    assert original.code == 0
    assert len(original.output) > 1_572_864
    assert (ours.code, ours.output) == (1, b"")
    assert "more than the 1572864 of a stored object" in ours.error


def test_lists_are_taken_apart(ground: KubesealGround) -> None:
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": [SECRET, SECRET]})
    original, ours = ground.both(["--cert", "cert.pem"], text.encode())
    assert original.code == 1
    assert (ours.code, len(ground.plain(ours.output))) == (0, 2)


def test_recovery_of_nothing_is_an_error(ground: KubesealGround) -> None:
    original, ours = ground.both(["--recovery-unseal", "-f", "nothing", "--recovery-private-key", "key.pem"])
    assert (original.code, ours.code, ours.output) == (0, 1, b"")


def test_recovery_of_several_documents_is_an_error(ground: KubesealGround) -> None:
    line = ["--recovery-unseal", "-f", "sealed-two.yaml", "--recovery-private-key", "key.pem"]
    original, ours = ground.both(line)
    assert original.code == 0
    assert len(ground.plain(original.output)) == 1
    assert (ours.code, ours.output) == (1, b"")
    assert "one SealedSecret can be unsealed at a time" in ours.error


def test_merging_leaves_another_output_alone(ground: KubesealGround) -> None:
    line = ["--cert", "cert.pem", "--merge-into", "sealed.json", "-f", "secret.json", "-w", "out.json"]
    original, ours = ground.both(line)
    assert (original.code, original.written["out.json"]) == (0, b"")
    assert (ours.code, ours.written.get("out.json")) == (0, None)


def test_a_silent_server_is_waited_for_as_long_as_is_said(ground: KubesealGround) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        server = f"http://127.0.0.1:{silent.getsockname()[1]}"
        began = time.monotonic()
        ours = ground.run(True, ["--fetch-cert", f"--server={server}", "--request-timeout=1s"])
        assert time.monotonic() - began < 30
    assert (ours.code, ours.output) == (1, b"")
    assert ours.error.startswith("error: cannot get sealed secret service: ")
