"""Files published by the original and by ours: to secrets of a real OpenBao, and to a bucket on moto."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.kit.moto import REGION, Moto
from tests.kit.openbao import TOKEN, OpenBao

boto3 = pytest.importorskip("boto3")
hvac = pytest.importorskip("hvac")
pytestmark = pytest.mark.interop

OURS = [sys.executable, "-c", "import sys; from sealer.cli.main import main; sys.argv[0] = 'sops'; main()"]
PLAIN = "a: 1\nb: [x, true, null]\nc:\n    # note\n    d: 1.5\n"
RULES = """\
destination_rules:
  - path_regex: v1
    vault_path: apps
    vault_kv_mount_name: kv
    vault_kv_version: 1
    omit_extensions: true
  - path_regex: vault
    vault_path: apps/
  - path_regex: again
    s3_bucket: published
    recreation_rule: {age: AGE_TWO}
  - path_regex: bucket
    s3_bucket: published
    s3_prefix: in/
  - path_regex: nowhere
    s3_bucket: missing
"""


@pytest.fixture(scope="module")
def bao() -> Iterator[OpenBao]:
    with OpenBao() as server:
        server.write("sys/mounts/kv", {"type": "kv", "options": {"version": "1"}})
        yield server


@pytest.fixture(scope="module")
def moto() -> Iterator[Moto]:
    with Moto() as server:
        yield server


class Publisher:
    """A folder with encrypted files and rules, and either program in it."""

    def __init__(self, folder: Path, program: Callable[[str], Path]) -> None:
        said = [subprocess.check_output([program("age-keygen")], stderr=subprocess.DEVNULL).decode() for _ in range(2)]
        one, two = (text.partition("public key: ")[2].partition("\n")[0] for text in said)
        self.folder, self.original = folder, program("sops")
        secrets = "\n".join(line for text in said for line in text.splitlines() if line.startswith("AGE-"))
        self.environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "SOPS_AGE_KEY": secrets, "VAULT_TOKEN": TOKEN}
        for name in ("vault.yaml", "v1.yaml", "bucket.yaml", "again.yaml", "nowhere.yaml", "elsewhere.yaml"):
            (folder / name).write_text(PLAIN)
            self.run([self.original], "encrypt", "-i", "--age", one, name)
        (folder / ".sops.yaml").write_text(RULES.replace("AGE_TWO", two))
        (folder / "vault-plain.yaml").write_text(PLAIN)

    def run(
        self, program: list[Path] | list[str], *words: str, stdin: bytes = b""
    ) -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run(
            [*program, *words],
            cwd=self.folder,
            env=self.environ,
            input=stdin,
            capture_output=True,
            timeout=60,
            check=False,
        )

    def both(self, *words: str, stdin: bytes = b"") -> "list[subprocess.CompletedProcess[bytes]]":
        return [self.run(program, *words, stdin=stdin) for program in ([str(self.original)], OURS)]


@pytest.fixture
def publisher(tmp_path: Path, program: Callable[[str], Path]) -> Publisher:
    return Publisher(tmp_path, program)


@pytest.mark.parametrize(("name", "path"), [("vault.yaml", "secret/data/apps/vault.yaml"), ("v1.yaml", "kv/apps/v1")])
def test_values_become_a_secret_of_vault(publisher: Publisher, bao: OpenBao, name: str, path: str) -> None:
    publisher.environ["VAULT_ADDR"] = bao.address
    client = hvac.Client(bao.address, TOKEN)
    done = publisher.run(OURS, "publish", "--yes", name)
    assert done.returncode == 0, done.stderr
    data = client.read(path)["data"]
    values = data["data"] if "data/" in path else data
    assert values == {"a": 1, "b": ["x", True, None], "c": {"d": 1.5}}
    version = json.dumps(data.get("metadata"))
    assert publisher.run(OURS, "publish", "--yes", name).returncode == 0
    again = client.read(path)["data"]
    assert json.dumps(again.get("metadata")) == version, "what is there is not written again"
    assert publisher.run([publisher.original], "publish", "--yes", name).returncode == 0
    theirs = client.read(path)["data"]
    assert {**theirs, "metadata": None} == {**again, "metadata": None}


def test_a_file_becomes_an_object_of_s3_for_the_readers_of_its_rule(publisher: Publisher, moto: Moto) -> None:
    publisher.environ |= {**moto.environ, "AWS_REGION": REGION}
    client = boto3.client(
        "s3", endpoint_url=moto.address, region_name=REGION, aws_access_key_id="t", aws_secret_access_key="t"
    )
    client.create_bucket(Bucket="published", CreateBucketConfiguration={"LocationConstraint": REGION})
    for name in ("bucket.yaml", "again.yaml"):
        done = publisher.run(OURS, "publish", "--yes", name)
        assert done.returncode == 0, done.stderr
    as_it_was = client.get_object(Bucket="published", Key="in/bucket.yaml")["Body"].read()
    assert as_it_was == (publisher.folder / "bucket.yaml").read_bytes()
    anew = client.get_object(Bucket="published", Key="again.yaml")["Body"].read()
    assert anew != (publisher.folder / "again.yaml").read_bytes()
    (publisher.folder / "read.yaml").write_bytes(anew)
    assert publisher.run([publisher.original], "decrypt", "read.yaml").stdout.decode().startswith("a: 1\n")
    missing = publisher.run(OURS, "publish", "--yes", "nowhere.yaml")
    assert missing.returncode == 1
    assert b"NoSuchBucket" in missing.stderr


@pytest.mark.parametrize(
    ("words", "stdin"),
    [
        ((), b""),
        (("missing.yaml",), b""),
        (("--yes", "elsewhere.yaml"), b""),
        (("--yes", "vault-plain.yaml"), b""),
        (("--yes", "."), b""),
        (("vault.yaml",), b"n\n"),
        (("vault.yaml",), b""),
    ],
)
def test_both_refuse_alike(publisher: Publisher, bao: OpenBao, words: tuple[str, ...], stdin: bytes) -> None:
    publisher.environ["VAULT_ADDR"] = bao.address
    theirs, ours = publisher.both("publish", *words, stdin=stdin)
    assert ours.returncode == theirs.returncode != 0
    assert ours.stdout == theirs.stdout
    assert ours.stderr
    assert theirs.stderr
