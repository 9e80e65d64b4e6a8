"""How a file differs from the creation rule that it falls under: its keys, its threshold, what it encrypts.

No key is needed for that, and no network: a rule that leaves out the version of a key of Azure is met by any version.
"""

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING

from sealer.sops.keychanges import changes
from sealer.sops.recipients.base import MasterKey
from sealer.sops.selection import Selection

if TYPE_CHECKING:
    from sealer.sops.config import Rule
    from sealer.sops.metadata import Metadata

Groups = Sequence[Sequence[MasterKey]]


class KeyChanges:
    """From the keys of a file to those of its rule: which come, which go, and the threshold between groups."""

    __slots__ = ("added", "before", "groups", "removed", "threshold")

    def __init__(self, metadata: "Metadata", groups: Groups, threshold: int) -> None:
        """`threshold` is that of the rule, 0 where it does not say: then that of the file holds, as far as it can."""
        self.groups = completed(groups, metadata.key_groups)
        found = changes(metadata.key_groups, self.groups)
        self.added = list(chain.from_iterable(change.added for change in found))
        self.removed = list(chain.from_iterable(change.removed for change in found))
        has_groups = len(metadata.key_groups) > 1
        self.before = metadata.shamir_threshold or (len(metadata.key_groups) if has_groups else 0)
        self.threshold = threshold if threshold and len(groups) > 1 else min(self.before, len(groups))
        if len(groups) > 1 and self.threshold < 2:
            self.threshold = len(groups)

    def __bool__(self) -> bool:
        """Whether anything differs. Without several groups, a threshold means nothing."""
        return bool(self.added or self.removed or (len(self.groups) > 1 and self.before != self.threshold))

    @property
    def lines(self) -> list[str]:
        """What differs, in words."""
        lines = [f"missing recipient: {key.kind} {key.identity}" for key in self.added]
        lines += [f"extra recipient: {key.kind} {key.identity}" for key in self.removed]
        if self and not lines:
            lines.append(f"shamir_threshold is {self.before}, and {self.threshold} by the rule")
        return lines

    @property
    def marks(self) -> list[str]:
        """The same for a table of what is going to change."""
        marks = [f"+{key.identity}" for key in self.added] + [f"-{key.identity}" for key in self.removed]
        return marks or ([f"threshold {self.before} -> {self.threshold}"] if self else [])


def key_changes(metadata: "Metadata", rule: "Rule") -> KeyChanges:
    """What would have to change about the keys of a file."""
    return KeyChanges(metadata, rule.groups, rule.shamir_threshold)


def differences(metadata: "Metadata", rule: "Rule", *, is_single_value: bool) -> list[str]:
    """All that differs between a file and its rule, a line each. A file of a single value has no selection."""
    lines = key_changes(metadata, rule).lines
    wanted = rule.selection.or_default()
    if not is_single_value and metadata.selection != wanted:
        lines.append(f"it selects by {_said(metadata.selection)}, and the rule by {_said(wanted)}")
    return lines


def completed(groups: Groups, of_file: Groups) -> list[list[MasterKey]]:
    """The keys of a rule, where one says less than the file has it with what the file has."""
    versioned = {_unversioned(key): key for group in of_file for key in group if key.kind == "azure_kv"}

    def complete(key: MasterKey) -> MasterKey:
        is_open = key.kind == "azure_kv" and not key.text("version")
        found = versioned.get(_unversioned(key)) if is_open else None
        return MasterKey(key.kind, found.fields) if found else key

    return [[complete(key) for key in group] for group in groups]


def _unversioned(key: MasterKey) -> tuple[str, str]:
    return key.text("vault_url"), key.text("name")


def _said(selection: Selection) -> str:
    rule = f'{selection.rule} "{selection.text}"' if selection.rule else "nothing but all values"
    return f"{rule}, with a MAC of what is encrypted" if selection.mac_only_encrypted else rule
