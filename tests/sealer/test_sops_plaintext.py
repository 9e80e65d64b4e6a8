"""Where the plain text of a SOPS file is while a command has it, and that it is gone afterwards, whatever happens."""

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sealer.cli import main
from sealer.cli.sops.privatefolder import private_folder

PROGRAM = "import sys; from sealer.cli.main import main; sys.argv[0] = 'sops'; main()"
IDENTITY = "AGE-SECRET-KEY-1WUC5C80A9WKQALRHPQENLQM3JDCD5G9ZDRXDEHSSNURA3PTDN72QP6932L"
RECIPIENT = "age1nk9yhq64ggtj987mwu9jtv9zzlf6eghqp0efzk9kj8d8jf76wvvsy8lpyd"
LIMIT_SECONDS = 30.0


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, "it takes too long"
        time.sleep(0.01)


@pytest.fixture
def environ(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> dict[str, str]:
    """An encrypted file db.yaml, and what opens it; temporary folders are made in `tmp`."""
    (tmp_path / "tmp").mkdir()
    (tmp_path / "db.yaml").write_text("password: hunter2\n")
    environ = {"PATH": os.environ["PATH"], "TMPDIR": str(tmp_path / "tmp"), "SOPS_AGE_KEY": IDENTITY}
    assert main.call(["sops", "encrypt", "-i", "--age", RECIPIENT, str(tmp_path / "db.yaml")], environ) == 0
    return environ


@pytest.fixture
def started(tmp_path: Path, environ: dict[str, str]) -> Iterator[Callable[..., "subprocess.Popen[bytes]"]]:
    """Starts sops with a command that says where its file is and waits."""
    waiting = tmp_path / "waiting"
    waiting.write_text('#!/bin/sh\nls -ld "$(dirname "$1")" "$1" > seen\nmv seen ready\nexec sleep 60\n')
    waiting.chmod(0o755)
    processes = []

    def start(*words: str) -> "subprocess.Popen[bytes]":
        processes.append(
            subprocess.Popen(
                [sys.executable, "-c", PROGRAM, *words],
                cwd=tmp_path,
                env={**environ, "EDITOR": str(waiting)},
                stdin=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        )
        until((tmp_path / "ready").exists)
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.wait()
        for group in [process.pid]:
            try:
                os.killpg(group, signal.SIGKILL)
            except ProcessLookupError:
                continue


def is_empty(folder: Path) -> bool:
    return not any(folder.iterdir())


WAYS = [
    ("edit", "db.yaml"),
    ("exec-file", "db.yaml", "./waiting {}"),
    ("exec-file", "--no-fifo", "db.yaml", "./waiting {}"),
]


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGTERM,
        signal.SIGKILL,
        *(pytest.param(one, marks=pytest.mark.slow) for one in (signal.SIGHUP, signal.SIGINT)),
    ],
)
@pytest.mark.parametrize("words", WAYS)
def test_it_is_gone_after_a_signal(
    tmp_path: Path, started: Callable[..., "subprocess.Popen[bytes]"], words: tuple[str, ...], number: signal.Signals
) -> None:
    process = started(*words)
    assert not is_empty(tmp_path / "tmp")
    process.send_signal(number)
    if number is signal.SIGINT and words[0] == "exec-file":
        os.killpg(process.pid, signal.SIGTERM)  # Ctrl-C is for the command to answer
    until(lambda: is_empty(tmp_path / "tmp"))


@pytest.mark.parametrize("words", WAYS)
def test_nobody_else_can_read_it(
    tmp_path: Path, started: Callable[..., "subprocess.Popen[bytes]"], words: tuple[str, ...]
) -> None:
    started(*words)
    folder, file = (tmp_path / "ready").read_text().splitlines()
    assert folder.startswith("drwx------")
    assert file[1:10] == "rw-------"
    assert file[0] == ("p" if words[:2] == ("exec-file", "db.yaml") else "-")


def test_a_pipe_that_nobody_reads_holds_nobody_up(tmp_path: Path, environ: dict[str, str]) -> None:
    assert main.call(["sops", "exec-file", str(tmp_path / "db.yaml"), "exit 9"], environ) == 9
    assert is_empty(tmp_path / "tmp")


def test_a_failed_edit_leaves_the_file_alone(tmp_path: Path, environ: dict[str, str]) -> None:
    before = (tmp_path / "db.yaml").read_bytes()
    for editor, code in (("false", 201), ("true", 200), ("sh -c 'echo [ > $0'", 2)):
        assert main.call(["sops", "edit", str(tmp_path / "db.yaml")], {**environ, "EDITOR": editor}) == code
    assert (tmp_path / "db.yaml").read_bytes() == before
    assert is_empty(tmp_path / "tmp")


def test_files_written_in_place_keep_their_mode(tmp_path: Path, environ: dict[str, str]) -> None:
    (tmp_path / "db.yaml").chmod(0o640)
    assert main.call(["sops", "set", str(tmp_path / "db.yaml"), '["a"]', "1"], environ) == 0
    assert stat.S_IMODE((tmp_path / "db.yaml").stat().st_mode) == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["db.yaml", "tmp"]


def test_the_folder_is_in_memory_where_it_can_be() -> None:
    with private_folder({}) as folder:
        assert folder.startswith("/dev/shm/") or not os.access("/dev/shm", os.W_OK)
        assert stat.S_IMODE(Path(folder).stat().st_mode) == 0o700
    assert not Path(folder).exists()


def test_values_do_not_reach_the_messages(
    tmp_path: Path, environ: dict[str, str], capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    (tmp_path / "db.yaml").write_bytes((tmp_path / "db.yaml").read_bytes().replace(b"password", b"passw0rd"))
    capfdbinary.readouterr()
    assert main.call(["sops", "decrypt", str(tmp_path / "db.yaml")], environ) == 25
    assert main.call(["sops", "set", str(tmp_path / "db.yaml"), '["a"]', "hunter3"], environ) == 7
    said = capfdbinary.readouterr()
    assert b"hunter" not in said.out + said.err
