"""Who uses a key, read from files."""

from pathlib import Path

import pytest

from sealer.ring import KeyRing
from sealer.rotation import use
from sealer.rotation.job import Job


def test_a_file_that_cannot_be_read_is_named_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("broken.yaml").write_text("apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: [\n")
    (found,) = use.in_files(Job(["broken.yaml"], use.Reader(KeyRing([]))))
    assert (found.place, found.keys) == ("broken.yaml", None)
    assert found.why
    assert "broken.yaml" not in found.why
