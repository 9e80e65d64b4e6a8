"""The data key of a file, wrapped for each key of each group, and had back from them.

One group: every key wraps the whole data key. More: the data key is split by Shamir's scheme, every key of group i
wraps share i, and a threshold of groups gives it back. Source: getsops/sops sops.go `GetDataKeyWithKeyServices`,
`UpdateMasterKeysWithKeyServices`, release 3.13.3.
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from engine.errors import KsealError
from engine.sensitive import Sensitive
from sealer.sops import shamir
from sealer.sops.errors import NoDataKey, SopsError
from sealer.sops.recipients.base import KeyResolver, KeyService, MasterKey, shown

DATA_KEY_BYTES: Final = 32
DEFAULT_ORDER: Final = ("age", "pgp")
Groups = Sequence[Sequence[MasterKey]]
Services = Mapping[str, KeyService]


class Wrapped(Protocol):
    """What is asked of the metadata of a file."""

    @property
    def key_groups(self) -> Groups:
        """The master keys, each with its wrapped part."""

    @property
    def shamir_threshold(self) -> int:
        """How many groups it takes; 0 for all of them."""


class Attempt(NamedTuple):
    """One master key that was tried, and what was wrong with it: empty when it gave its part."""

    key: MasterKey
    trouble: str


class NotUnwrapped(NoDataKey):
    """Too few groups gave their part. `groups` has the attempts in each."""

    def __init__(self, groups: Sequence[Sequence[Attempt]], needed: int, hints: Sequence[str]) -> None:
        opened = sum(any(not attempt.trouble for attempt in group) for group in groups)
        what = f"{needed} key groups are needed, and {opened} opened" if len(groups) > 1 else "no master key opened"
        lines = [f"cannot get the data key: {what}"]
        for number, group in enumerate(groups):
            where = f"group {number}: " if len(groups) > 1 else ""
            lines += [
                f"  {where}{attempt.key.kind} {shown(attempt.key.identity)}: {attempt.trouble or 'ok'}"
                for attempt in group
            ]
        super().__init__("\n".join(lines), "; ".join(dict.fromkeys(hints)) or None)
        self.groups = groups
        self.needed = needed


def unwrap_data_key(metadata: Wrapped, services: Services, *, order: Sequence[str] = DEFAULT_ORDER) -> Sensitive:
    """The data key. In each group keys are tried by their kind's place in `order`, then as they stand; the first wins.

    Raises: NotUnwrapped, which lists each key that was tried with what was wrong; NoDataKey for groups that cannot
    be put together.
    """
    groups = metadata.key_groups
    needed = 1 if len(groups) < 2 else metadata.shamir_threshold or len(groups)
    length = DATA_KEY_BYTES + (len(groups) > 1)
    parts: list[bytes] = []
    tried: list[list[Attempt]] = []
    hints: list[str] = []
    for group in groups:
        part, attempts = _unwrap_group(_in_order(group, order), services, length, hints)
        parts += [] if part is None else [part]
        tried.append(attempts)
    if len(parts) < needed:
        raise NotUnwrapped(tried, needed, hints)
    if len(groups) == 1:
        return Sensitive(parts[0])
    try:
        return Sensitive(shamir.combine(parts))
    except ValueError as error:
        raise NoDataKey(f"cannot get the data key: the parts of the key groups do not fit together: {error}") from error


def wrap_data_key(
    groups: Groups,
    threshold: int,
    data_key: Sensitive,
    services: Services,
    *,
    now: str,
    random: Callable[[int], bytes] = os.urandom,
) -> list[list[MasterKey]]:
    """The groups again, each key around the data key, or around its group's share. All or nothing.

    `threshold` counts for more than one group, 0 for all of them. `now`, in RFC 3339, is when keys were created that
    do not say so. Raises: SopsError, which lists each key that failed.
    """
    if not groups:
        raise SopsError("no key groups provided")
    if not all(groups):
        raise SopsError("empty key group provided")
    parts = [data_key.reveal()]
    if len(groups) > 1:
        try:
            parts = shamir.split(data_key.reveal(), len(groups), threshold or len(groups), random=random)
        except ValueError as error:
            raise SopsError(f"cannot split the data key between key groups: {error}") from error
    failures: list[tuple[MasterKey, KsealError]] = []
    wrapped: list[list[MasterKey]] = []
    for group, part in zip(groups, parts, strict=True):
        wrapped.append([])
        for key in group:
            try:
                wrapped[-1].append(key.wrapping(_service(services, key).wrap(key, part), now))
            except KsealError as error:
                failures.append((key, error))
    if failures:
        lines = [f"{key.kind} {shown(key.identity)}: cannot wrap the data key: {error}" for key, error in failures]
        raise SopsError("\n".join(lines), "; ".join(dict.fromkeys(_hints(error for _, error in failures))) or None)
    return wrapped


def resolve(groups: Groups, services: Services) -> list[list[MasterKey]]:
    """The groups with each key complete, so that it can be compared with one that a file has. Raises: KsealError."""
    return [[_resolved(key, services.get(key.kind)) for key in group] for group in groups]


def _resolved(key: MasterKey, service: object) -> MasterKey:
    if not isinstance(service, KeyResolver):
        return key
    return MasterKey(key.kind, service.resolve(key), key.enc, key.created_at)


def _unwrap_group(
    group: Sequence[MasterKey], services: Services, length: int, hints: list[str]
) -> tuple[bytes | None, list[Attempt]]:
    attempts: list[Attempt] = []
    for key in group:
        try:
            part = _service(services, key).unwrap(key)
        except KsealError as error:
            attempts.append(Attempt(key, str(error)))
            hints.extend(_hints([error]))
            continue
        if len(part) == length:
            return part, [*attempts, Attempt(key, "")]
        attempts.append(Attempt(key, f"it holds {len(part)} bytes where {length} are wanted"))
    return None, attempts


def _in_order(group: Sequence[MasterKey], order: Sequence[str]) -> list[MasterKey]:
    places = {kind: place for place, kind in enumerate(order)}
    return sorted(group, key=lambda key: places.get(key.kind, len(places)))


def _service(services: Services, key: MasterKey) -> KeyService:
    try:
        return services[key.kind]
    except KeyError:
        raise KsealError(f"nothing here serves keys of kind {key.kind}") from None


def _hints(errors: Iterable[KsealError]) -> list[str]:
    return [error.hint for error in errors if error.hint]
