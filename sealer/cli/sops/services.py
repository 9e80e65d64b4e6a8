"""The key services of one call, each made when a key of its kind comes up.

Keys of age and PGP are served here, those of key services by plug-ins, those that nobody serves by the real sops where
the line allows it, and all of them by other processes where the line names some. Of several that serve one kind, each
is asked until one answers.
"""

import os
from _thread import allocate_lock  # without the rest of threading, which costs half a millisecond
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from engine.errors import KsealError
from sealer.sops.recipients.base import FIELDS

if TYPE_CHECKING:
    from sealer.sops.recipients.base import KeyService

Make = Callable[[str], "KeyService"]
"""A service for a kind of key. Raises: KsealError."""


class Services(Mapping[str, "KeyService"]):
    """By kind of key. Looking one up raises KsealError where its library is missing."""

    def __init__(self, makers: Sequence[Make]) -> None:
        self._makers = makers
        self._made: dict[str, KeyService] = {}
        self._lock = allocate_lock()

    def __getitem__(self, kind: str) -> "KeyService":
        if kind not in FIELDS or not self._makers:
            raise KeyError(kind)
        with self._lock:
            if kind not in self._made:
                self._made[kind] = self._make(kind)
            return self._made[kind]

    def __contains__(self, kind: object) -> bool:
        return bool(self._makers) and kind in FIELDS

    def __iter__(self) -> Iterator[str]:
        return iter(FIELDS if self._makers else ())

    def __len__(self) -> int:
        return len(FIELDS) if self._makers else 0

    def _make(self, kind: str) -> "KeyService":
        if len(self._makers) == 1:
            return self._makers[0](kind)
        from sealer.sops.recipients.remote import InTurn

        made, failures = [], []
        for make in self._makers:
            try:
                made.append(make(kind))
            except KsealError as error:
                failures.append(error)
        if not made:
            raise failures[0]
        return InTurn(made)


def services(environ: Mapping[str, str], *, has_local: bool, uris: Sequence[str], borrows: bool = False) -> Services:
    """What can wrap and unwrap: this process unless it is told not to, and other processes by their addresses.

    `borrows`: the real sops may be started for kinds of key that have no service here.

    Raises: KsealError for what is no address, and where the library for it is missing.
    """
    return Services([*([_Local(environ, borrows=borrows).make] if has_local else []), *map(_remote, uris)])


class _Local:
    def __init__(self, environ: Mapping[str, str], *, borrows: bool) -> None:
        self._environ = environ
        self._borrows = borrows
        self._borrowed: KeyService | None = None

    def make(self, kind: str) -> "KeyService":
        """Raises: KsealError."""
        if kind == "age":
            from sealer.cli.sops.attended import person_at_terminal
            from sealer.sops.recipients.age import AgeService
            from sealer.sops.recipients.lookup import Lookup

            person = person_at_terminal()
            return AgeService(Lookup(self._environ, person=person), person=person)
        if kind == "pgp":
            from sealer.sops.recipients.pgp import PgpService

            return PgpService(self._environ)
        from providers.catalog import key_service

        try:
            return key_service(kind, self._environ)
        except KsealError as error:
            if self._borrows:
                return self._real_sops()
            cure = "--backend sops uses the real sops for it"
            raise KsealError(error.message, f"{error.hint}; or {cure}" if error.hint else cure) from error

    def _real_sops(self) -> "KeyService":
        """One process for all kinds of key. It ends when we do."""
        if self._borrowed is None:
            from sealer.sops.recipients.borrowed import BorrowedKeys

            self._borrowed = BorrowedKeys(self._environ, program=_foreign_sops(self._environ))
        return self._borrowed


def _foreign_sops(environ: Mapping[str, str]) -> str:
    """The first `sops` on PATH that is not a link to ourselves.

    Folders that depend on where we are do not count: a repository must not bring the program that gets our keys.
    """
    for folder in filter(os.path.isabs, environ.get("PATH", "").split(os.pathsep)):
        path = os.path.join(folder, "sops")  # noqa: PTH118  # as elsewhere
        if os.access(path, os.X_OK) and not os.path.basename(os.path.realpath(path)).startswith("kseal"):  # noqa: PTH119
            return path
    return "sops"


def _remote(uri: str) -> Make:
    from sealer.sops.recipients.remote import RemoteKeys

    service = RemoteKeys(uri)
    return lambda _: service
