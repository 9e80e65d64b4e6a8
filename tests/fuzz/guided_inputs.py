"""Inputs by atheris: libFuzzer, which is led by the lines of our code that an input reaches.

It ends its process, so it runs in one of its own; there are wheels for some versions of Python on Linux only.
"""

import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from tests.fuzz.rules import be_patient
from tests.fuzz.surfaces import CRASHERS, load

_OURS = ("engine", "sealer", "controller")
_SLOWER = 10.0  # how much instrumented code may be, generously
_HANG_SECONDS = 60
_MOST_BYTES = 8192
_MOST_MEBIBYTES = 2048


def is_here() -> bool:
    """Whether atheris is installed."""
    return find_spec("atheris") is not None


def run(name: str, seconds: float) -> subprocess.CompletedProcess[str]:
    """Try inputs until the time is up, in a process of its own; it ends with 0 when no rule was broken."""
    words = [sys.executable, "-m", "tests.fuzz", name, "--seconds", str(seconds), "--engine", "atheris-here"]
    root = Path(__file__).parent.parent.parent
    with tempfile.TemporaryDirectory(prefix="kseal-fuzz-") as folder:  # that process cannot tidy up: it just ends
        environment = os.environ | {"TMPDIR": folder}
        return subprocess.run(words, capture_output=True, text=True, check=False, cwd=root, env=environment)


def run_here(name: str, seconds: float) -> None:
    """The same in this process, which does not outlive it."""
    import atheris  # type: ignore[import-untyped]  # it brings no annotations

    with atheris.instrument_imports(include=list(_OURS), enable_loader_override=False):
        target = load(name)
    be_patient(_SLOWER)
    folder = Path(tempfile.mkdtemp(prefix="kseal-fuzz-"))
    corpus, words = folder / "corpus", folder / "words"
    corpus.mkdir()
    for number, seed in enumerate(target.SEEDS):
        (corpus / f"seed-{number}").write_bytes(seed)
    words.write_text("".join(f'"{_escaped(piece)}"\n' for piece in target.PIECES if len(piece) <= 64))
    kept = CRASHERS / name
    kept.mkdir(parents=True, exist_ok=True)
    options = {
        "max_total_time": max(int(seconds), 1),
        "timeout": _HANG_SECONDS,
        "max_len": _MOST_BYTES,
        "rss_limit_mb": _MOST_MEBIBYTES,
        "dict": words,
        "artifact_prefix": f"{kept}/",
        "print_final_stats": 1,
    }
    atheris.Setup(
        [sys.argv[0], *(f"-{option}={value}" for option, value in options.items()), str(corpus)], target.check
    )
    atheris.Fuzz()


def _escaped(piece: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in piece)
