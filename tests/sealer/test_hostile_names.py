"""Names that steer a terminal, and links that lead out of a tree: what the verbs say and touch."""

import io
import json
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from sealer.cli import main
from sealer.keys import SealingKey
from sealer.sealedsecret import seal_secret

STEERING = "db\x1b]0;owned\x07\x1b[2J\u202e\r\n"

Call = Callable[..., tuple[int, str]]


class Binary(io.StringIO):
    """Standard output, of which the program uses the bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.buffer = io.BytesIO()


@pytest.fixture
def call(tmp_path: Path, key: SealingKey, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Run a command line in a folder with certificate and key: exit code, and what was said to the person."""
    assert key.certificate is not None
    (tmp_path / "cert.pem").write_bytes(key.certificate.pem)
    (tmp_path / "key.pem").write_bytes(key.private_pem().reveal())
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> tuple[int, str]:
        errors = io.StringIO()
        with redirect_stdout(Binary()), redirect_stderr(errors):
            code = main.call(words, {})
        return code, errors.getvalue()

    return call


def secret(name: str, **fields: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "shop"}} | fields


def sealed(name: str) -> dict[str, Any]:
    spec = {"encryptedData": {name: "QUFB"}}
    return {"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "metadata": {"name": name}, "spec": spec}


HOSTILE = {
    "a name": secret(STEERING, stringData={"a": "b"}),
    "an item": secret("db", stringData={STEERING: "b"}),
    "a type": secret("db", stringData={"a": "b"}, type=STEERING),
    "a kind": {"apiVersion": "v1", "kind": STEERING, "metadata": {"name": "db"}},
    "a version": {"apiVersion": STEERING, "kind": "Secret", "metadata": {"name": "db"}},
    "a label": secret("db") | {"metadata": {"name": "db", "labels": {STEERING: 1}}},
    "a sealed item": sealed(STEERING),
}
VERBS = (
    ("seal", "--cert", "cert.pem"),
    ("unseal", "-k", "key.pem"),
    ("verify", "-k", "key.pem"),
    ("rotate", "-k", "key.pem"),
)


@pytest.mark.parametrize("verb", VERBS, ids=lambda words: words[0])
@pytest.mark.parametrize("place", HOSTILE)
def test_nothing_that_is_said_steers_the_terminal(call: Call, verb: tuple[str, ...], place: str) -> None:
    Path("in.json").write_text(json.dumps(HOSTILE[place]))
    _, said = call(*verb, "in.json")
    assert all(line.startswith("kseal: ") and line.isprintable() for line in said.splitlines())


@pytest.mark.parametrize("verb", VERBS, ids=lambda words: words[0])
def test_the_name_of_a_file_does_not_either(call: Call, verb: tuple[str, ...]) -> None:
    Path(f"x{STEERING}.json").write_text("{ SealedSecret bitnami.com")
    for name in (f"x{STEERING}.json", f"missing{STEERING}.json"):
        code, said = call(*verb, name)
        assert code == 1
        assert "\\x1b" in said
        assert all(line.startswith("kseal: ") and line.isprintable() for line in said.splitlines())


@pytest.mark.parametrize(
    "words",
    [("seal", "--cert", "cert.pem", "--in-place", "--recursive", "tree"), ("rotate", "-k", "new.pem,key.pem", "tree")],
    ids=lambda words: words[0],
)
def test_no_link_leads_out_of_a_tree(
    call: Call, words: tuple[str, ...], key: SealingKey, make_key: Callable[..., SealingKey]
) -> None:
    newer = make_key()
    Path("new.pem").write_bytes(newer.private_pem().reveal())
    plain = secret("db", stringData={"a": "b"})
    text = json.dumps(plain if words[0] == "seal" else seal_secret(plain, key.private_key.public_key()))
    outside = Path("outside")
    outside.mkdir()
    (outside / "db.json").write_text(text)
    tree = Path("tree")
    tree.mkdir()
    (tree / "file.json").symlink_to("../outside/db.json")
    (tree / "folder").symlink_to("../outside")
    (tree / "loop").symlink_to(".")
    (tree / "own.json").write_text(text)
    assert newer.certificate is not None
    Path("new-cert.pem").write_bytes(newer.certificate.pem)
    extra = ("--cert", "new-cert.pem") if words[0] == "rotate" else ()
    code, said = call(*words, *extra)
    assert code == 0, said
    assert (outside / "db.json").read_text() == text
    assert (tree / "own.json").read_text() != text, "what belongs to the tree is worked on"
    assert (tree / "file.json").is_symlink()
