"""A value is typed without being shown, and never taken from the command line."""

import sys
from pathlib import Path

import pexpect
import yaml

from sealer.keys import SealingKey
from sealer.ring import KeyRing
from sealer.sealedsecret import open_items, parse

TARGET = """\
apiVersion: bitnami.com/v1alpha1
kind: SealedSecret
metadata: {name: db, namespace: shop}
spec:
  encryptedData: {}
"""


def test_a_typed_value_is_not_shown(key: SealingKey, tmp_path: Path) -> None:
    assert key.certificate is not None
    (tmp_path / "cert.pem").write_bytes(key.certificate.pem)
    (tmp_path / "sealed.yaml").write_text(TARGET)
    words = ["-c", "from sealer.cli.main import main; main()", "set", "--cert", "cert.pem", "sealed.yaml", "password"]
    child = pexpect.spawn(sys.executable, words, cwd=str(tmp_path), encoding="utf-8", timeout=30)
    child.expect_exact("value (not shown): ")
    child.sendline("hunter2")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert "hunter2" not in child.before
    sealed = parse(yaml.safe_load((tmp_path / "sealed.yaml").read_text()))
    assert open_items(sealed, KeyRing([key]))["password"].value == b"hunter2"
