"""One call of `sops`: what its flags say, its configuration, its keys, its input and its output."""
# ruff: noqa: PTH100, PTH110, PTH120, PTH123  # pathlib would cost 3 ms at each start

import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from engine.errors import KsealError
from sealer.cli import files
from sealer.cli.compat.goflag import Parsed
from sealer.cli.sops.voice import Voice
from sealer.sops.formats.base import LIMITS, by_name, name_for

if TYPE_CHECKING:
    from datetime import datetime

    from sealer.sops.config import Config, Rule
    from sealer.sops.formats.base import Format
    from sealer.sops.index import Path
    from sealer.sops.operations import Keys
    from sealer.sops.recipients.base import MasterKey

MISUSED = 2
GENERIC, CANNOT_READ, CANNOT_WRITE, BAD_CONTEXT, BAD_SET, CONFLICT = 1, 2, 3, 6, 7, 8
KEYS_ON_MISSING_FILE, NO_FILE, DUPLICATE_ORDER = 49, 100, 112
"""Exit codes that are decided here; those of the format belong to its errors."""


class Failed(KsealError):
    """What ends a call with an exit code of its own."""

    def __init__(self, message: str, code: int = GENERIC, hint: str | None = None) -> None:
        super().__init__(message, hint)
        self.code = code


class Call:
    """A parsed line. `settings` holds the flags of the program, `parsed` those of the verb."""

    def __init__(self, parsed: Parsed, settings: Parsed, environ: Mapping[str, str], voice: Voice) -> None:
        self.parsed = parsed
        self.settings = settings
        self.environ = environ
        self.voice = voice
        self.flag = parsed.flag
        self.text = parsed.text
        self.words: Sequence[str] = parsed.words
        self._configs: dict[str, Config | None] = {}
        self._keeping: dict[tuple[str, str], Format] = {}

    @property
    def is_for_many(self) -> bool:
        """Whether the line speaks of several files. The original takes one, and so does a line in its manners."""
        if self.voice.is_original:
            return False
        return len(self.words) > 1 or self.flag("recursive") or self.flag("dry-run")

    # Files

    def file(self) -> str:
        """The absolute path of the first word, with a warning for further ones. Raises: Failed without a word."""
        if not self.words:
            raise Failed("Error: no file specified", NO_FILE, "for example: kseal sops decrypt secrets.yaml")
        self.warn_of_further_words()
        return os.path.abspath(self.words[0])

    def file_and_index(self, verb: str) -> "tuple[str, Path]":
        """The absolute path of the first word, and the place inside that the second one names. Raises: Failed."""
        from sealer.sops.errors import BadPath
        from sealer.sops.index import parse

        try:
            return os.path.abspath(self.words[0]), parse(self.words[1])
        except BadPath as error:
            raise Failed(f"Invalid {verb} index format", BAD_SET, error.message) from error

    def warn_of_further_words(self) -> None:
        """The original takes one file and passes over the rest."""
        if len(self.words) > 1:
            self.voice.warning("More than one positional argument provided. Only the first one will be used!")
            flags = [word for word in self.words[1:] if word.startswith("-")]
            if flags:
                self.voice.warning(f'"{flags[-1]}" looks like a flag, and stands behind the first argument')

    def name_of(self, path: str) -> str:
        """The file name that decides on rules and formats."""
        override = self.text("filename-override")
        return os.path.abspath(override) if override else path

    def read(self, path: str) -> bytes:
        """Raises: Failed."""
        try:
            with open(path, "rb") as file:
                return file.read(LIMITS.bytes + 1)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise Failed(f"Error reading file: open {path}: {reason}", CANNOT_READ) from error

    def read_stdin(self) -> bytes:
        """Raises: Failed, in our manners also when it is a terminal."""
        if sys.stdin is None:
            return b""
        if not self.voice.is_original and sys.stdin.isatty():
            raise Failed(
                "no file is named, and standard input is a terminal", 2, "for example: kseal sops decrypt FILE"
            )
        return sys.stdin.buffer.read(LIMITS.bytes + 1)

    def must_exist(self, path: str) -> None:
        """Raises: Failed."""
        if not os.path.exists(path):
            raise Failed(f'Error: cannot operate on non-existent file "{path}"', NO_FILE)

    def check_output(self) -> None:
        """Raises: Failed for two places to write to."""
        if self.flag("in-place") and self.text("output"):
            raise Failed("Error: cannot operate on both --output and --in-place", CONFLICT)

    def refuse_work_tree(self, path: str) -> None:
        """In our manners, plaintext goes into a Git work tree only by force. Raises: Misused."""
        target = path if self.flag("in-place") else self.text("output")
        if target and not self.voice.is_original:
            files.refuse_work_tree(target, is_forced=self.flag("force"))

    def write(self, data: bytes, path: str | None, *, is_plaintext: bool = False) -> None:
        """To the file itself, to that of --output, or to standard output. Raises: Failed."""
        target = path if path is not None and self.flag("in-place") else self.text("output") or None
        if target is None:
            self.say(data)
            return
        self.replace(target, data, is_plaintext=is_plaintext)

    def replace(self, path: str, data: bytes, *, is_plaintext: bool = False) -> None:
        """Write a file whole. Raises: Failed."""
        try:
            files.write_file(path, data, is_plaintext=is_plaintext and not self.voice.is_original)
        except KsealError as error:
            raise Failed(f"Could not open output file for writing: {error.message}", CANNOT_WRITE) from error
        self.voice.info("File written successfully")

    def say(self, data: bytes) -> None:
        """To standard output; in our manners, a terminal gets no control characters."""
        if self.voice.is_original or sys.stdout is None or not sys.stdout.isatty():
            files.write_output(data, None)
        else:
            files.write_output(data.decode(errors="backslashreplace"), None)

    # Configuration

    def config_path(self, path: str) -> str | None:
        """Where the configuration for a file is: as named, or found from here, on request from where the file is."""
        named = self.settings.text("config")
        if named:
            return named
        from sealer.sops.configfile import find

        found = find(os.path.dirname(path) if self.settings.flag("config-beside-file") else ".")
        if found.warning:
            self.voice.warning(found.warning)
        return found.path

    def config(self, path: str) -> "Config | None":
        """The configuration for a file. Raises: ConfigError."""
        key = os.path.dirname(path) if self.settings.flag("config-beside-file") else ""
        if key not in self._configs:
            where = self.config_path(path)
            if where is None:
                self._configs[key] = None
            else:
                from sealer.sops.config import load

                self._configs[key] = load(where)
        return self._configs[key]

    def rule(self, path: str, context: Mapping[str, str] | None = None) -> "Rule | None":
        """The creation rule for a file. Raises: ConfigError."""
        config = self.config(path)
        return config.rule_for(path, context=context) if config else None

    def input_format(self, path: str) -> "Format":
        """Raises: ConfigError."""
        return self._format(path, self.text("input-type"), None)

    def output_format(self, path: str) -> "Format":
        """Raises: ConfigError."""
        is_set = "indent" in self.settings.given
        return self._format(path, self.text("output-type"), self.settings.number("indent") if is_set else None)

    def _format(self, path: str, wanted: str, spaces: int | None) -> "Format":
        form = self._plain_format(path, wanted, spaces)
        if not self.flag("keep-layout"):
            return form
        from sealer.sops.formats.keeping import Keeping

        # One for input and output, so that what is written is put into what was read.
        return self._keeping.setdefault((path, form.name), Keeping(form, self.voice.warning))

    def _plain_format(self, path: str, wanted: str, spaces: int | None) -> "Format":
        name = name_for(path, wanted)
        if name in {"dotenv", "ini"}:
            self.config(path)  # a configuration that cannot be read is an error even where nothing of it matters
            return by_name(name)
        if spaces is not None:
            from sealer.sops.config import indent

            return by_name(name, indent=indent(name, spaces))
        config = self.config(path)
        return by_name(name, indent=config.indent(name) if config else None)

    # Keys

    def keys(self) -> "Keys":
        """What wraps and unwraps in this call. Raises: Failed, KsealError."""
        from sealer.cli.sops.services import services
        from sealer.sops.groups import DEFAULT_ORDER
        from sealer.sops.operations import Keys

        text = self.text("decryption-order")
        order = tuple(text.split(",")) if text else DEFAULT_ORDER
        for kind in order:
            if order.count(kind) > 1:
                raise Failed(f"Duplicate decryption key type: {kind}", DUPLICATE_ORDER)
        backend = self.settings.text("backend")
        if backend not in {"", "sops"}:
            raise Failed(f'there is no backend "{backend}"', MISUSED, "there is sops")
        has_local, uris = self.flag("enable-local-keyservice"), self.parsed.texts("keyservice")
        return Keys(services(self.environ, has_local=has_local, uris=uris, borrows=bool(backend)), order)

    def context(self) -> dict[str, str] | None:
        """The encryption context for AWS KMS, None where there is none. Raises: Failed."""
        text = self.text("encryption-context")
        if not text:
            return None
        from sealer.sops.recipients.spelling import parse_context

        try:
            return parse_context(text)
        except KsealError as error:
            raise Failed("Invalid KMS encryption context format", BAD_CONTEXT, error.message) from error

    def named_keys(self, prefix: str = "", context: Mapping[str, str] | None = None) -> "list[MasterKey]":
        """The master keys that flags name, `prefix` being `add-` or `rm-`. Raises: KsealError."""
        from sealer.cli.sops.flags import KEY_KINDS
        from sealer.sops.recipients.spelling import parse, split

        named = [
            (kind, text)
            for flag, kind in KEY_KINDS.items()
            for item in (self.parsed.texts(prefix + flag) or (self.text(prefix + flag),))
            for text in split(item)
        ]
        profile = self.text("aws-profile")
        return [
            parse(kind, text, context=context, aws_profile=profile) if kind == "kms" else parse(kind, text)
            for kind, text in named
        ]


def now() -> "datetime":
    """The time of a change."""
    from datetime import UTC, datetime

    return datetime.now(UTC)
