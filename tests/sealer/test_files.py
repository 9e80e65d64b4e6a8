"""Inputs read whole, outputs written whole or not at all."""

import io
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from engine.errors import KsealError
from sealer.cli import files
from sealer.cli.compat.call import read_file
from sealer.cli.files import Input, read_inputs, refuse_work_tree, write_file, write_output
from sealer.cli.misuse import Misused


class Pipe(io.BytesIO):
    """Standard input or output that is no terminal."""

    @property
    def buffer(self) -> "Pipe":
        return self

    def isatty(self) -> bool:
        return False


class Tty(Pipe):
    def isatty(self) -> bool:
        return True


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def names_in(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


def test_inputs_are_read_in_order_and_dash_is_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"1")
    monkeypatch.setattr("sys.stdin", Pipe(b"2"))
    assert read_inputs([str(file), "-"], example="x") == [Input(str(file), b"1"), Input("stdin", b"2")]


def test_no_file_and_a_pipe_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Pipe(b"2"))
    assert read_inputs([], example="x") == [Input("stdin", b"2")]


@pytest.mark.parametrize("stdin", [Tty(), None])
def test_nothing_to_read_is_misuse_with_an_example(monkeypatch: pytest.MonkeyPatch, stdin: Tty | None) -> None:
    monkeypatch.setattr("sys.stdin", stdin)
    with pytest.raises(Misused) as caught:
        read_inputs([], example="kseal seal x.yaml")
    assert caught.value.hint == "for example: kseal seal x.yaml"


def test_standard_input_cannot_be_read_twice() -> None:
    with pytest.raises(Misused, match="once only"):
        read_inputs(["-", "-"], example="x")


def test_an_unreadable_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(KsealError, match=r"cannot read .*: no such file or directory"):
        read_inputs([str(tmp_path / "none")], example="x")
    with pytest.raises(KsealError, match=r"cannot read .*: is a directory"):
        read_inputs([str(tmp_path)], example="x")


def test_what_has_no_end_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    class Endless(Pipe):
        def read(self, size: int | None = -1) -> bytes:
            assert size is not None
            assert size > 0, "all of it is asked for"
            return b"\0" * size

    with pytest.raises(KsealError, match=r"^/dev/zero: more than the 67108864 bytes that are read$"):
        read_inputs(["/dev/zero"], example="")
    monkeypatch.setattr("sys.stdin", Endless())
    with pytest.raises(KsealError, match=r"^stdin: more than"):
        read_inputs(["-"], example="")
    with pytest.raises(KsealError, match=r"^/dev/zero: more than"):
        read_file("/dev/zero")


def test_a_new_file_is_private_and_an_old_one_keeps_its_mode(tmp_path: Path) -> None:
    new, old = tmp_path / "new", tmp_path / "old"
    old.write_text("before")
    old.chmod(0o640)
    write_file(str(new), b"text")
    write_file(str(old), b"text")
    assert (new.read_text(), mode_of(new)) == ("text", 0o600)
    assert (old.read_text(), mode_of(old)) == ("text", 0o640)
    assert names_in(tmp_path) == {"new", "old"}


def test_plaintext_is_private_whatever_was_there(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("before")
    file.chmod(0o644)
    write_file(str(file), b"text", is_plaintext=True)
    assert mode_of(file) == 0o600


def test_a_link_stays_and_its_target_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    target, link = tmp_path / "real" / "file", tmp_path / "link"
    target.write_text("before")
    link.symlink_to("real/file")
    write_file(str(link), b"text")
    assert link.is_symlink()
    assert target.read_text() == "text"
    dangling = tmp_path / "dangling"
    dangling.symlink_to("real/new")
    write_file(str(dangling), b"text")
    assert (tmp_path / "real" / "new").read_text() == "text"


def test_a_pipe_is_written_to_as_it_is(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    seen: list[bytes] = []
    reader = threading.Thread(target=lambda: seen.append(pipe.read_bytes()))
    reader.start()
    write_file(str(pipe), b"text")
    reader.join(10)
    assert seen == [b"text"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_standard_output_may_be_named_as_a_file() -> None:
    program = "from sealer.cli.files import write_file; write_file('/dev/stdout', b'text')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, timeout=60)
    assert done.stdout == b"text"


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt(), SystemExit(143)])
def test_a_write_that_fails_leaves_everything_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    file = tmp_path / "file"
    file.write_text("before")

    def fail(_: int) -> None:
        raise failure

    monkeypatch.setattr(files.os, "fsync", fail)
    with pytest.raises(KsealError if isinstance(failure, OSError) else type(failure)) as caught:
        write_file(str(file), b"text")
    assert file.read_text() == "before"
    assert names_in(tmp_path) == {"file"}
    if isinstance(failure, OSError):
        assert str(caught.value) == f"cannot write {file}: no space left on device"


def test_a_missing_folder_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(KsealError, match=r"cannot write .*: no such file or directory"):
        write_file(str(tmp_path / "none" / "file"), b"text")
    with pytest.raises(KsealError, match=r"cannot write .*"):
        write_file(str(tmp_path), b"text")


def test_plaintext_is_kept_out_of_work_trees(tmp_path: Path) -> None:
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    (tmp_path / "repo" / "deep" / "er").mkdir(parents=True)
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / ".git").write_text("gitdir: elsewhere")
    (tmp_path / "outside").symlink_to("repo/deep/secret.yaml")
    for inside in ("repo/x", "repo/deep/er/x", "linked/x", "outside"):
        with pytest.raises(Misused, match="inside the Git work tree") as caught:
            refuse_work_tree(str(tmp_path / inside), is_forced=False)
        assert "--force" in str(caught.value.hint)
        refuse_work_tree(str(tmp_path / inside), is_forced=True)
    refuse_work_tree(str(tmp_path / "free"), is_forced=False)
    refuse_work_tree(None, is_forced=False)
    refuse_work_tree("-", is_forced=False)


def test_output_goes_to_standard_output_as_utf8(monkeypatch: pytest.MonkeyPatch) -> None:
    out = Pipe()
    monkeypatch.setattr("sys.stdout", out)
    write_output("ü\x9b\n", None)
    write_output("again\n", "-")
    assert out.getvalue() == "ü\x9b\nagain\n".encode()


def test_a_terminal_is_shown_no_control_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    out = Tty()
    monkeypatch.setattr("sys.stdout", out)
    write_output('a: "\x9b\x7f"\n', None)
    assert out.getvalue() == b'a: "\\u009b\\u007f"\n'


class Full(Pipe):
    def flush(self) -> None:
        raise OSError(28, "No space left on device")


def test_standard_output_that_takes_nothing_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", Full())
    with pytest.raises(KsealError, match="standard output: no space left on device"):
        write_output("text", None)
    monkeypatch.setattr("sys.stdout", None)
    with pytest.raises(KsealError, match="standard output is closed"):
        write_output("text", None)


def test_folders_of_many_files_are_flushed_once_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[str] = []
    monkeypatch.setattr(files, "_flush_folder", flushed.append)
    with files.FlushedTogether():
        for name in ("a", "b", "c"):
            files.write_file(str(tmp_path / name), b"1")
        assert flushed == []
    assert flushed == [str(tmp_path)]
    files.write_file(str(tmp_path / "d"), b"1")
    assert flushed == [str(tmp_path)] * 2
