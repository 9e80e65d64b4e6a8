"""A kill, or a disk that fails, at any moment of a write in place: the file is the old one or the new one, whole."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pyrage
import pytest

from sealer.cli import main

IDENTITY: Final = "AGE-SECRET-KEY-1WUC5C80A9WKQALRHPQENLQM3JDCD5G9ZDRXDEHSSNURA3PTDN72QP6932L"
RECIPIENT: Final = "age1nk9yhq64ggtj987mwu9jtv9zzlf6eghqp0efzk9kj8d8jf76wvvsy8lpyd"
PLAIN: Final = "user: app\npassword: hunter2\n"
CHANGED: Final = "user: app\npassword: hunter3\n"
ENVIRON: Final = {"SOPS_AGE_KEY": IDENTITY, "SOPS_AGE_RECIPIENTS": RECIPIENT, "EDITOR": "sed -i s/hunter2/hunter3/"}
KILLED, STUCK = 137, 70
MOST_EVENTS: Final = 12

VERBS: Final[dict[str, tuple[tuple[str, ...], str]]] = {
    "encrypt": (("encrypt", "-i", "db.yaml"), PLAIN),
    "decrypt": (("decrypt", "-i", "db.yaml"), PLAIN),
    "rotate": (("rotate", "-i", "db.yaml"), PLAIN),
    "set": (("set", "--value-file", "db.yaml", '["password"]', "value.json"), CHANGED),
    "unset": (("unset", "db.yaml", '["password"]'), "user: app\n"),
    "edit": (("edit", "db.yaml"), CHANGED),
    "updatekeys": (("updatekeys", "-y", "db.yaml"), PLAIN),
    "several": (("rotate", "-i", "db.yaml", "more.yaml"), PLAIN),
}
"""Each verb that writes, and what is in the file when it is done."""


def kill() -> None:
    os._exit(KILLED)


def fail() -> None:
    raise OSError(28, "No space left on device")


def child(folder: Path, words: tuple[str, ...], number: int, end: Callable[[], None]) -> int:
    """Run a line in a process in which something happens instead of the `number`-th change below a folder.

    The exit code of the line, or of its end.
    """
    process = os.fork()
    if process:
        return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    code = STUCK
    try:
        os.chdir(folder)
        for stream in (0, 1, 2):
            os.dup2(os.open("/dev/null", os.O_RDWR), stream)
        watch(folder, number, end)
        environ = {**ENVIRON, "PATH": os.environ["PATH"], "HOME": str(folder)}
        code = main.call(["sops", *words], environ)
    finally:  # pytest must not run on in the child
        os._exit(code)


def watch(folder: Path, number: int, end: Callable[[], None]) -> None:
    """From now on, for good: an audit hook cannot be taken away."""
    left = [number]

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event not in {"open", "os.rename", "os.remove", "os.truncate"}:
            return
        if event == "os.remove" and arguments[1] != -1:  # of the private folder of an editor
            return
        path = arguments[0]
        if not isinstance(path, str) or not (folder / path).is_relative_to(folder):
            return
        if event == "open" and not (isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)):
            return
        left[0] -= 1
        if not left[0]:
            end()

    sys.addaudithook(hook)


def plain(path: Path) -> str:
    """What a file holds, whether it is encrypted or not."""
    if b"\nsops:" not in path.read_bytes():
        return path.read_text()
    output = path.parent / "output"
    words = ["sops", "decrypt", "--output", str(output), str(path)]
    assert main.call(words, ENVIRON) == 0, path.read_text()
    text = output.read_text()
    output.unlink()
    return text


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "value.json").write_text('"hunter3"')
    rule = f"creation_rules:\n  - age: {RECIPIENT}\n"
    (tmp_path / ".sops.yaml").write_text(rule)
    (tmp_path / "plain.yaml").write_text(PLAIN)
    words = [
        "sops",
        "encrypt",
        "--age",
        RECIPIENT,
        "--output",
        str(tmp_path / "sealed.yaml"),
        str(tmp_path / "plain.yaml"),
    ]
    assert main.call(words, {}) == 0
    return tmp_path


@pytest.mark.parametrize("end", [kill, fail])
@pytest.mark.parametrize(
    "verb",  # all write by the same function
    [pytest.param(verb, marks=[] if verb in ("encrypt", "set") else [pytest.mark.slow]) for verb in VERBS],
)
def test_the_file_is_the_old_or_the_new_one(verb: str, end: Callable[[], None], folder: Path) -> None:
    words, after = VERBS[verb]
    before = (folder / ("plain.yaml" if verb == "encrypt" else "sealed.yaml")).read_bytes()
    if verb == "updatekeys":
        other = pyrage.x25519.Identity.generate().to_public()
        (folder / ".sops.yaml").write_text(f"creation_rules:\n  - age: {RECIPIENT},{other}\n")
    (path, more) = (folder / "db.yaml", folder / "more.yaml")
    codes = []
    for number in range(1, MOST_EVENTS):
        for file in (path, more):
            file.write_bytes(before)
        names = set(folder.iterdir())
        code = child(folder, words, number, end)
        codes.append(code)
        for file in (path, more):
            if file.read_bytes() != before:
                assert plain(file) == after, (verb, number)
        if end is fail or code == 0:
            assert set(folder.iterdir()) == names, (verb, number)
        if code == 0:
            break
    assert codes[-1] == 0, "the line came to its own end"
    assert len(codes) > 2, "and something happened before"
    assert set(codes[:-1]) <= ({KILLED} if end is kill else {1, 3}), codes
    assert path.read_bytes() != before
