"""One file from one form to another: bytes in, bytes out, and a report of what was done to which object.

Everything goes by way of plain Secrets in memory: what is sealed or encrypted is opened, and closed again in the other
form. Objects are exchanged where they stand, so that every other byte of a file stays.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from engine.errors import KsealError
from sealer.convert import comments, losses
from sealer.convert.forms import Form, called, is_sealed, is_secret, is_sops, may_be_secrets
from sealer.convert.sopsfile import Decrypted
from sealer.errors import FormatError
from sealer.objectfile import ObjectFile, Placed

Raw = Mapping[str, Any]


class Powers(NamedTuple):
    """What opens and closes. Each is asked for only when something of its form is there, and raises KsealError then
    where the keys for it are missing, and later where they do not fit."""

    sealer: Callable[[], Callable[[Raw, str], Raw]]
    """A SealedSecret from a Secret; the text is how messages call it."""
    unsealer: Callable[[], Callable[[Raw], Raw]]
    encrypter: Callable[[], Callable[[bytes], bytes]]
    """A whole plain text as a SOPS file."""
    decrypter: Callable[[], Callable[[bytes, bool], Decrypted]]
    """A SOPS file in plain text, with the comments that were encrypted or without."""


class Change(NamedTuple):
    """What became of one object, and what the new form does not say of it."""

    object: str
    before: Form
    after: Form
    left_out: tuple[str, ...]


class Converted(NamedTuple):
    """A file in another form; without data it is as it was."""

    data: bytes | None
    changes: tuple[Change, ...]


NOTHING = Converted(None, ())


def convert(data: bytes, source: str, target: Form, powers: Powers, *, may_lose: bool = False) -> Converted:
    """The file with all its Secrets in the target's form. Objects that are in it already stay as they are.

    Without `may_lose` an object is refused that would lose something in the other form; comments in it, and the copy
    of itself that kubectl keeps in it, are left out and reported.

    Raises: KsealError, which begins with the place of the object.
    """
    conversion = _Conversion(source, target, powers, may_lose=may_lose)
    return conversion.from_sops(data) if is_sops(data, source) else conversion.from_objects(data)


class _Conversion:
    """One file on its way."""

    def __init__(self, source: str, target: Form, powers: Powers, *, may_lose: bool) -> None:
        self._source = source
        self._target = target
        self._powers = powers
        self._may_lose = may_lose

    def from_sops(self, data: bytes) -> Converted:
        if self._target is Form.SOPS or not may_be_secrets(ObjectFile(data, source=self._source)):
            return NOTHING
        decrypt = self._powers.decrypter()
        with _at(self._source):
            plain, hidden, has_lost_comments = decrypt(data, self._target is Form.PLAIN)
        file = ObjectFile(plain, source=self._source)
        secrets = _secrets(file)
        if not secrets:
            return NOTHING
        if self._target is Form.PLAIN:
            return Converted(plain, tuple(Change(called(placed), Form.SOPS, Form.PLAIN, ()) for placed in secrets))
        _refuse_others(file, "would come out of the SOPS file in plain text, beside a Secret that is sealed")
        lost = self._left_out(self._source, [f"secrecy of {path}" for path in hidden])
        done = self._sealed(plain, file, Form.SOPS)
        of_file = (*lost, *(["comments"] if has_lost_comments else []))
        merged = [change._replace(left_out=(*change.left_out, *of_file)) for change in done.changes]
        return Converted(done.data, tuple(merged))

    def from_objects(self, data: bytes) -> Converted:
        file = ObjectFile(data, source=self._source)
        if self._target is Form.SEALED:
            return self._sealed(data, file, Form.PLAIN)
        sealed = [placed for placed in file.objects if is_sealed(placed.raw)]
        opened = [(placed, *self._unsealed(placed)) for placed in sealed]
        lost = _comments(data, file, sealed)
        changes = tuple(
            Change(called(placed), Form.SEALED, self._target, (*left_out, *of_text))
            for (placed, _, left_out), of_text in zip(opened, lost, strict=True)
        )
        plain = file.replaced([(placed, raw) for placed, raw, _ in opened]) if opened else data
        if self._target is Form.SOPS:
            return self._encrypted(plain, changes)
        return Converted(plain, changes) if changes else NOTHING

    def _sealed(self, data: bytes, file: ObjectFile, before: Form) -> Converted:
        secrets = _secrets(file)
        if not secrets:
            return NOTHING
        seal = self._powers.sealer()
        changes, sealed = [], []
        for placed, of_text in zip(secrets, _comments(data, file, secrets), strict=True):
            left_out = self._left_out(placed.place, losses.of_secret(placed.raw)) + _copies(placed.raw)
            with _at(placed.place):
                sealed.append((placed, seal(placed.raw, placed.place)))
            changes.append(Change(called(placed), before, Form.SEALED, (*left_out, *of_text)))
        return Converted(file.replaced(sealed), tuple(changes))

    def _unsealed(self, placed: Placed) -> tuple[Raw, list[str]]:
        with _at(placed.place):
            losses.check_sealed(placed.raw)
        left_out = self._left_out(placed.place, losses.of_sealed(placed.raw))
        unseal = self._powers.unsealer()
        with _at(placed.place):
            return unseal(placed.raw), left_out

    def _encrypted(self, plain: bytes, unsealed: tuple[Change, ...]) -> Converted:
        """Only Secrets, without the copies of them that kubectl leaves in an annotation: no rule encrypts it."""
        file = ObjectFile(plain, source=self._source)
        secrets = _secrets(file)
        if not secrets:
            return NOTHING
        _refuse_others(file, "SOPS encrypts whole files, and this is no Secret")
        copies = [(placed, losses.applied(placed.raw)) for placed in secrets if losses.applied(placed.raw)]
        if copies:
            plain = file.patched(
                [(placed, {"metadata": {"annotations": dict.fromkeys(keys)}}) for placed, keys in copies]
            )
        known = {change.object: change for change in unsealed}
        named = [(placed, known.get(called(placed))) for placed in secrets]
        changes = tuple(
            Change(
                called(placed),
                before.before if before else Form.PLAIN,
                Form.SOPS,
                (*(before.left_out if before else ()), *_copies(placed.raw)),
            )
            for placed, before in named
        )
        encrypt = self._powers.encrypter()
        with _at(self._source):
            return Converted(encrypt(plain), changes)

    def _left_out(self, place: str, lost: list[str]) -> list[str]:
        if lost and not self._may_lose:
            raise FormatError(
                f"{place}: has no place in the other form: {', '.join(lost)}",
                "move it to where both forms have it, or leave it out with --lossy",
            )
        return lost


def _secrets(file: ObjectFile) -> list[Placed]:
    return [placed for placed in file.objects if is_secret(placed.raw)]


def _refuse_others(file: ObjectFile, why: str) -> None:
    for placed in file.objects:
        if not is_secret(placed.raw):
            raise FormatError(f"{placed.place}: {why}", "move the Secrets into a file of their own")


def _copies(raw: Raw) -> list[str]:
    return [f'annotation "{key}"' for key in losses.applied(raw)]


def _comments(data: bytes, file: ObjectFile, placed: list[Placed]) -> list[tuple[str, ...]]:
    """For each object whether comments inside it go."""
    from engine.kube.manifest import Form as Written

    if file.form is Written.JSON or b"#" not in data:
        return [()] * len(placed)
    found = comments.places(data)
    return [("comments",) if comments.inside(found, one.spot) else () for one in placed]


@contextmanager
def _at(place: str) -> Iterator[None]:
    """Put the place in front of an error that happens inside."""
    try:
        yield
    except KsealError as error:
        raise KsealError(f"{place}: {error.message}", error.hint) from error
