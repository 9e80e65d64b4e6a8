"""SOPS in a delivery: what a build takes from a source, and what comes out of the build, in plain text.

The shape is that of the `Decryptor` that a build is given: `check` for the source of resources, `file` for what
generators and patches read, `resource` for what is built. Which texts count as encrypted, and what they become, is as
Flux has it; a MAC is looked at besides, wherever the text is still the author's own.
Source: fluxcd/kustomize-controller internal/decryptor/decryptor.go.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from engine.errors import KsealError
from sealer.encoding import Base64Error, decode, encode
from sealer.objectfile import called
from sealer.sops.datakeys import DataKeys
from sealer.sops.envelope import Envelope
from sealer.sops.errors import MacMismatch, NoDataKey, SopsError, TreeNotDecrypted
from sealer.sops.formats.base import by_name
from sealer.sops.groups import Services
from sealer.sops.markers import detected, form_of, is_marked
from sealer.sops.origins import Origins, envelopes_of
from sealer.sops.tree import Branches

DISABLED: Final = "kustomize.toolkit.fluxcd.io/decrypt"
"""The annotation with which an object, saying `disabled`, stays as it is."""

_MEBIBYTE: Final = 1024 * 1024
_BUILT_HINT: Final = "the object was changed on its way here; the seal can be checked on the file that it comes from"


class Bounds(NamedTuple):
    """How much one run decrypts before it is refused."""

    file_bytes: int = 5 * _MEBIBYTE
    """Size of one encrypted file, resource or item, as in Flux."""
    files: int = 10_000
    seconds: float = 600.0
    """Since the beginning of the run; it is looked at before each file, and services have limits of their own."""


class Decryptor:
    """One run over one source. A context manager: at its end the data keys are wiped. Used by many threads at once."""

    def __init__(
        self,
        services: Services,
        *,
        bounds: Bounds | None = None,
        refuses_wrong_mac: bool = False,
        warn: Callable[[str], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`services` are those of `ClusterKeys`. A wrong MAC is told to `warn`, or, on request, refused."""
        self._keys = DataKeys(services)
        self._bounds = bounds or Bounds()
        self._refuses_wrong_mac = refuses_wrong_mac
        self._warn = warn
        self._clock = clock
        self._begun = clock()
        self._count = 0
        self._lock = threading.Lock()
        self._origins = Origins()

    def __enter__(self) -> "Decryptor":
        return self

    def __exit__(self, *_: object) -> None:
        self._keys.wipe()

    def check(self, data: bytes, place: str, form: str | None = None) -> bool:
        """Look at the seals of a file that resources come from; whether all in it are right.

        What is right here is not doubted when the resources have been built. What does not open is no error yet: it
        may be left out of the build. `form` is that of the name where it is not said.

        Raises: SopsError for a text that cannot be read, and for a wrong MAC where that is refused.
        """
        form = form or form_of(place)
        if not is_marked(data, form):
            return True
        with self._at(place, len(data)):
            results = [self._has_right_mac(envelope, place) for envelope in envelopes_of(by_name(form), data)]
        return all(results)

    def file(self, data: bytes, place: str, form: str) -> bytes:
        """What a generator or a patch reads, in its own format; a text that is not encrypted stays as it is.

        Raises: SopsError, which begins with `place`.
        """
        return self._text(data, place, form, form) if is_marked(data, form) else data

    def resource(self, raw: Mapping[str, Any]) -> Mapping[str, Any]:
        """A built object in plain text: as a whole where it has a seal, else the items of a Secret that are SOPS
        files. One without anything encrypted is given back as it is.

        Raises: SopsError, which begins with the object: `Secret/shop/db: ...`.
        """
        if _is_disabled(raw):
            return raw
        sops = raw.get("sops")
        if isinstance(sops, Mapping) and sops.get("mac"):
            return self._object(raw)
        return self._secret(raw) if raw.get("kind") == "Secret" else raw

    def _object(self, raw: Mapping[str, Any]) -> Mapping[str, Any]:
        place, form = called(raw), by_name("json")
        data = _json(raw, place)
        with self._at(place, len(data)):
            envelope = form.read_encrypted(data)
            key = self._keys.get(envelope.metadata).reveal()
            if self._origins.have(envelope):
                plain = envelope.decrypt(key, ignore_mac=True)
            else:
                is_told = self._origins.has_told(envelope)
                plain = self._opened(envelope, key, place, _BUILT_HINT, is_told=is_told)
            found: dict[str, Any] = json.loads(form.write_plain(plain))
            return found

    def _secret(self, raw: Mapping[str, Any]) -> Mapping[str, Any]:
        """Items that a generator put there, say, from a file under another name than its own."""
        items = raw.get("data")
        if not isinstance(items, Mapping):
            return raw
        opened = {}
        for key, text in items.items():
            try:
                data = decode(text) if isinstance(text, str) else b""
            except Base64Error:
                continue  # whoever applies the object says so, with better words
            form = detected(data)
            if form is not None:
                opened[key] = encode(self._text(data, f'{called(raw)}: data["{key}"]', form, form_of(key)))
        return {**raw, "data": {**items, **opened}} if opened else raw

    def _text(self, data: bytes, place: str, source: str, target: str) -> bytes:
        with self._at(place, len(data)):
            envelope = by_name(source).read_encrypted(data)
            key = self._keys.get(envelope.metadata).reveal()
            return by_name(target).write_plain(self._opened(envelope, key, place, None))

    def _opened(
        self, envelope: Envelope, key: bytes, place: str, hint: str | None, *, is_told: bool = False
    ) -> Branches:
        """The plain branches, be the MAC right or, where that is allowed, wrong. Raises: SopsError."""
        try:
            return envelope.decrypt(key)
        except MacMismatch as error:
            if self._refuses_wrong_mac:
                raise MacMismatch(
                    error.message, hint or "encrypt the file anew with the values that are meant"
                ) from None
            if not is_told:
                self._warn(f"{place}: {error.message}")
            return envelope.decrypt(key, ignore_mac=True)

    def _has_right_mac(self, envelope: Envelope, place: str) -> bool:
        try:
            key = self._keys.get(envelope.metadata).reveal()
            envelope.decrypt(key)
        except MacMismatch as error:
            if self._refuses_wrong_mac:
                raise
            self._warn(f"{place}: {error.message}")
            self._origins.tell(envelope)
            return False
        except (NoDataKey, TreeNotDecrypted):
            return False
        self._origins.add(envelope)
        return True

    @contextmanager
    def _at(self, place: str, size: int) -> Iterator[None]:
        """Count one decryption, and put its place in front of what goes wrong. Raises: SopsError."""
        try:
            self._admit(size)
            yield
        except KsealError as error:
            message = f"{place}: {error.message}"
            raise (MacMismatch if isinstance(error, MacMismatch) else SopsError)(message, error.hint) from error

    def _admit(self, size: int) -> None:
        with self._lock:
            self._count += 1
            count = self._count
        if size > self._bounds.file_bytes:
            raise SopsError(f"{size} bytes are more than the {self._bounds.file_bytes} that are decrypted")
        if count > self._bounds.files:
            raise SopsError(f"more than {self._bounds.files} encrypted texts in one run", "split the source")
        if self._clock() - self._begun > self._bounds.seconds:
            raise SopsError(f"the run takes longer than {self._bounds.seconds:g} s", "the key services may be slow")


def _is_disabled(raw: Mapping[str, Any]) -> bool:
    metadata = raw.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, Mapping) else None
    value = annotations.get(DISABLED) if isinstance(annotations, Mapping) else None
    return isinstance(value, str) and value.casefold() == "disabled"


def _json(raw: Mapping[str, Any], place: str) -> bytes:
    """The text that is decrypted; whoever built the object read it from YAML, which bounds its depth as well."""
    try:
        return json.dumps(raw, allow_nan=False).encode()
    except (RecursionError, ValueError, TypeError):
        raise SopsError(f"{place}: not an object of JSON, or nested too deep") from None
