"""Files of the real sops, built by the real kustomize, decrypted as a delivery does; PGP keys by the real gpg."""

import os
import re
import subprocess
import tempfile
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from providers import catalog
from sealer.sops.cluster_keys import ClusterKeys, SecretData
from sealer.sops.decryptor import Decryptor
from sealer.sops.errors import SopsError
from sealer.sops.markers import form_of, form_of_env
from tests.kit import real
from tests.kit.moto import REGION, Moto
from tests.kit.openbao import TOKEN, OpenBao
from tests.kit.sopsexchange import PLAIN, Exchange
from tests.kit.sopsprogram import Sops

pytestmark = pytest.mark.interop

SECRET = b"""# of the shop
apiVersion: v1
kind: Secret
metadata: {name: db}
stringData:
  # the first
  password: hunter2
  list: "[1, 2]"
data: {binary: //79}
"""
FILES = {
    "db.yaml": SECRET,
    "config.json": b'{"a": 1.5, "b": [true, null]}\n',
    "app.env": b"USER=app\nWORD=not\\na real one\n",
    "app.ini": b"[server]\nport = 80\n",
    "key.bin": bytes(range(256)),
    "patch.yaml": b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: plain}\ndata: {colour: blue}\n",
}
KUSTOMIZATION = """
namespace: shop
namePrefix: my-
commonAnnotations: {by: test}
generatorOptions: {disableNameSuffixHash: true}
resources: [db.yaml]
configMapGenerator: [{name: plain, literals: [colour=red]}]
secretGenerator:
- name: files
  files: [config.json, app.ini, raw=key.bin]
- name: variables
  envs: [app.env]
patches: [{path: patch.yaml}]
"""


@pytest.fixture
def source(tmp_path: Path) -> tuple[Sops, Path]:
    """A folder as somebody commits it, and the sops that encrypted its files."""
    sops, folder = Sops(tmp_path), tmp_path / "source"
    folder.mkdir()
    for name, data in FILES.items():
        flags = ["--encrypted-regex", "^(data|stringData)$"] if name.endswith(".yaml") else []
        form = {"env": "dotenv", "bin": "binary"}.get(name.rpartition(".")[2], name.rpartition(".")[2])
        (folder / name).write_bytes(sops.encrypt(data, form, *flags))
    (folder / "kustomization.yaml").write_text(KUSTOMIZATION)
    return sops, folder


def test_a_source_is_delivered_as_its_author_meant_it(source: tuple[Sops, Path]) -> None:
    sops, folder = source
    keys = SecretData("Secret/flux-system/keys", {"age.agekey": str(sops.identity).encode()})
    warnings: list[str] = []
    with ClusterKeys(keys) as services, Decryptor(services, warn=warnings.append, refuses_wrong_mac=True) as run:
        for name in ("config.json", "app.ini", "app.env", "patch.yaml"):
            path, form = folder / name, form_of_env(name) if name == "app.env" else form_of(name)
            path.write_bytes(run.file(path.read_bytes(), name, form))
        assert run.check((folder / "db.yaml").read_bytes(), "db.yaml")
        built = [dict(run.resource(raw)) for raw in _built(folder)]
    found = {raw["metadata"]["name"]: raw for raw in built}
    assert found["my-db"] == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "my-db", "namespace": "shop", "annotations": {"by": "test"}},
        "stringData": {"password": "hunter2", "list": "[1, 2]"},
        "data": {"binary": "//79"},
    }
    assert _items(found["my-files"]) == {
        "config.json": b'{\n\t"a": 1.5,\n\t"b": [\n\t\ttrue,\n\t\tnull\n\t]\n}\n',
        "app.ini": b"[server]\nport = 80\n",
        "raw": FILES["key.bin"],  # under a name that says binary, so it is the built Secret that is decrypted
    }
    # In a dotenv file a line break is written as two characters, and kustomize leaves them as they are.
    assert _items(found["my-variables"]) == {"USER": b"app", "WORD": b"not\\na real one"}
    assert found["my-plain"]["data"] == {"colour": "blue"}
    assert warnings == []


def test_what_sops_refuses_is_told_and_goes_on_as_in_flux(source: tuple[Sops, Path]) -> None:
    sops, folder = source
    path = folder / "db.yaml"
    path.write_text(path.read_text().replace("name: db", "name: other"))
    assert sops.run("decrypt", str(path)).returncode == 51
    keys = SecretData("Secret/flux-system/keys", {"age.agekey": str(sops.identity).encode()})
    warnings: list[str] = []
    with ClusterKeys(keys) as services, Decryptor(services, warn=warnings.append) as run:
        assert not run.check(path.read_bytes(), "db.yaml")
        raw = yaml.safe_load(path.read_text())
        assert run.resource(raw)["stringData"]["password"] == "hunter2"
    assert [warning.partition(":")[0] for warning in warnings] == ["db.yaml"]


def _built(folder: Path) -> list[dict[str, object]]:
    command = [real.require("kubectl"), "kustomize", folder]
    return list(yaml.safe_load_all(subprocess.run(command, capture_output=True, check=True).stdout))


def _items(raw: dict[str, object]) -> dict[str, bytes]:
    data = raw["data"]
    assert isinstance(data, dict)
    return {name: b64decode(text) for name, text in data.items()}


@pytest.fixture(scope="module")
def keyring() -> Iterator[Path]:
    """A private GnuPG home; its agent's socket needs a short path."""
    real.require("gpg")
    with tempfile.TemporaryDirectory(prefix="kseal-gpg-") as folder:
        # Passphrases are stretched for seconds unless a count is named.
        Path(folder, "gpg-agent.conf").write_text("s2k-count 65536\n")
        yield Path(folder)
        subprocess.run(["gpgconf", "--homedir", folder, "--kill", "all"], check=True)


def _generated(keyring: Path, passphrase: str) -> tuple[str, bytes]:
    """A new PGP key: its fingerprint, and its private key as somebody puts it into a Secret."""
    gpg = ["gpg", "--homedir", keyring, "--batch", "--pinentry-mode", "loopback", "--passphrase", passphrase]
    user = f"{passphrase or 'open'}@example.com"
    subprocess.run(
        [*gpg, "--quick-generate-key", user, "future-default", "default", "never"], capture_output=True, check=True
    )
    listed = subprocess.run([*gpg, "--list-keys", "--with-colons", user], capture_output=True, text=True, check=True)
    exported = subprocess.run([*gpg, "--export-secret-keys", "--armor", user], capture_output=True, check=True).stdout
    return re.findall(r"^fpr:+([0-9A-F]+):", listed.stdout, re.MULTILINE)[0], exported


@pytest.mark.parametrize("passphrase", ["", "hunter2"])
def test_a_pgp_key_lives_in_a_home_that_is_removed(keyring: Path, tmp_path: Path, passphrase: str) -> None:
    fingerprint, private = _generated(keyring, passphrase)
    sops = Sops(tmp_path)
    (tmp_path / "input").write_bytes(b"WORD=value\n")
    environ = {"PATH": os.environ["PATH"], "GNUPGHOME": str(keyring), "HOME": str(tmp_path)}
    command = [sops.program, "encrypt", "--input-type", "dotenv", "--output-type", "dotenv", "--pgp", fingerprint]
    data = subprocess.run([*command, tmp_path / "input"], env=environ, capture_output=True, check=True).stdout
    keys = SecretData("Secret/a/keys", {"identity.asc": private})
    with tempfile.TemporaryDirectory(prefix="kseal-") as folder:
        with ClusterKeys(keys, environ=environ, folder=folder) as services, Decryptor(services) as run:
            if passphrase:
                with pytest.raises(SopsError, match=rf"(?s)^a\.env: .*pgp {fingerprint}: gpg cannot decrypt") as caught:
                    run.file(data, "a.env", "dotenv")
                assert "item NAME.asc" in str(caught.value.hint)
            else:
                assert run.file(data, "a.env", "dotenv") == b"WORD=value\n"
            (home,) = Path(folder).iterdir()
            assert home.stat().st_mode & 0o777 == 0o700
        assert not list(Path(folder).iterdir())


def test_a_token_for_vault_comes_from_the_secret(tmp_path: Path) -> None:
    with OpenBao() as bao:
        exchange = Exchange(tmp_path, {"VAULT_TOKEN": TOKEN})
        data = exchange.theirs("--hc-vault-transit", bao.transit_key("sops"))
        keys = SecretData("Secret/a/keys", {"sops.vault-token": f"{TOKEN}\n".encode()})
        with ClusterKeys(keys, make=catalog.key_service) as services, Decryptor(services) as run:
            assert run.file(data, "a.json", "json") == PLAIN
        elsewhere = {"SOPS_HC_VAULT_ALLOWLIST": "https://vault.example.com"}
        with (
            ClusterKeys(keys, make=catalog.key_service, environ=elsewhere) as services,
            Decryptor(services) as run,
            pytest.raises(SopsError, match=r"(?s)^a\.json: .*this Vault server is not allowed"),
        ):
            run.file(data, "a.json", "json")


def test_access_keys_for_aws_come_from_the_secret(tmp_path: Path) -> None:
    boto3 = pytest.importorskip("boto3")
    with Moto() as moto:
        named = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
        client = boto3.client("kms", region_name=REGION, endpoint_url=moto.address, **named)
        exchange = Exchange(tmp_path, moto.environ)
        data = exchange.theirs("--kms", client.create_key()["KeyMetadata"]["Arn"])
        keys = SecretData("Secret/a/keys", {"sops.aws-kms": yaml.safe_dump(named).encode()})
        operator = {"AWS_ENDPOINT_URL": moto.address}
        with ClusterKeys(keys, make=catalog.key_service, environ=operator) as services, Decryptor(services) as run:
            assert run.file(data, "a.json", "json") == PLAIN
