"""`sops edit`: a file in the person's editor, decrypted before and encrypted after.

The plain text lies in a private folder, in memory where possible, which is gone afterwards whatever happens. What
did not change keeps its ciphertext. Source: getsops/sops cmd/sops/edit.go.
"""

import os
import sys
from collections.abc import Mapping

from engine import undumpable
from engine.errors import KsealError
from sealer.cli.sops import editor, example, flags
from sealer.cli.sops.call import CANNOT_READ, CANNOT_WRITE, Call, Failed, now
from sealer.cli.sops.newfile import plan
from sealer.cli.sops.privatefolder import private_folder
from sealer.cli.sops.verbs import SopsVerb
from sealer.sops.envelope import Envelope
from sealer.sops.errors import NoDataKey, SopsError
from sealer.sops.formats.base import LIMITS, Format
from sealer.sops.metadata import VERSION, Metadata
from sealer.sops.operations import Keys, Opened, check_plain, new, open_file, with_keys_of

NOT_MODIFIED = 200
_PRESS = "Press enter to return to the editor, or Ctrl+C to exit."


def run(call: Call) -> int:
    """Edit the file."""
    edit(call, call.file())
    return 0


def edit(call: Call, path: str, *, rule_context: Mapping[str, str] | None = None) -> None:
    """Edit a file, or a new one from an example. Raises: Failed, SopsError, KsealError."""
    undumpable.protect()  # it waits long, with all plain text in its memory
    name = call.name_of(path)
    source, target = call.input_format(name), call.output_format(name)
    keys = call.keys()
    if os.path.exists(path):  # noqa: PTH110  # as elsewhere
        opened = open_file(call.read(path), source, keys, ignore_mac=call.flag("ignore-mac"), warn=call.voice.warning)
    else:
        opened = _example(call, name, source, keys, rule_context)
    try:
        with private_folder(call.environ) as folder:
            edited = _Edit(call, source, target, keys, opened).until_good(f"{folder}/{os.path.basename(path)}")  # noqa: PTH119
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise Failed(f"Could not create temporary file: {reason}", CANNOT_WRITE) from error
    call.replace(path, edited.sealed(target, now=now()))


def _example(call: Call, name: str, source: Format, keys: Keys, rule_context: Mapping[str, str] | None) -> Opened:
    wanted = plan(call, name, source, rule_context)
    branches = source.read_plain(example.text(source))
    metadata = Metadata(wanted.groups, selection=wanted.selection, shamir_threshold=wanted.threshold)
    try:
        return new(branches, metadata, keys, now=now())
    except KsealError as error:
        message = f"Error encrypting the data key with one or more master keys: {error.message}"
        raise NoDataKey(message, error.hint) from error


class _Edit:
    """The rounds with the editor, until what it leaves can be encrypted."""

    def __init__(self, call: Call, source: Format, target: Format, keys: Keys, opened: Opened) -> None:
        self.call = call
        self.source = source
        self.target = target
        self.keys = keys
        self.opened = opened
        self.shows_metadata = call.flag("show-master-keys")

    def until_good(self, path: str) -> Opened:
        """Raises: Failed when nothing changed, the editor fails or the person gives up; OSError."""
        before = self._text()
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123  # as elsewhere
            file.write(before)
        while True:
            editor.run(path, self.call.environ)
            with open(path, "rb") as file:  # noqa: PTH123  # as elsewhere
                after = file.read(LIMITS.bytes + 1)
            if after == before:
                raise Failed("File has not changed, exiting.", NOT_MODIFIED)
            try:
                return self._read(after)
            except SopsError as error:
                self._say_and_wait(error)

    def _text(self) -> bytes:
        if self.shows_metadata:
            return self.target.write_encrypted(Envelope(self.opened.branches, self.opened.metadata))
        return self.target.write_plain(self.opened.branches)

    def _read(self, data: bytes) -> Opened:
        """What the person made of it. Raises: SopsError."""
        old = self.opened
        if self.shows_metadata:
            shown = self.source.read_encrypted(data)
            branches, metadata = shown.branches, shown.metadata
        else:
            branches, metadata = self.source.read_plain(data), old.metadata
            check_plain(branches, self.target)
        made = Opened(branches, metadata.changed(version=_newer(metadata.version)), old.data_key, old.stash)
        return with_keys_of(made, old.metadata, self.keys, now=now()) if self.shows_metadata else made

    def _say_and_wait(self, error: SopsError) -> None:
        """Raises: Failed when nobody is there to press a key."""
        self.call.voice.error(f"Could not load tree, probably due to invalid syntax: {error.message}. {_PRESS}")
        if not _is_key_pressed():
            raise Failed("the edited file cannot be encrypted, and nobody is there to correct it", CANNOT_READ)


def _is_key_pressed() -> bool:
    """Wait for Enter; False where standard input is at its end, or none at all."""
    try:
        return sys.stdin is not None and bool(sys.stdin.readline())
    except OSError:
        return False


def _newer(version: str) -> str:
    """The version of a file, raised to ours where that is newer."""
    if version.startswith("1."):
        return VERSION
    core = version.removeprefix("v").partition("+")[0].partition("-")[0]
    numbers = [int(part) for part in core.split(".") if part.isdigit() and len(part) < 10]
    return VERSION if numbers < [int(part) for part in VERSION.split(".")] else version


VERB = SopsVerb(
    "edit",
    "Edit a file in an editor; a new one begins as an example.",
    "FILE",
    (
        *flags.KEYS,
        *flags.TYPES,
        *flags.SELECTION,
        flags.CONTEXT,
        flags.THRESHOLD,
        flags.SHOW_MASTER_KEYS,
        flags.IGNORE_MAC,
        flags.DECRYPTION_ORDER,
        *flags.KEY_SERVICES,
    ),
    run,
    flags.COMMENT_SELECTION,
    ("kseal sops edit secrets.yaml",),
)
