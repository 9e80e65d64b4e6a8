"""A process that has read private keys leaves no core file, and no other process of its user reads its memory."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sealer.keys import SealingKey
from tests.kit.tree import ROOT

# Runs a command line in a process of its own, which then says whether it may be dumped and how large its core may be.
SAYING = """
import ctypes, resource, sys
from sealer.cli import main
code = main.call(sys.argv[1:], {})
dumpable = ctypes.CDLL(None).prctl(3) if sys.platform == "linux" else 0
print("\\nends", code, dumpable, *resource.getrlimit(resource.RLIMIT_CORE))
"""
PROTECTED = "0 0 0"

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="the flag is Linux's; elsewhere there is the limit alone"
)


@pytest.fixture
def folder(tmp_path: Path, key: SealingKey) -> Path:
    """A key and nothing that it opens."""
    (tmp_path / "key.pem").write_bytes(key.private_pem().reveal())
    (tmp_path / "empty.yaml").write_text("---\n")
    return tmp_path


def ends(folder: Path, *words: str) -> str:
    """Exit code, dumpable flag, and both core limits after a command line."""
    run = subprocess.run(
        [sys.executable, "-c", SAYING, *words], cwd=folder, capture_output=True, text=True, timeout=60, check=True
    )
    return run.stdout.splitlines()[-1].removeprefix("ends ")


@pytest.mark.parametrize(
    "words",
    [
        ("unseal", "-k", "key.pem", "empty.yaml"),
        ("verify", "-k", "key.pem", "empty.yaml"),
        ("rotate", "-k", "key.pem", "."),
        ("keys", "list", "--kubeconfig", "missing.yaml"),
        ("keys", "restore", "empty.yaml"),
        pytest.param(("controller", "--kubeconfig", "missing.yaml"), marks=pytest.mark.slow),
        ("sops", "edit", "empty.yaml"),
        ("sops", "keyservice", "--network", "nonsense"),
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_whoever_reads_keys_is_protected(folder: Path, words: tuple[str, ...]) -> None:
    assert ends(folder, *words).partition(" ")[2] == PROTECTED


def test_whoever_reads_none_is_left_alone(folder: Path) -> None:
    assert ends(folder, "seal", "--cert", "missing.pem", "empty.yaml").split()[1] == "1"


@pytest.mark.parametrize("number", [signal.SIGABRT, signal.SIGSEGV])
def test_a_crash_leaves_no_core(tmp_path: Path, number: signal.Signals) -> None:
    crash = f"from engine import undumpable; undumpable.protect(); import os; os.kill(os.getpid(), {int(number)})"
    with subprocess.Popen([sys.executable, "-c", crash], cwd=tmp_path, stderr=subprocess.DEVNULL) as child:
        _, status = os.waitpid(child.pid, 0)
        child.returncode = -number  # waited for already
    assert os.WTERMSIG(status) == number
    assert not os.WCOREDUMP(status)
    assert list(tmp_path.iterdir()) == []


def test_its_memory_belongs_to_root_alone() -> None:
    wait = "from engine import undumpable; undumpable.protect(); print(flush=True); input()"
    # Root reads everything, so that it has to become somebody else, who may not reach root's own Python.
    is_root = os.geteuid() == 0
    program = shutil.which("python3", path="/usr/bin:/bin") if is_root else sys.executable
    if program is None:
        pytest.skip("there is no Python that another user than root can start")
    with subprocess.Popen(
        [program, "-c", wait],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        user=65534 if is_root else None,
        extra_groups=[] if is_root else None,
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            assert child.stdout.readline() == b"\n"
            assert Path(f"/proc/{child.pid}/mem").stat().st_uid == 0
        finally:
            child.stdin.close()
