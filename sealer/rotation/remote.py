"""Reseal through the controller, ours or the original.

Only ciphertext is taken from an answer. What is sent has no template and no labels: the original renders templates
and seals their result as items, moves metadata around, and widens or drops nothing that is not there.
Source: sealed-secrets.md section 6.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from engine.kube.errors import Unavailable
from sealer import box
from sealer.encoding import Base64Error, decode
from sealer.errors import UnsealError
from sealer.keys import Fingerprint, fingerprint
from sealer.reseal import V1_DATA, Resealed, sealed_texts
from sealer.ring import NO_KEY
from sealer.scope import annotate
from sealer.sealedsecret import API_VERSION, KIND, SealedSecret, parse
from sealer.service import Refused, Service

if TYPE_CHECKING:
    from sealer.certificates import Certificate

UNKNOWN: Final = Fingerprint("unknown")
"""The key of an item, where the controller does not tell."""


class Remote:
    """Asks the controller, which says by `/v1/identify` what is under the newest key already. The original has no
    such answer: `is_known` then says which ciphertext was made under it by an earlier run."""

    at_once: int | None = 4

    def __init__(self, service: Service, certificate: "Certificate", *, is_known: Callable[[str], bool]) -> None:
        self._service = service
        self._modulus_bytes = (certificate.modulus.bit_length() + 7) // 8
        self._is_known = is_known
        self._identifies = True
        self.newest = fingerprint(certificate.public_key)

    def reseal(self, raw: Mapping[str, Any]) -> Resealed:
        sealed = parse(raw)
        texts = sealed_texts(sealed)
        if sealed.dropped:
            raise UnsealError.grouped(dict.fromkeys(sealed.dropped, "the item is no text"))
        opened_by = self._identify(sealed, texts)
        if failures := {key: NO_KEY for key, found in opened_by.items() if found is None}:
            raise UnsealError.grouped(failures)
        known = {key: found for key, found in opened_by.items() if found is not None}
        old = {key: texts[key] for key, found in known.items() if found != self.newest}
        return Resealed(self._rotate(sealed, old) if old else {}, known)

    def _identify(self, sealed: SealedSecret, texts: Mapping[str, str]) -> Mapping[str, Fingerprint | None]:
        """The key of each item, None where no key opens it."""
        if self._identifies and texts:
            answer = self._asked(self._service.identify, sealed, texts)
            if answer is not None:
                if answer.keys() != texts.keys():
                    raise UnsealError("the controller's answer names other items than were asked about")
                return {key: Fingerprint(found) if isinstance(found, str) else None for key, found in answer.items()}
            self._identifies = False
        return {key: self.newest if self._is_known(text) else UNKNOWN for key, text in texts.items()}

    def _rotate(self, sealed: SealedSecret, texts: Mapping[str, str]) -> Mapping[str, str]:
        answer = self._asked(self._service.rotate, sealed, texts) or {}
        spec = answer.get("spec")
        spec = spec if isinstance(spec, dict) else {}
        if sealed.v1_data is not None and V1_DATA not in spec:
            raise UnsealError(
                "the controller would turn the deprecated spec.data into encryptedData",
                "reseal it as it is with the keys themselves: kseal rotate -k KEYS",
            )
        new = {V1_DATA: spec[V1_DATA]} if sealed.v1_data is not None else spec.get("encryptedData")
        if not isinstance(new, dict) or new.keys() != texts.keys():
            raise UnsealError("the controller's answer has other items than were sent")
        for key, text in new.items():
            self._check(key, texts[key], text)
        return new

    def _check(self, key: str, old: str, new: object) -> None:
        """Whether this can be the same value under the newest key, as far as sizes tell without a private key."""
        try:
            wrapped, body = box.split(decode(new if isinstance(new, str) else ""))
            _, old_body = box.split(decode(old))
        except (Base64Error, UnsealError) as error:
            raise UnsealError(f'the controller\'s answer for the item "{key}" is no ciphertext') from error
        if len(wrapped) != self._modulus_bytes or len(body) != len(old_body):
            raise UnsealError(
                f'the controller\'s answer for the item "{key}" is not the same value under its newest key'
            )

    def _asked(
        self,
        ask: Callable[[Mapping[str, Any]], dict[str, Any] | None],
        sealed: SealedSecret,
        texts: Mapping[str, str],
    ) -> dict[str, Any] | None:
        """One question. Raises: UnsealError when it says no, which is all that it says; KsealError when it cannot be
        asked."""
        try:
            return ask(_bare(sealed, texts))
        except (Refused, Unavailable) as error:
            if isinstance(error, Unavailable) and error.status != 500:
                raise
            raise UnsealError("the controller opens it with none of its keys, or not all of its items") from error


def _bare(sealed: SealedSecret, texts: Mapping[str, str]) -> dict[str, Any]:
    """What the binding of the items needs, and nothing else."""
    annotations = annotate({}, sealed.scope)
    items = dict(texts) if sealed.v1_data is not None else {"encryptedData": dict(texts)}
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": sealed.name, "namespace": sealed.namespace}
        | ({"annotations": annotations} if annotations else {}),
        "spec": {**items, "template": {}},
    }
