"""A thousand SealedSecrets in three hundred files: one commit of ciphertext, and the original opens what came out."""

import json
import re
import signal
import subprocess
import sys
import time
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from sealer.keys import SealingKey
from sealer.sealedsecret import seal_secret

pytestmark = [pytest.mark.slow, pytest.mark.interop]
FILES, OBJECTS = 300, 1000
ENTRY = "from sealer.cli.main import main; main()"


def value(number: int) -> str:
    return f"value {number} é"


def make_sealed(number: int, key: SealingKey) -> dict[str, Any]:
    raw = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": f"s{number}", "namespace": "shop"},
        "stringData": {"password": value(number), "user": "root"},
    }
    return seal_secret(raw, key.private_key.public_key())


def write(path: Path, number: int, objects: list[dict[str, Any]]) -> None:
    """Every file in one of six styles, with comments between the documents."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if number % 6 == 0:
        path.with_suffix(".json").write_text(
            json.dumps({"kind": "List", "apiVersion": "v1", "items": objects}, indent=2)
        )
        return
    styles: dict[str, Any] = {"default_style": (None, '"', "'", "|", ">")[number % 5], "width": 10_000}
    documents = [yaml.safe_dump(one, sort_keys=number % 2 == 0, **styles) for one in objects]
    path.write_text("# of the team\n" + "--- # next\n".join([*documents, "kind: ConfigMap\n"]))


@pytest.mark.timeout(280)
def test_a_thousand_in_one_commit_also_after_a_kill(
    make_key: Callable[..., SealingKey], program: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = make_key(60), make_key(1)
    for key, name in ((old, "old"), (new, "new")):
        assert key.certificate is not None
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name},
            "stringData": {"tls.key": key.private_pem().reveal().decode(), "tls.crt": key.certificate.pem.decode()},
        }
        (tmp_path / f"{name}.json").write_text(json.dumps(secret))
    (tmp_path / "new.pem").write_bytes(new.private_pem().reveal())
    clone = tmp_path / "clone"

    def git(*words: str) -> str:
        command = [program("git"), "-C", clone, "-c", "user.name=x", "-c", "user.email=x@example.org", *words]
        return subprocess.run(command, capture_output=True, check=True, text=True).stdout

    subprocess.run([program("git"), "init", "--quiet", clone], check=True)
    sealed = [make_sealed(number, old) for number in range(OBJECTS)]
    for number in range(FILES):
        write(clone / f"team{number % 7}" / f"app{number}.yaml", number, sealed[number::FILES])
    git("add", "--all")
    git("commit", "--quiet", "--message=before")
    command = [sys.executable, "-c", ENTRY, "rotate", f"-k{tmp_path}/old.json,{tmp_path}/new.json"]
    command = [*command, "--commit", "."]

    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    running = subprocess.Popen(command, cwd=clone, stdout=subprocess.DEVNULL)
    journal = clone / ".git" / "kseal-rotation"
    while not (journal.exists() and journal.read_text().count("sha256") > FILES // 2) and running.poll() is None:
        time.sleep(0.001)
    running.send_signal(signal.SIGKILL)
    running.wait()
    assert 0 < len(git("diff", "--name-only").split()) < FILES
    subprocess.run(command, cwd=clone, check=True, stdout=subprocess.DEVNULL)

    assert git("rev-list", "--count", "HEAD") == "2\n"
    assert git("status", "--porcelain") == ""
    words = git("diff", "HEAD~1", "--word-diff=porcelain", "--word-diff-regex=[A-Za-z0-9+/=]+", "-U0").splitlines()
    changed = [word for word in words if word[:1] in "+-" and not word.startswith(("+++ ", "--- "))]
    assert len(changed) == 2 * 2 * OBJECTS
    assert all(re.fullmatch(r"[-+]A[A-Za-z0-9+/]{300,}={0,2}", word) for word in changed)
    assert subprocess.run(command, cwd=clone, check=True, capture_output=True).stdout == b""
    assert git("rev-list", "--count", "HEAD") == "2\n"

    objects = {one["metadata"]["name"]: one for one in _objects(clone)}
    assert len(objects) == OBJECTS
    for number in range(0, OBJECTS, OBJECTS // 25):
        unseal = [program("kubeseal"), "--recovery-unseal", f"--recovery-private-key={tmp_path}/new.pem", "-oyaml"]
        opened = subprocess.run(
            unseal, input=json.dumps(objects[f"s{number}"]).encode(), capture_output=True, check=True
        )
        data = {key: b64decode(text) for key, text in yaml.safe_load(opened.stdout)["data"].items()}
        assert data == {"password": value(number).encode(), "user": b"root"}


def _objects(clone: Path) -> list[dict[str, Any]]:
    found = []
    for path in clone.glob("team*/*"):
        for document in yaml.safe_load_all(path.read_text()):
            found += document["items"] if document["kind"] == "List" else [document]
    return [one for one in found if one["kind"] == "SealedSecret"]
