"""Three versions of a SOPS file to one: values merged in the clear, in memory, and sealed again under one data key.

Where no value has to be read (only one side changed the document, both changed who can open it) no key is asked for.
Otherwise all three are opened, and values that neither side changed keep their ciphertext. A side whose MAC is wrong is
refused: a merge would give it a right one.
"""

import os
from collections.abc import Callable
from datetime import UTC, datetime

from engine.errors import KsealError
from engine.sensitive import Sensitive
from sealer.sops import envelope as envelopes
from sealer.sops.envelope import Envelope
from sealer.sops.errors import MetadataMissing, NoDataKey, SopsError, TreeNotDecrypted
from sealer.sops.formats.base import Format
from sealer.sops.groups import DATA_KEY_BYTES, unwrap_data_key, wrap_data_key
from sealer.sops.metadata import Metadata
from sealer.sops.operations import Keys
from sealer.sops.recipients.base import MasterKey
from sealer.sops.stash import Random, Stash
from sealer.sops.tree import Branches
from sealer.versions import exposure, recipients
from sealer.versions.outcome import Outcome
from sealer.versions.recipients import Policy, identities, identity
from sealer.versions.side import Refused, Side
from sealer.versions.threeway import Merge

_COMMON = "the common version"


def merged(
    base: bytes, ours: bytes, theirs: bytes, form: Format, keys: Keys, *, now: datetime, random: Random = os.urandom
) -> Outcome:
    """The merged file; `base` is empty where both sides added the file, and may be plain where both encrypted it.

    Raises: SopsError, KsealError where a side cannot be opened, or a key does not wrap.
    """
    mine, its = Side("ours", ours, form), Side("theirs", theirs, form)
    before = _base(base, form)
    old = before if isinstance(before, Envelope) else None
    policy = recipients.merged(old.metadata if old else None, mine.metadata, its.metadata)
    carrier = _carrier(old, mine, its, policy)
    if carrier:
        other = its if carrier is mine else mine
        metadata = carrier.metadata.changed(key_groups=_with_wrapping(policy, carrier.metadata, other.metadata))
        return Outcome(_written(Envelope(carrier.envelope.branches, metadata), carrier.data, form))
    return _Opened(mine, its, policy, keys, now, random).merged(before, form)


def _base(data: bytes, form: Format) -> Envelope | Branches:
    if not data.strip():
        return []
    try:
        try:
            return form.read_encrypted(data)
        except MetadataMissing:
            return form.read_plain(data)
    except SopsError as error:
        raise Refused(f"{_COMMON}: {error.message}", error.hint) from error


def _carrier(old: Envelope | None, mine: Side, its: Side, policy: Policy) -> Side | None:
    """The side whose document is the merged one as it stands, when that can be told without opening anything."""
    if old is None or policy.conflicts or not mine.has_key_of(its.envelope):
        return None
    if its.is_document_of(old) or its.is_document_of(mine.envelope):
        side = mine
    elif mine.is_document_of(old):
        side = its
    else:
        return None
    # Of several groups each wraps a part of the data key, which fits only the parts of the same file.
    groups = mine.metadata.key_groups, its.metadata.key_groups, policy.groups
    is_of_one_file = identities(policy.groups) == identities(side.metadata.key_groups)
    return side if all(len(one) == 1 for one in groups) or is_of_one_file else None


def _with_wrapping(policy: Policy, carrier: Metadata, other: Metadata) -> list[list[MasterKey]]:
    """The wanted keys with what they wrap in one of two files of one data key."""
    if len(policy.groups) > 1:
        return carrier.key_groups
    known = {identity(key): key for key in (*other.key_groups[0], *carrier.key_groups[0])}
    return [[known[identity(key)] for key in policy.groups[0]]]


class _Opened:
    """A merge that has to read values."""

    def __init__(  # noqa: PLR0917  # its parts, each of a type of its own
        self, mine: Side, its: Side, policy: Policy, keys: Keys, now: datetime, random: Random
    ) -> None:
        self._mine, self._its, self._policy = mine, its, policy
        self._keys, self._now, self._random = keys, now, random

    def merged(self, before: Envelope | Branches, form: Format) -> Outcome:
        mine, its, policy = self._mine, self._its, self._policy
        mine.unwrap(self._keys)
        if mine.has_key_of(its.envelope):
            its.key = mine.key
        else:
            its.unwrap(self._keys)
        base_key, base = self._open_base(before)
        chosen, other = (its, mine) if self._is_theirs_newer(base_key) else (mine, its)
        stash = Stash()
        other.decrypt(stash)
        chosen.decrypt(stash)  # last, so that its ciphertext is kept where both have the value
        merge = Merge(notes_are_behind=form.name == "ini")
        branches = merge.documents(base, mine.plain, its.plain)
        self._refuse_exposure(branches)
        data_key, groups = self._wrapped(chosen, other)
        metadata = Metadata(
            groups,
            selection=policy.selection,
            shamir_threshold=self._threshold(),
            version=chosen.metadata.version,
        )
        made = envelopes.encrypt(branches, metadata, data_key.reveal(), now=self._now, stash=stash, random=self._random)
        data = _written(made, mine.data, form)
        form.read_encrypted(data).decrypt(data_key.reveal())  # what does not verify is never left behind
        return Outcome(data, (*merge.conflicts, *policy.conflicts))

    def _open_base(self, before: Envelope | Branches) -> tuple[Sensitive | None, Branches]:
        """The data key and the values of the common version. Its MAC does not count: nothing of it is sealed again.

        It may be from before the person could open the file; then the key of a side does, unless both rotated it.
        """
        if not isinstance(before, Envelope):
            return None, before
        ways: list[Callable[[], Sensitive]] = [
            lambda: self._mine.key,
            lambda: self._its.key,
            lambda: unwrap_data_key(before.metadata, self._keys.services, order=self._keys.order),
        ]
        for way in ways:
            try:
                key = way()
                return key, before.decrypt(key.reveal(), ignore_mac=True)
            except TreeNotDecrypted:
                continue
            except KsealError as error:
                raise Refused(f"{_COMMON}: {error.message}", error.hint) from error
        raise NoDataKey(f"{_COMMON}: its values do not open under its data key")

    def _is_theirs_newer(self, base_key: Sensitive | None) -> bool:
        """Whether their data key is taken: that of the side which rotated, of two the one that did last."""
        if self._its.key in (self._mine.key, base_key):
            return False
        return self._mine.key == base_key or _time(self._its.metadata) > _time(self._mine.metadata)

    def _refuse_exposure(self, branches: Branches) -> None:
        sides = [(side.plain, side.metadata.selection) for side in (self._mine, self._its)]
        try:
            exposure.check(branches, self._policy.selection, sides)
        except exposure.Exposed as exposed:
            raise Refused(
                f"{exposed.place}: encrypted on one side, and plain by the rule of the other",
                "bring the rule of the file to both branches first, then merge",
            ) from None

    def _wrapped(self, chosen: Side, other: Side) -> tuple[Sensitive, list[list[MasterKey]]]:
        """The data key of the merged file, and its master keys around it. What they wrapped stays where it can."""
        policy, wanted = self._policy, identities(self._policy.groups)
        has_one_key = chosen.key == other.key
        metadata = chosen.metadata
        if not has_one_key and not _all(identities(metadata.key_groups)) <= _all(wanted):
            # The data key changed, and somebody was removed who knows the newer one, too: a third one is in order.
            return self._wrapped_anew(Sensitive(self._random(DATA_KEY_BYTES)))
        if len(wanted) == len(metadata.key_groups) == 1:
            sources = [metadata, *([other.metadata] if has_one_key and len(other.metadata.key_groups) == 1 else [])]
            known = {identity(key): key for source in reversed(sources) for key in source.key_groups[0] if key.enc}
            missing = [key for key in policy.groups[0] if identity(key) not in known]
            if missing:
                (made,) = wrap_data_key([missing], 0, chosen.key, self._keys.services, now=self._stamp())
                known.update((identity(key), key) for key in made)
            return chosen.key, [[known[identity(key)] for key in policy.groups[0]]]
        if wanted == identities(metadata.key_groups) and policy.shamir_threshold == metadata.shamir_threshold:
            return chosen.key, metadata.key_groups
        return self._wrapped_anew(chosen.key)

    def _wrapped_anew(self, data_key: Sensitive) -> tuple[Sensitive, list[list[MasterKey]]]:
        services = self._keys.services
        return data_key, wrap_data_key(
            self._policy.groups, self._threshold(), data_key, services, now=self._stamp(), random=self._random
        )

    def _threshold(self) -> int:
        count = len(self._policy.groups)
        return min(self._policy.shamir_threshold or count, count) if count > 1 else self._policy.shamir_threshold

    def _stamp(self) -> str:
        return self._now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _all(groups: list[list[recipients.Identity]]) -> set[recipients.Identity]:
    return {one for group in groups for one in group}


def _time(metadata: Metadata) -> datetime:
    return datetime.fromisoformat(metadata.last_modified).astimezone(UTC)


def _written(envelope: Envelope, source: bytes, form: Format) -> bytes:
    """The text; in YAML with the source's own quotes and blank lines, where only values changed."""
    from sealer.sops.formats.yaml import Yaml

    if isinstance(form, Yaml):
        in_place = form.edit_encrypted(source, envelope).text
        if in_place is not None:
            return in_place
    return form.write_encrypted(envelope)
