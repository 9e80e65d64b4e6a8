"""Reseal through the controller, ours or the original, by the API server's proxy to its Service.

Only ciphertext is taken from an answer. What is sent has no template and no labels: the original renders templates
and seals their result as items, moves metadata around, and widens or drops nothing that is not there.
Source: sealed-secrets.md section 6.
"""

import json
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from engine.errors import KsealError
from engine.kube.errors import NotFound, TooManyRequests, Unavailable
from engine.kube.refs import SERVICES
from sealer import box
from sealer.encoding import Base64Error, decode
from sealer.errors import UnsealError
from sealer.keys import Fingerprint, fingerprint
from sealer.ring import NO_KEY
from sealer.rotation.reseal import Resealed, require_items
from sealer.scope import annotate
from sealer.sealedsecret import API_VERSION, KIND, SealedSecret, parse

if TYPE_CHECKING:
    from engine.kube.client import Cluster
    from sealer.certificates import Certificate

UNKNOWN: Final = Fingerprint("unknown")
"""The key of an item, where the controller does not tell."""
_LONGEST_WAIT_SECONDS: Final = 300.0


class Remote:
    """Asks the controller, which says by `/v1/identify` what is under the newest key already. The original has no
    such answer: `is_known` then says which ciphertext was made under it by an earlier run."""

    at_once: int | None = 4

    def __init__(
        self,
        cluster: "Cluster",
        certificate: "Certificate",
        *,
        namespace: str,
        name: str,
        is_known: Callable[[str], bool],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._cluster = cluster
        self._modulus_bytes = (certificate.modulus.bit_length() + 7) // 8
        self._is_known = is_known
        self._sleep = sleep
        self._identifies = True
        service = cluster.get(SERVICES, namespace, name)
        ports = (service.get("spec") or {}).get("ports") or [{}]
        self._proxy = SERVICES.path(namespace, f"http:{name}:{ports[0].get('name') or ''}", "proxy/v1/")
        self.newest = fingerprint(certificate.public_key)

    def reseal(self, raw: Mapping[str, Any]) -> Resealed:
        sealed = parse(raw)
        require_items(sealed)
        if sealed.dropped:
            raise UnsealError.grouped(dict.fromkeys(sealed.dropped, "the item is no text"))
        opened_by = self._identify(sealed)
        if failures := {key: NO_KEY for key, found in opened_by.items() if found is None}:
            raise UnsealError.grouped(failures)
        known = {key: found for key, found in opened_by.items() if found is not None}
        old = {key: sealed.encrypted_data[key] for key, found in known.items() if found != self.newest}
        return Resealed(self._rotate(sealed, old) if old else {}, known)

    def _identify(self, sealed: SealedSecret) -> Mapping[str, Fingerprint | None]:
        """The key of each item, None where no key opens it."""
        items = sealed.encrypted_data
        if self._identifies and items:
            try:
                answer = self._post("identify", sealed, items)
            except NotFound:
                self._identifies = False
            else:
                if answer.keys() != items.keys():
                    raise UnsealError("the controller's answer names other items than were asked about")
                return {key: Fingerprint(found) if isinstance(found, str) else None for key, found in answer.items()}
        return {key: self.newest if self._is_known(text) else UNKNOWN for key, text in items.items()}

    def _rotate(self, sealed: SealedSecret, items: Mapping[str, str]) -> Mapping[str, str]:
        spec = self._post("rotate", sealed, items).get("spec")
        new = spec.get("encryptedData") if isinstance(spec, dict) else None
        if not isinstance(new, dict) or new.keys() != items.keys():
            raise UnsealError("the controller's answer has other items than were sent")
        for key, text in new.items():
            self._check(key, items[key], text)
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

    def _post(self, verb: str, sealed: SealedSecret, items: Mapping[str, str]) -> dict[str, Any]:
        """One question; waits as long as the controller's limit of requests makes it.

        Raises: UnsealError when it says no, which is all that it says; KsealError when it cannot be asked.
        """
        body = json.dumps(_bare(sealed, items)).encode()
        waited = 0.0
        while True:
            try:
                answer = self._cluster.request(
                    "POST", self._proxy + verb, body=body, headers=[("Content-Type", "application/json")]
                )
            except TooManyRequests as error:
                seconds = max(error.retry_after or 0.0, 1.0)
                waited += seconds
                if waited > _LONGEST_WAIT_SECONDS:
                    raise
                self._sleep(seconds)
                continue
            except Unavailable as error:
                if error.status == 500:
                    raise UnsealError(
                        "the controller opens it with none of its keys, or not all of its items"
                    ) from error
                raise
            return _object(answer.body)


def _bare(sealed: SealedSecret, items: Mapping[str, str]) -> dict[str, Any]:
    """What the binding of the items needs, and nothing else."""
    annotations = annotate({}, sealed.scope)
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": sealed.name, "namespace": sealed.namespace}
        | ({"annotations": annotations} if annotations else {}),
        "spec": {"encryptedData": dict(items), "template": {}},
    }


def _object(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise KsealError("the controller's answer is not JSON", "is the Service that of a controller?")
    return answer
