"""The controller's HTTP API, ours or the original's, by the API server's proxy to its Service.

Source: sealed-secrets.md section 6.
"""

import json
from collections.abc import Callable, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from engine.errors import KsealError
from engine.kube.errors import ApiError, NotFound, TooManyRequests
from engine.kube.refs import SERVICES
from sealer.errors import CertificateError

if TYPE_CHECKING:
    from engine.kube.client import Cluster

_PEM: Final = "application/x-pem-file, */*"
_LONGEST_WAIT_SECONDS: Final = 120.0


class Refused(KsealError):
    """The controller could be asked, and says no."""


class Verdict(Enum):
    """What the controller says of a SealedSecret."""

    OPENS = "opens"
    DOES_NOT = "does not open"


class Service:
    """One controller. `wait` sleeps that many seconds when its limit of requests is reached; None gives up at once."""

    def __init__(
        self, cluster: "Cluster", *, namespace: str, name: str, wait: Callable[[float], None] | None = None
    ) -> None:
        """Raises: CertificateError, in the original's words, when there is no such Service."""
        self._cluster, self._wait = cluster, wait
        self.called = f"{namespace}/{name}"
        try:
            service = cluster.get(SERVICES, namespace, name)
        except KsealError as error:
            raise CertificateError(
                f"cannot get sealed secret service: {error.message}",
                hint=f'the Service "{name}" in namespace "{namespace}" was asked; name another with --controller-name '
                "and --controller-namespace, or use --cert FILE",
            ) from error
        ports = (service.get("spec") or {}).get("ports") or [{}]
        self._proxy = SERVICES.path(namespace, f"http:{name}:{ports[0].get('name') or ''}", "proxy/v1/")

    def certificate(self) -> bytes:
        """The PEM text that it serves, unread. Raises: CertificateError."""
        try:
            return self._cluster.request("GET", self._proxy + "cert.pem", accept=_PEM).body
        except KsealError as error:
            raise CertificateError(f"cannot fetch certificate: {error.message}", hint=error.hint) from error

    def verify(self, raw: Mapping[str, Any]) -> Verdict:
        """Whether it can open every item. Raises: KsealError when it cannot be asked, or cannot read the object."""
        try:
            self._post("verify", raw)
        except ApiError as error:
            if error.status == 409:
                return Verdict.DOES_NOT
            raise
        return Verdict.OPENS

    def rotate(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        """The object under the newest key, as the controller makes it.

        Raises: Refused when it cannot open the object; KsealError when it cannot be asked.
        """
        try:
            body = self._post("rotate", raw)
        except ApiError as error:
            if error.status == 409:
                raise Refused("unable to rotate secret") from error
            raise
        return _object(body)

    def identify(self, raw: Mapping[str, Any]) -> dict[str, Any] | None:
        """The fingerprint of the key that opens each item, null where none does. None from the original, which has no
        such answer.

        Raises: KsealError when it cannot be asked, or cannot read the object.
        """
        try:
            return _object(self._post("identify", raw))
        except NotFound:
            return None

    def _post(self, verb: str, raw: Mapping[str, Any]) -> bytes:
        body = json.dumps(raw).encode()
        waited = 0.0
        while True:
            try:
                return self._cluster.request(
                    "POST", self._proxy + verb, body=body, headers=[("Content-Type", "application/json")]
                ).body
            except TooManyRequests as error:
                seconds = max(error.retry_after or 0.0, 1.0)
                waited += seconds
                if self._wait is None or waited > _LONGEST_WAIT_SECONDS:
                    raise
                self._wait(seconds)


def _object(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise KsealError("the controller's answer is not JSON", "is the Service that of a controller?")
    return answer
