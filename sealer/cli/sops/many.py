"""Many files in one call: `kseal sops decrypt|encrypt|updatekeys|rotate|verify` with several files, or with folders.

Each file is done whole or left as it was; what goes wrong with one does not keep the others from it, and is named at
the end. Below folders, files are found by what is in them; no link is followed, and `.git` is passed by.
"""

import os
from collections.abc import Callable, Iterator
from typing import TypeVar

from engine.errors import KsealError
from sealer.cli import files, listing
from sealer.cli.sops.call import CANNOT_READ, Call, Failed
from sealer.cli.terminal import Terminal
from sealer.rotation import tree
from sealer.rotation.sops import may_be_sops
from sealer.sops.batch import Batch, Done
from sealer.sops.configfile import NAME, OTHER_NAME
from sealer.sops.formats.base import LIMITS
from sealer.sops.operations import Keys
from sealer.sops.vaultservers import limited_by

MISUSED, DIFFERENT = 2, 3

Result = TypeVar("Result")


class Found:
    """A file to look at: its absolute path, how messages call it, and whether somebody named it."""

    __slots__ = ("is_named", "path", "shown")

    def __init__(self, path: str, *, is_named: bool) -> None:
        self.path = os.path.abspath(path)  # noqa: PTH100  # as elsewhere
        self.shown = path
        self.is_named = is_named

    def read(self) -> bytes:
        """Raises: Failed."""
        try:
            return tree.read(self.path, is_named=self.is_named, most=LIMITS.bytes)
        except KsealError as error:
            what = error.message.removeprefix("cannot read ").removeprefix(f"{self.path}: ")
            raise Failed(f"cannot be read: {what}", CANNOT_READ, error.hint) from error


class Many:
    """One call over many files."""

    def __init__(self, call: Call, example: str, *, is_for_plain: bool = False) -> None:
        """`is_for_plain`: whether plain files below folders are looked at, too.

        Raises: Failed where no file is named, or a folder without --recursive.
        """
        if not call.words:
            raise Failed("no file or folder is named", MISUSED, f"for example: {example}")
        folders = [word for word in call.words if os.path.isdir(word)]  # noqa: PTH112  # as elsewhere
        if folders and not call.flag("recursive"):
            raise Failed(f"{folders[0]} is a folder", MISUSED, f"add --recursive, for example: {example}")
        self.call = call
        self.terminal = Terminal(
            call.environ, colour=call.settings.text("color") or "auto", is_quiet=call.settings.flag("quiet")
        )
        self._is_for_plain = is_for_plain
        self._missing: list[Done[Found, None]] = []
        self.found = list(self._files())

    def each(self, what: str, keys: Keys, work: Callable[[Found, Batch], Result]) -> list[Done[Found, Result]]:
        """The results of all files in their order, with a line that counts."""
        files.end_by_exception()
        batch = Batch(keys)
        progress = self.terminal.progress(what, len(self.found))
        try:
            with files.FlushedTogether():
                return batch.each(self.found, lambda found: work(found, batch), progress.step)
        finally:
            progress.end()

    def keys_for(self, found: Found, batch: Batch) -> Keys:
        """The keys of the batch as far as the rule of a file goes. A file without a rule that holds has none."""
        return limited_by(batch.keys, lambda: self.call.rule(found.path, {}), self.call.environ)

    def failures(self, done: list[Done[Found, Result]]) -> int:
        """Name what went wrong, and count it."""
        failed = [(one.item.shown, one.error) for one in self._missing if one.error]
        failed += [(one.item.shown, one.error) for one in done if one.error]
        for shown, error in failed:
            self.terminal.error(f"{shown}: {flat(error.message)}")
        for hint in dict.fromkeys(error.hint for _, error in failed if error.hint):  # the same for most of them
            self.terminal.hint(hint)
        return len(failed)

    def _files(self) -> Iterator[Found]:
        seen = set()
        for word in self.call.words:
            is_folder = os.path.isdir(word)  # noqa: PTH112  # as elsewhere
            try:
                for path in tree.walk([word], endings=("",)):
                    real = os.path.realpath(path)
                    is_rules = os.path.basename(path) in (NAME, OTHER_NAME)  # noqa: PTH119  # as elsewhere
                    is_worth = not is_folder or self._is_for_plain or may_be_sops(path)
                    if real not in seen and not is_rules and is_worth:
                        seen.add(real)
                        yield Found(path, is_named=not is_folder)
            except KsealError as error:
                what = KsealError(error.message.removeprefix(f"{word}: "), error.hint)
                self._missing.append(Done(Found(word, is_named=True), None, what))


def refuse(call: Call, *names: str) -> None:
    """Raises: Failed for flags that make sense with one file only."""
    for name in names:
        if call.flag(name) or call.text(name):
            raise Failed(f"--{name} is for one file", MISUSED)


def require_in_place(call: Call, example: str) -> None:
    """Raises: Failed where the result of several files would have to go to one place."""
    if not call.flag("in-place"):
        raise Failed("several files are written where they stand: add --in-place", MISUSED, f"for example: {example}")


def show(rows: list[tuple[str, str, str]]) -> None:
    """What changes, or would: a row for each file."""
    files.write_output(listing.table(("FILE", "STATE", "CHANGES"), rows), None)


def flat(message: str) -> str:
    """A message of several lines as one."""
    return "; ".join(line.strip() for line in message.split("\n") if line.strip())
