"""The newest certificate kept in a ConfigMap that everybody may read: for those who may not reach the Service.

It is a convenience and never a reason to fail: an installation of the original grants no right to ConfigMaps. Nobody
watches it: a look now and then is one small request, and undoes an edit soon enough.
"""

from collections.abc import Callable
from typing import Any, Final

from controller.errors import NotLeading
from controller.runtime.lookout import Lookout
from controller.sealed import keysecrets
from engine.errors import KsealError, Stalled
from engine.kube.client import Cluster, Object
from engine.kube.errors import Forbidden, NotFound
from engine.kube.refs import CONFIG_MAPS
from sealer import published
from sealer.keys import SealingKey

LOOK_SECONDS: Final = 60.0
"""How long an edit stays."""
REFUSED_SECONDS: Final = 600.0
"""Rights come seldom; until then each look would be a refusal in somebody's audit log."""


class Publisher:
    """Keeps the ConfigMap `name`; nothing at all where that is empty."""

    def __init__(
        self,
        cluster: Cluster,
        newest: Callable[[], SealingKey],
        namespace: str,
        name: str,
        *,
        leads: Callable[[], bool],
        log: Any,
    ) -> None:
        self._cluster = cluster
        self._newest = newest
        self._namespace = namespace
        self._name = name
        self._leads = leads
        self._log = log
        self._told = ""
        self._lookout = Lookout("certificate", self._look)

    def start(self) -> None:
        """Begin; once only, and after there is a key."""
        if self._name:
            self._lookout.start()

    def stop(self) -> None:
        """Write nothing more; a request that is under way is finished."""
        self._lookout.stop()

    def look_again(self) -> None:
        """Whether this replica leads, or which key is the newest, has changed."""
        self._lookout.wake()

    def publish(self) -> None:
        """Bring the ConfigMap to the newest certificate.

        Raises: Stalled for one of that name that is not ours; NotReady without a key; ApiError, NotLeading.
        """
        newest = self._newest()
        wanted = published.raw_config_map(
            keysecrets.certificate_pem(newest), newest.fingerprint, namespace=self._namespace, name=self._name
        )
        try:
            live = self._cluster.get(CONFIG_MAPS, self._namespace, self._name)
        except NotFound:
            self._cluster.create(CONFIG_MAPS, wanted)
        else:
            if not published.is_published(live):
                raise Stalled(
                    f"ConfigMap/{self._namespace}/{self._name} belongs to somebody else",
                    f"delete it, give it the label {published.LABEL}, or name another with --certificate-config-map",
                )
            merged = _merged(live, wanted)
            if merged == live:
                return
            self._cluster.update(CONFIG_MAPS, merged)
        self._log.info("certificate published", name=self._name, newest=newest.fingerprint)

    def _look(self) -> float:
        """Publish, or say once why not; returns after how many seconds to look again."""
        if not self._leads():
            return LOOK_SECONDS
        try:
            self.publish()
        except NotLeading:
            return LOOK_SECONDS
        except KsealError as error:
            if error.message != self._told:
                self._log.warning("certificate not published", cause=error.message, hint=error.hint)
                self._told = error.message
            return REFUSED_SECONDS if isinstance(error, Forbidden) else LOOK_SECONDS
        except Exception as error:  # noqa: BLE001 - a defect here must not end the thread unseen
            self._log.error("certificate not published, by a defect", error=error)
            return REFUSED_SECONDS
        self._told = ""
        return LOOK_SECONDS


def _merged(live: Object, wanted: Object) -> Object:
    """The live ConfigMap with our content; labels and annotations of other people stay."""
    metadata = dict(live["metadata"])
    metadata["annotations"] = {**(metadata.get("annotations") or {}), **wanted["metadata"]["annotations"]}
    return {**live, "metadata": metadata, "data": wanted["data"]}
