"""Keys that only the real sops can use are used through it, and it does not outlive us."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from engine.errors import KsealError
from sealer.sops.recipients import spelling
from sealer.sops.recipients.base import MasterKey
from sealer.sops.recipients.borrowed import BorrowedKeys
from tests.kit import real
from tests.kit.process import wait_until
from tests.kit.sopsexchange import PLAIN, Exchange

pytestmark = pytest.mark.interop
pytest.importorskip("grpc")
pyrage = pytest.importorskip("pyrage")


def test_the_program_wraps_and_unwraps_for_us(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    identity = pyrage.x25519.Identity.generate()
    exchange = Exchange(tmp_path, {"SOPS_AGE_KEY": str(identity)})
    keys = BorrowedKeys(exchange.environ, program=str(exchange.program))
    data = exchange.ours([[spelling.parse("age", str(identity.to_public()))]], {"age": keys})
    assert exchange.we_read(data, {"age": keys}) == exchange.they_read(data) == PLAIN
    keys.close()
    assert exchange.we_read(data, {"age": keys}) == PLAIN, "it starts again when needed"
    keys.close()
    assert not list(tmp_path.glob("kseal-keys-*"))


def test_its_reason_comes_through(tmp_path: Path) -> None:
    keys = BorrowedKeys(Exchange(tmp_path).environ, program=str(real.require("sops")))
    with pytest.raises(KsealError, match="invalid key ID format"):
        keys.wrap(MasterKey("hckms", {"key_id": "no-region"}), b"data")
    keys.close()


def test_a_program_that_is_not_there_is_told() -> None:
    with pytest.raises(KsealError, match='cannot start "sops": it is not on the PATH'):
        BorrowedKeys({"PATH": "/nowhere"}).wrap(MasterKey("hckms", {"key_id": "r:k"}), b"data")


def test_it_ends_when_we_are_killed(tmp_path: Path) -> None:
    script = (
        "import os, sys, time\n"
        "from sealer.sops.recipients.borrowed import BorrowedKeys\n"
        f"keys = BorrowedKeys(os.environ, program={str(real.require('sops'))!r})\n"
        "keys._served()\n"
        "print(keys._child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    environ = {**os.environ, "TMPDIR": str(tmp_path)}
    ours = subprocess.Popen([sys.executable, "-c", script], env=environ, stdout=subprocess.PIPE)
    assert ours.stdout
    shell = int(ours.stdout.readline())
    children = Path(f"/proc/{shell}/task/{shell}/children").read_text().split()
    assert len(children) == 2
    ours.send_signal(signal.SIGKILL)
    ours.wait()
    ours.stdout.close()
    wait_until(lambda: not any(Path(f"/proc/{pid}/exe").exists() for pid in children), "it has ended", limit_seconds=10)
    wait_until(lambda: not list(tmp_path.glob("kseal-keys-*")), "its socket is gone", limit_seconds=10)
