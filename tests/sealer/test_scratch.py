"""Folders of killed runs are removed by the next run; nobody else's, and none that is in use."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sealer.cli import scratch
from sealer.cli.scratch import Scratch, remove_stale

HOLD = """
import sys
from sealer.cli.scratch import Scratch
held = Scratch("kseal-rotate-")
(held.path / "identity").write_text("a deploy key")
print(held.path, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(scratch, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def names(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


def test_a_folder_is_private_and_gone_at_the_end(temporary: Path) -> None:
    with Scratch("kseal-keys-") as made:
        assert made.path.parent == temporary
        assert made.path.stat().st_mode & 0o077 == 0
    made.cleanup()
    assert names(temporary) == set()


def test_a_killed_run_leaves_what_the_next_removes_and_a_live_one_keeps_its_own(temporary: Path) -> None:
    environ = os.environ | {"TMPDIR": str(temporary)}
    command = [sys.executable, "-c", HOLD]
    with subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        held = Path(child.stdout.readline().strip())
        with Scratch("kseal-rotate-"):
            assert (held / "identity").exists()
        child.kill()
    assert held.exists()
    with Scratch("kseal-keys-") as mine:
        assert names(temporary) == {mine.path.name}


def test_a_folder_without_a_lock_is_kept_for_a_day(temporary: Path) -> None:
    young, old = temporary / "kseal-rotate-young", temporary / "kseal-rotate-old"
    for folder in (young, old):
        folder.mkdir()
    os.utime(old, (time.time() - 90_000,) * 2)
    remove_stale(temporary)
    assert names(temporary) == {young.name}


def test_what_is_no_folder_of_ours_stays(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    precious = temporary / "precious"
    precious.mkdir()
    for path in (precious, temporary / "kseal-rotate-foreign", temporary / "kseal-other"):
        path.mkdir(exist_ok=True)
        os.utime(path, (0, 0))
    (temporary / "kseal-rotate-link").symlink_to(precious)
    (temporary / "kseal-rotate-file").touch()
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    remove_stale(temporary)
    monkeypatch.undo()
    assert "kseal-rotate-foreign" in names(temporary)
    remove_stale(temporary)
    assert names(temporary) == {"precious", "kseal-other", "kseal-rotate-link", "kseal-rotate-file"}


def test_a_temporary_folder_that_cannot_be_listed_is_no_reason_to_stop(temporary: Path) -> None:
    remove_stale(temporary / "absent")
