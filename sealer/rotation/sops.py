"""SOPS files in a rotation: a new data key, under the keys that the creation rule of each file wants.

A file is due when its keys are not those of its rule, or when it was last encrypted longer ago than was asked for. So a
second run finds nothing due. Rules come from the nearest `.sops.yaml` above a file, and never from outside the top.
"""

import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from engine.errors import KsealError
from sealer.rotation import tree
from sealer.sops.compliance import key_changes
from sealer.sops.config import Config, NoRuleMatches, Rule, loads
from sealer.sops.configfile import NAME, OTHER_NAME
from sealer.sops.errors import MetadataMissing
from sealer.sops.formats.base import LIMITS, by_name, name_for
from sealer.sops.operations import Keys
from sealer.sops.rewrap import with_keys
from sealer.sops.vaultservers import limited
from sealer.sops.verify import may_be_encrypted

if TYPE_CHECKING:
    from sealer.sops.formats.base import Format
    from sealer.sops.metadata import Metadata

MOST_BYTES: Final = LIMITS.bytes


def may_be_sops(file: str) -> bool:
    """Whether it pays to read a file below a folder: most files of other formats are no single value of SOPS."""
    return name_for(file) != "binary" or tree.starts(file, b"{")


class Rotated(NamedTuple):
    """A SOPS file: why it is due, in words, and what it becomes. Neither where it stays."""

    reasons: tuple[str, ...] = ()
    data: bytes | None = None


class Rules:
    """The nearest `.sops.yaml` of each file. Used by several threads at once."""

    def __init__(self, top: str | Path | None) -> None:
        """`top` is the folder above which nothing counts, None where a person's own folders do."""
        self._top = _absolute(top) if top is not None else None
        self._loaded: dict[Path, Config | None] = {}

    def config_for(self, file: str) -> Config | None:
        """Raises: KsealError for one that cannot be used."""
        for folder in _absolute(file).parents:
            if folder not in self._loaded:
                path = str(folder / NAME)
                # No link, for whoever wrote a repository may have it lead anywhere.
                self._loaded[folder] = loads(tree.read(path), path) if os.path.lexists(path) else None
            if self._loaded[folder] is not None or folder == self._top:
                return self._loaded[folder]
        return None

    def rule_for(self, file: str) -> Rule | None:
        """The creation rule of a file, None where no rule is for it. Raises: KsealError."""
        config = self.config_for(file)
        try:
            return config.rule_for(str(_absolute(file)), context={}) if config else None
        except NoRuleMatches:
            return None


class SopsRotation:
    """What a run knows: the keys, the rules, and how old a file may be."""

    def __init__(
        self,
        keys: Keys,
        rules: Rules,
        *,
        older_than: timedelta | None,
        now: datetime,
        environ: Mapping[str, str],
    ) -> None:
        """`older_than`: how long ago a file must have been encrypted to be due for that alone, None for never.

        `environ` may say which servers of Vault are asked besides those of the rules.
        """
        self._keys, self._rules, self._older_than, self._now = keys, rules, older_than, now
        self._environ = environ

    def rotate(self, file: str, data: bytes) -> Rotated | None:
        """What becomes of a file, None for one that is not encrypted.

        Raises: KsealError for one that cannot be read, opened, or wrapped for its keys.
        """
        form = self._form(file, data)
        if form is None:
            return None
        try:
            metadata = form.read_encrypted(data).metadata
        except MetadataMissing:
            return None
        rule = self._rules.rule_for(file)
        changes = key_changes(metadata, rule) if rule else None
        reasons = [*(changes.marks if changes else ()), *self._age(metadata)]
        if not reasons:
            return Rotated()
        groups, threshold = (
            (changes.groups, changes.threshold) if changes else (metadata.key_groups, metadata.shamir_threshold)
        )
        keys = limited(self._keys, rule, self._environ)
        made = with_keys(
            data, form, keys, groups=groups, shamir_threshold=threshold, is_new_data_key=True, now=self._now
        )
        return Rotated(tuple(reasons), made)

    def _form(self, file: str, data: bytes) -> "Format | None":
        """The format of a file that may be encrypted. Its rules are asked for the indentation only then."""
        name = name_for(file)
        if Path(file).name in (NAME, OTHER_NAME) or not may_be_encrypted(data, by_name(name)):
            return None
        config = self._rules.config_for(file) if name not in {"dotenv", "ini"} else None
        return by_name(name, indent=config.indent(name) if config else None)

    def _age(self, metadata: "Metadata") -> list[str]:
        """How old its data key is at least. No release writes down when a data key was made, but it is no younger than
        the last encryption under it, nor than what wraps it."""
        if self._older_than is None:
            return []
        texts = [metadata.last_modified, *(key.created_at or "" for key in chain(*metadata.key_groups))]
        oldest = min(moment for text in texts if (moment := _moment(text)))
        return [f"of {oldest:%Y-%m-%d}"] if oldest <= self._now - self._older_than else []


def _absolute(path: str | Path) -> Path:
    """Without `..`, as paths are matched; links stay what they are."""
    return Path(os.path.normpath(Path(path).absolute()))


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone(UTC) if text else None
    except ValueError:
        raise KsealError("the metadata: a time cannot be read") from None
