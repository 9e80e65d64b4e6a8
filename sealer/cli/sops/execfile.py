"""`sops exec-file`: a command that finds the decrypted file under the name that stands for `{}`.

It is a pipe with a name, so that the plain text is nowhere but in memory; a program that reads its file twice, or seeks
in it, needs --no-fifo, which is a file in a private folder.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sealer.cli.compat.goflag import Flag
from sealer.cli.sops import child, flags
from sealer.cli.sops.call import GENERIC, Call, Failed
from sealer.cli.sops.privatefolder import private_folder
from sealer.cli.sops.verbs import SopsVerb
from sealer.sops.operations import decrypt_file

_NAME = "tmp-file"


def run(call: Call) -> int:
    """Run the command; its exit code."""
    if len(call.words) != 2:
        raise Failed("error: missing file to decrypt", hint="for example: kseal sops exec-file secrets.yaml 'cat {}'")
    path, command = os.path.abspath(call.words[0]), call.words[1]  # noqa: PTH100  # as elsewhere
    source, target = call.input_format(path), call.output_format(path)
    keys = call.keys()
    plain = decrypt_file(call.read(path), source, target, keys, warn=call.voice.warning)
    if call.flag("background"):
        call.voice.warning("exec-file's --background option is deprecated")
    name = _local(call.text("filename"))
    child.become(call.text("user"))
    try:
        with private_folder(call.environ, prefix=".sops") as folder:
            if call.flag("no-fifo"):
                file = _written(os.path.join(folder, name or _NAME), plain)  # noqa: PTH118  # as elsewhere
                return _run(call, command, file)
            with _pipe(os.path.join(folder, name or _NAME), plain) as pipe:  # noqa: PTH118  # as elsewhere
                return _run(call, command, pipe)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise Failed(f"cannot make a place for the decrypted file: {reason}", GENERIC) from error


def _run(call: Call, command: str, file: str) -> int:
    return child.run(call, command.replace("{}", file), child.environment(call, {}))


def _local(name: str) -> str:
    """A name that stays inside of the folder. Raises: Failed."""
    if os.path.isabs(name) or ".." in name.split("/"):  # noqa: PTH117  # as elsewhere
        raise Failed("The provided filename is not a local path.")
    return name


def _written(path: str, data: bytes) -> str:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123  # as elsewhere
        file.write(data)
    return path


@contextmanager
def _pipe(path: str, data: bytes) -> Iterator[str]:
    """A named pipe that gives the data to its first reader."""
    os.mkfifo(path, 0o600)
    writer = threading.Thread(target=_give, args=(path, data), daemon=True)
    writer.start()
    try:
        yield path
    finally:
        # A writer that still waits for a reader gets one, which goes away at once.
        os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
        writer.join(timeout=1)


def _give(path: str, data: bytes) -> None:
    """Opening waits for a reader; one that has seen enough ends it."""
    try:
        with open(path, "wb", buffering=0) as pipe:  # noqa: PTH123  # as elsewhere
            view = memoryview(data)
            while view:
                view = view[pipe.write(view) :]
    except BrokenPipeError:
        return


VERB = SopsVerb(
    "exec-file",
    "Run a command with the decrypted file under the name that stands for {}.",
    "FILE COMMAND",
    (
        flags.BACKGROUND,
        Flag(("no-fifo",), "a file instead of a pipe"),
        flags.USER,
        *flags.TYPES,
        Flag(("filename",), f"name of the file or pipe [default: {_NAME}]", "NAME"),
        flags.DECRYPTION_ORDER,
        *flags.KEY_SERVICES,
    ),
    run,
    examples=("kseal sops exec-file secrets.yaml 'app --config {}'",),
)
