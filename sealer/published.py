"""The certificate as a ConfigMap, for those who may not reach the controller's Service: its shape, and who reads it.

The controller writes it beside its keys. Whoever may write ConfigMaps there chooses what others seal for, as does
whoever may change the Service.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from engine.kube.errors import ApiError
from engine.kube.refs import CONFIG_MAPS
from sealer.errors import CertificateError

if TYPE_CHECKING:
    from engine.kube.client import Cluster

LABEL: Final = "kseal/certificate"
"""Present on every ConfigMap that a controller published; one without it is somebody else's."""
FINGERPRINT: Final = "kseal/fingerprint"
"""The annotation that names the key."""
ITEM: Final = "tls.crt"
_NO_WAY_THROUGH: Final = (403, 404, 502, 503, 504)
"""Not 500: then the controller was reached, and says itself that it has no certificate."""


def name_for(controller: str) -> str:
    """How the ConfigMap of a controller is called, from the name of its Service."""
    return f"{controller}-certificate"


def raw_config_map(certificate: bytes, fingerprint: str, *, namespace: str, name: str) -> dict[str, Any]:
    """The ConfigMap for a certificate in PEM."""
    return {
        "apiVersion": CONFIG_MAPS.api_version,
        "kind": CONFIG_MAPS.kind,
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {LABEL: "published"},
            "annotations": {FINGERPRINT: fingerprint},
        },
        "data": {ITEM: certificate.decode(errors="replace")},  # what stands around the blocks is nobody's matter
    }


def is_published(raw: Mapping[str, Any]) -> bool:
    """Whether a controller published this ConfigMap."""
    return LABEL in (raw["metadata"].get("labels") or {})


def may_stand_in(error: BaseException | None) -> bool:
    """Whether the way to the Service is what failed, so that the ConfigMap is worth a look."""
    while error is not None:
        if isinstance(error, ApiError):
            return error.status in _NO_WAY_THROUGH
        error = error.__cause__
    return False


def fetch(cluster: "Cluster", *, namespace: str, controller: str) -> tuple[bytes, str]:
    """The PEM text that a controller published, and what errors call it. Raises: CertificateError, ApiError."""
    name = name_for(controller)
    raw = cluster.get(CONFIG_MAPS, namespace, name)
    source = f"{CONFIG_MAPS.kind}/{namespace}/{name}"
    text = (raw.get("data") or {}).get(ITEM)
    if not is_published(raw) or not text:
        raise CertificateError(f"{source}: not published by a controller")
    return text.encode(), source
