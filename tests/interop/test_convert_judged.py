"""What `kseal convert` makes, as the real sops and the real kubeseal read it, and theirs as it reads them."""

import json
import os
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from sealer.cli import main
from sealer.keys import generate
from tests.kit import real
from tests.kit.sopsprogram import Sops

pytestmark = pytest.mark.interop

SECRET = """apiVersion: v1
kind: Secret
metadata:
  name: db
  namespace: shop
  labels: {app: "1", tier: back}
  annotations: {note: "yes"}
type: example.com/any
immutable: true
data:
  binary: //79AAEC
  long: %s
  password: aHVudGVyMg==
  empty: ""
""" % ("QUJD" * 500)

Kseal = Callable[..., str]


@pytest.fixture
def sops(tmp_path: Path) -> Sops:
    return Sops(tmp_path)


@pytest.fixture
def kseal(tmp_path: Path, sops: Sops, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Kseal:
    """Runs a line in `tmp_path`, where cert.pem and key.pem are, with the identity of `sops`."""
    key = generate(2048, ttl=timedelta(days=30), common_name="", now=datetime.now(UTC))
    assert key.certificate
    (tmp_path / "cert.pem").write_bytes(key.certificate.pem)
    (tmp_path / "key.pem").write_bytes(key.private_pem().reveal())
    monkeypatch.chdir(tmp_path)
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "SOPS_AGE_KEY": str(sops.identity)}

    def run(*words: str) -> str:
        code = main.call(["convert", *words], environ)
        said = capsys.readouterr()
        assert code == 0, said.err
        return said.out

    return run


def _kubeseal(*flags: str, data: str) -> str:
    program = real.require("kubeseal")
    return subprocess.run([program, *flags], input=data, capture_output=True, text=True, check=True).stdout


def _plain(text: str) -> dict[str, Any]:
    """A Secret as it is compared: the original writes nulls, and whose the Secret would be in a cluster."""
    raw: dict[str, Any] = yaml.safe_load(text)
    metadata = {key: value for key, value in raw["metadata"].items() if value is not None}
    metadata.pop("ownerReferences", None)
    raw["metadata"] = metadata
    raw["data"] = {key: value or "" for key, value in raw["data"].items()}
    return raw


def test_there_and_back_unseals_to_the_same_secret(kseal: Kseal, sops: Sops) -> None:
    """Sealed by kubeseal, to SOPS, read by sops, back, and recovered by kubeseal."""
    sealed = _kubeseal("--cert", "cert.pem", "--format", "yaml", data=SECRET)
    before = _kubeseal("--recovery-unseal", "--recovery-private-key", "key.pem", "--format", "yaml", data=sealed)
    path = Path("sealed.yaml")
    path.write_text(sealed)
    kseal("--to", "sops", "--age", sops.recipient, "-k", "key.pem", "-i", "sealed.yaml")
    assert _plain(sops.decrypt(path.read_bytes(), "yaml").decode()) == _plain(SECRET)
    kseal("--to", "sealedsecret", "--cert", "cert.pem", "-i", "sealed.yaml")
    after = _kubeseal(
        "--recovery-unseal", "--recovery-private-key", "key.pem", "--format", "yaml", data=path.read_text()
    )
    assert _plain(after) == _plain(before) == _plain(SECRET)


@pytest.mark.parametrize("scope", ["strict", "namespace-wide", "cluster-wide"])
def test_every_scope_of_the_original_comes_through(kseal: Kseal, sops: Sops, scope: str) -> None:
    sealed = _kubeseal("--cert", "cert.pem", "--format", "json", "--scope", scope, data=SECRET)
    Path("s.json").write_text(sealed)
    kseal("--to", "sops", "--age", sops.recipient, "-k", "key.pem", "-i", "s.json")
    kseal("--to", "sealedsecret", "--cert", "cert.pem", "-i", "s.json")
    annotations = yaml.safe_load(Path("s.json").read_text())["metadata"].get("annotations", {})
    assert list(annotations) == ([] if scope == "strict" else [f"sealedsecrets.bitnami.com/{scope}"])


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_a_file_of_the_real_sops_becomes_a_sealed_secret(kseal: Kseal, sops: Sops, form: str) -> None:
    text = SECRET if form == "yaml" else _json(SECRET)
    encrypted = sops.encrypt(text.encode(), form, "--encrypted-regex", "^(data|stringData)$")
    Path(f"s.{form}").write_bytes(encrypted)
    sealed = kseal("--to", "sealedsecret", "--cert", "cert.pem", f"s.{form}")
    opened = _kubeseal("--recovery-unseal", "--recovery-private-key", "key.pem", "--format", "yaml", data=sealed)
    assert _plain(opened) == _plain(SECRET)


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_a_plain_file_is_encrypted_as_the_real_sops_would(kseal: Kseal, sops: Sops, form: str) -> None:
    text = SECRET if form == "yaml" else _json(SECRET)
    Path(f"s.{form}").write_text(text)
    kseal("--to", "sops", "--age", sops.recipient, f"s.{form}", "-w", f"out.{form}")
    ours = Path(f"out.{form}").read_bytes()
    theirs = sops.encrypt(text.encode(), form, "--encrypted-regex", "^(data|stringData)$")
    assert sops.decrypt(ours, form) == sops.decrypt(theirs, form)


def _json(text: str) -> str:
    return json.dumps(yaml.safe_load(text))
