"""What a jailed program can do: work, and nothing else. The program is a Python interpreter that tries things."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.render.base import LimitError
from engine.render.jail import Jail, JailError, Used

Attempt = Callable[..., bytes]
Refused = Callable[..., bool]

_LIBRARIES = [
    path for path in map(Path, ("/lib", "/lib64", "/usr/lib", "/usr/local/lib", sys.base_prefix)) if path.exists()
]
_MEBIBYTE = 1024 * 1024


def run(jail: Jail, folder: Path, code: str, **given: object) -> bytes:
    options = {"timeout_seconds": 30.0, "memory_bytes": 512 * _MEBIBYTE, "output_bytes": _MEBIBYTE, **given}
    program = str(Path(sys.executable).resolve())
    return jail.run([program, "-I", "-S", "-c", code], folder=folder, readable=_LIBRARIES, **options)  # type: ignore[arg-type]


@pytest.fixture
def attempt(jail: Jail, tmp_path: Path) -> Attempt:
    """Run code in the jail; what it does in vain it answers with the name of the error."""

    def in_vain(code: str, **given: object) -> bytes:
        lines = "".join(f"    {line}\n" for line in code.splitlines())
        tried = (
            f"try:\n{lines}except BaseException as error:\n    print(type(error).__name__)\nelse:\n    print('done')\n"
        )
        return run(jail, tmp_path, tried, **given).strip()

    return in_vain


@pytest.fixture
def refused(jail: Jail, tmp_path: Path) -> Refused:
    """Whether all calls are refused, each by itself, in one child."""

    def each(before: str, *calls: str) -> bool:
        tries = [f"try: {call}; print({call!r})\nexcept PermissionError: pass" for call in calls]
        return run(jail, tmp_path, "\n".join([before, *tries])) == b""

    return each


@pytest.fixture
def landlock(jail: Jail) -> None:
    if not jail.held()["landlock"]:
        pytest.skip("this kernel has no Landlock")


def test_it_reads_its_folder_and_its_input_and_writes_its_output(jail: Jail, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("from a file")
    code = "import sys; print(open('a.txt').read(), sys.stdin.read(), end='')"
    used: list[Used] = []
    assert run(jail, tmp_path, code, stdin=b"and from outside", used=used) == b"from a file and from outside"
    assert used[0].cpu_seconds > 0


def test_the_kernel_of_this_machine_holds_what_it_can(jail: Jail) -> None:
    held = jail.held()
    assert held["seccomp"]
    assert held["no_new_privs"]
    assert set(held) == {"no_new_privs", "limits", "landlock", "seccomp"}


def test_there_are_no_sockets(refused: Refused) -> None:
    families = ("AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK", "AF_PACKET")
    assert refused("import socket", *(f"socket.socket(socket.{family})" for family in families), "socket.socketpair()")


@pytest.mark.usefixtures("landlock")
def test_nothing_outside_can_be_read(refused: Refused) -> None:
    processes = [f"open('/proc/{one}/environ')" for one in ("self", 1, os.getpid())]
    assert refused(
        "import os", *processes, "open('/etc/passwd')", *(f"os.listdir('{one}')" for one in ("/", "/tmp", ".."))
    )


@pytest.mark.usefixtures("landlock")
def test_nothing_can_be_written(attempt: Attempt, tmp_path: Path) -> None:
    assert attempt("open('x', 'w')") == b"PermissionError"
    assert not list(tmp_path.iterdir())


def test_no_bytes_can_be_written_even_where_files_can(jail: Jail, tmp_path: Path) -> None:
    with Jail(guards=("seccomp",)) as loose, pytest.raises(JailError, match=r"signal 25|exit code 1"):
        run(loose, tmp_path, "with open('x', 'w') as file: file.write('y')")


def test_there_are_no_other_processes_to_make_or_to_reach(refused: Refused) -> None:
    made = ("os.fork()", "os.posix_spawn('/bin/true', ['x'], {})", "os.setsid()", "os.setpgid(0, 0)")
    assert refused("import os", *made, "os.kill(1, 0)", f"os.kill({os.getpid()}, 0)")


def test_it_may_have_threads(attempt: Attempt) -> None:
    assert attempt("import threading\nt = threading.Thread(target=int)\nt.start()\nt.join()") == b"done"


def test_calls_that_look_into_others_are_refused(refused: Refused) -> None:
    numbers = {  # ptrace, process_vm_readv, unshare, bpf, keyctl, io_uring_setup, chroot
        "x86_64": (101, 310, 272, 321, 250, 425, 161),
        "aarch64": (117, 270, 97, 280, 219, 425, 51),
    }[os.uname().machine]
    call = (
        "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        "def call(number):\n  result = libc.syscall(number, 0, 0, 0, 0)\n"
        "  if result == -1 and ctypes.get_errno() == 1: raise PermissionError"
    )
    assert refused(call, *(f"call({number})" for number in numbers))


@pytest.mark.usefixtures("landlock")
def test_no_other_program_can_be_run(attempt: Attempt) -> None:
    assert attempt("import os\nos.execv('/bin/sh', ['sh'])") == b"PermissionError"


def test_its_environment_and_its_descriptors_are_its_own(
    jail: Jail, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KSEAL_SECRET", "x")
    with (tmp_path / "open").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        code = (
            "import os\nfound = []\nfor n in range(1000):\n  try: os.fstat(n); found.append(n)\n"
            "  except OSError: pass\nprint(sorted(os.environ), found)"
        )
        assert run(jail, tmp_path, code).strip() == b"['HOME', 'LC_ALL', 'PATH'] [0, 1, 2]"


def test_root_has_no_powers_there(attempt: Attempt) -> None:
    code = "import ctypes\nc = ctypes.CDLL(None)\nassert [c.prctl(23, n, 0, 0, 0) for n in range(38)].count(1) == 0"
    assert attempt(code) == (b"done" if os.geteuid() == 0 else b"AssertionError") or os.geteuid() != 0


def test_memory_is_bounded(attempt: Attempt) -> None:
    assert attempt("x = bytearray(1024 * 1024 * 1024)") == b"MemoryError"


def test_a_program_that_hangs_is_ended(jail: Jail, tmp_path: Path) -> None:
    begun = time.monotonic()
    with pytest.raises(LimitError, match=r"no end after 0\.2 s"):
        run(
            jail,
            tmp_path,
            "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(60)",
            timeout_seconds=0.2,
        )
    assert time.monotonic() - begun < 10


def test_endless_output_is_cut_off(jail: Jail, tmp_path: Path) -> None:
    with pytest.raises(LimitError, match="more than 1000 bytes of output"):
        run(jail, tmp_path, "while True: print('x' * 10000)", output_bytes=1000)


def test_endless_complaints_do_no_harm(jail: Jail, tmp_path: Path) -> None:
    code = "import sys\nfor _ in range(500): sys.stderr.write('x' * 10000)\nsys.exit(3)"
    with pytest.raises(JailError, match="exit code 3") as caught:
        run(jail, tmp_path, code)
    assert len(caught.value.output) == 64 * 1024


def test_a_program_that_is_not_there_is_told(jail: Jail, tmp_path: Path) -> None:
    with pytest.raises(JailError) as caught:
        jail.run(["/nonexistent/x"], folder=tmp_path, timeout_seconds=5, memory_bytes=_MEBIBYTE, output_bytes=10)
    assert b"No such file" in caught.value.output


def test_many_threads_may_use_it_at_once(jail: Jail, tmp_path: Path) -> None:
    answers: list[bytes] = []
    threads = [
        threading.Thread(target=lambda n=n: answers.append(run(jail, tmp_path, f"print({n})"))) for n in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(int, answers)) == list(range(6))


def test_it_recovers_when_the_little_process_is_killed(tmp_path: Path) -> None:
    with Jail() as jail:
        run(jail, tmp_path, "print(1)")
        process = jail._process
        assert process is not None
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert run(jail, tmp_path, "print(2)").strip() == b"2"


def test_its_children_end_with_it(tmp_path: Path) -> None:
    ended = threading.Event()

    def sleep() -> None:
        with pytest.raises(JailError, match="ended while it ran"):
            run(jail, tmp_path, "import sys, time; print('x', flush=True); time.sleep(60)")
        ended.set()

    with Jail() as jail:
        run(jail, tmp_path, "print(1)")
        thread = threading.Thread(target=sleep)
        thread.start()
        process = jail._process
        assert process is not None
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        deadline = time.monotonic() + 10
        while not children.read_text() and time.monotonic() < deadline:
            os.sched_yield()
        (child,) = children.read_text().split()
        jail.close()
        assert ended.wait(10)
        thread.join()
    assert not Path(f"/proc/{child}").exists()


def test_a_closed_one_starts_nothing(tmp_path: Path) -> None:
    jail = Jail()
    jail.close()
    with pytest.raises(JailError, match="the jail is closed"):
        run(jail, tmp_path, "print(1)")
