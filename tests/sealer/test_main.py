"""From words to exit codes: what the entry point does around the verbs."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from engine.errors import KsealError
from sealer.cli import commands, joined, main
from sealer.cli.misuse import Misused
from sealer.cli.terminal import Terminal
from sealer.cli.verb import COMMON, Given, Verb
from sealer.keys import SealingKey

PROGRAM = [sys.executable, "-c", "from sealer.cli.main import main; main()"]


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> type:
    """`kseal cert` replaced by a verb that raises what it is told."""

    class Failing:
        error: BaseException = Exception()

    def run(given: Given, terminal: Terminal, environ: Mapping[str, str]) -> int:
        raise Failing.error

    verb = Verb("cert", "Fail.", "", (), COMMON, run)
    monkeypatch.setattr(main, "builtin", lambda _: verb)
    return Failing


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KsealError("it broke", "mend it"), 1, "kseal: error: it broke\nkseal: hint: mend it\n"),
        (KsealError("one\ntwo"), 1, "kseal: error: one; two\n"),
        (Misused("not so"), 2, "kseal: error: not so\n"),
        (BrokenPipeError(), 1, ""),
    ],
)
def test_errors_are_one_line_and_a_code(
    failing: type, capsys: pytest.CaptureFixture[str], error: Exception, code: int, said: str
) -> None:
    failing.error = error
    assert main.call(["cert"], {}) == code
    assert capsys.readouterr() == ("", said)


def test_an_unforeseen_error_shows_its_place_and_no_value(failing: type, capsys: pytest.CaptureFixture[str]) -> None:
    failing.error = ValueError("hunter2")
    assert main.call(["cert"], {}) == 1
    output, errors = capsys.readouterr()
    assert output == ""
    assert errors.startswith(f"kseal: error: internal error: ValueError at {__file__}:")
    assert "hunter2" not in errors
    assert "Traceback" not in errors


def test_a_broken_installation_is_said(tmp_path: Path) -> None:
    program = "import sys; sys.modules['cryptography'] = None; from sealer.cli.main import main; main()"
    command = [sys.executable, "-c", program, "seal", "--cert", "cert.pem"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("kseal: error: internal error: No module named 'cryptography")


@pytest.mark.parametrize(("ending", "code"), [("sys.exit()", 0), ("sys.exit(3)", 3), ("sys.exit('words')", 1)])
def test_a_verb_may_end_the_process_itself(ending: str, code: int) -> None:
    program = f"""
import click, sys
from sealer.cli import commands, joined, main
joined.found = lambda: {{"speak": object()}}
commands._load = lambda found: click.Command("speak", callback=lambda: {ending})
sys.argv = ["kseal", "speak"]
main.main()
"""
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == code


def test_both_ways_to_a_verb_report_alike(failing: type, capsys: pytest.CaptureFixture[str]) -> None:
    failing.error = KsealError("it broke")
    codes = [main.call(words, {}) for words in (["cert"], ["--quiet", "cert"])]
    assert codes == [1, 1]
    assert capsys.readouterr().err == "kseal: error: it broke\n" * 2


@pytest.mark.slow
@pytest.mark.parametrize("library", ["kopf", "msgspec"])
def test_the_controller_without_its_libraries_says_the_cure(library: str) -> None:
    program = f"import sys; sys.modules[{library!r}] = None; from sealer.cli.main import main; main()"
    command = [sys.executable, "-c", program, "controller", "--kubeconfig", "/nonexistent"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f'kseal: error: "controller" needs the Python package "{library}"')
    assert "container image" in done.stderr
    assert ".whl[controller]" in done.stderr


def test_verbs_of_other_packages_get_their_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = EntryPoint("speak", f"{__name__}:speak", joined.GROUP)
    monkeypatch.setattr(joined, "found", lambda: {"speak": entry})
    monkeypatch.setitem(sys.modules, __name__, sys.modules[__name__])
    assert main.call(["speak", "up"], {}) == 5
    assert capsys.readouterr().out == "up\n"


class _Speak(commands.click.Command):
    """A verb of another package, which decides its exit code itself."""

    def __init__(self) -> None:
        super().__init__("speak", params=[commands.click.Argument(["word"])], callback=self._say)

    @staticmethod
    def _say(word: str) -> int:
        print(word)
        return 5


speak = _Speak()


def test_two_mixed_installations_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(main.engine, "__file__", str(tmp_path / "engine" / "__init__.py"))
    assert main.call(["seal"], {}) == 1
    assert f"two installations are mixed: {tmp_path} and " in capsys.readouterr().err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)])
def test_a_signal_ends_the_call_in_silence(tmp_path: Path, key: SealingKey, number: signal.Signals, code: int) -> None:
    assert key.certificate is not None
    (tmp_path / "cert.pem").write_bytes(key.certificate.pem)
    (tmp_path / "out.yaml").write_text("kept")
    read, write = os.pipe()
    command = [*PROGRAM, "seal", "--cert", "cert.pem", "-w", "out.yaml", "-v"]
    with subprocess.Popen(command, cwd=tmp_path, stdin=read, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        assert "sealing for 2048 bits" in running.stderr.readline()  # from here on it waits for its input
        running.send_signal(number)
        assert running.wait(20) == code
        assert running.stderr.read() == ""
    os.close(read)
    os.close(write)
    assert (tmp_path / "out.yaml").read_text() == "kept"
    assert {file.name for file in tmp_path.iterdir()} == {"cert.pem", "out.yaml"}


def test_it_runs_with_its_streams_closed(tmp_path: Path, key: SealingKey) -> None:
    assert key.certificate is not None
    (tmp_path / "cert.pem").write_bytes(key.certificate.pem)
    script = 'exec "$@" <&- 2>&- >&-'
    command = ["bash", "-c", script, "bash", *PROGRAM, "cert", "--cert", "cert.pem"]
    assert subprocess.run(command, cwd=tmp_path, check=False, timeout=60).returncode == 1
    command += ["-w", "copy.pem"]
    assert subprocess.run(command, cwd=tmp_path, check=False, timeout=60).returncode == 0
    assert (tmp_path / "copy.pem").read_bytes() == key.certificate.pem
