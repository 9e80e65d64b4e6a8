"""What the controller watches besides its keys: SealedSecrets by the front door, and Secrets as records."""

from collections.abc import Callable
from typing import Any

from controller.runtime.frontdoor import FrontDoor
from controller.runtime.trimmedkopf import EventHandler
from controller.sealed.observed import SEALED_SECRETS, Key
from controller.sealed.secrets import SecretMemory, SecretWatches
from controller.settings import Watched
from engine.kube.client import Cluster
from engine.kube.discovery import serves
from engine.kube.errors import Forbidden, NotFound
from engine.kube.refs import NAMESPACES
from engine.kube.watch import Problem


class Watches:
    """Both, and what is wrong with them. Secrets come first: what a SealedSecret needs depends on what is there."""

    def __init__(
        self,
        secrets: Cluster,
        sealed: Cluster,
        watched: Watched,
        memory: SecretMemory,
        *,
        on_sealed_secret: EventHandler,
        knows: Callable[[str, str, str, str], bool],
        on_secret: Callable[[Key], None],
        log: Any,
    ) -> None:
        def secret_problem(problem: Problem) -> None:
            log.warning("watch interrupted", kind="Secret", doing=problem.doing, name=problem.name, error=problem.error)

        def sealed_problem(error: Exception) -> None:
            log.warning("watch interrupted", kind=SEALED_SECRETS.kind, error=error)

        self._secrets = SecretWatches(secrets, watched, memory, on_change=on_secret, on_problem=secret_problem)
        self._front_door = FrontDoor(
            sealed.connection,
            SEALED_SECRETS,
            on_event=on_sealed_secret,
            knows=knows,
            is_served=lambda: serves(sealed, SEALED_SECRETS),
            on_problem=sealed_problem,
            namespaces=watched.namespaces,
            label_selector=watched.label_selector,
        )

    def start_secrets(self) -> None:
        """Begin to watch Secrets; once only."""
        self._secrets.start()

    def start_sealed_secrets(self) -> None:
        """Begin to watch SealedSecrets; once only."""
        self._front_door.start()

    def wait_secrets(self, timeout: float) -> bool:
        """Wait until each Secret that there is has been seen."""
        return self._secrets.wait_synced(timeout)

    def wait_sealed_secrets(self, timeout: float) -> bool:
        """Wait until each SealedSecret that there is has been told."""
        return self._front_door.wait_listed(timeout)

    def trouble(self) -> str | None:
        """Why what is known may not be what is there; None when all is well."""
        return self._secrets.trouble() or self._front_door.trouble()

    @property
    def idle_seconds(self) -> float:
        """How long ago the API server said anything, in the watch where that is longest ago."""
        return max(self._secrets.idle_seconds, self._front_door.idle_seconds)

    def stop(self) -> None:
        """End both."""
        self._front_door.stop()
        self._secrets.stop()


def existing(
    cluster: Cluster, namespaces: tuple[str, ...], own: str, *, on_missing: Callable[[str], None]
) -> list[str]:
    """Those of the namespaces that exist, the own one among them; where we may not look, a namespace is taken to exist.

    Raises: ApiError.
    """

    def exists(namespace: str) -> bool:
        try:
            cluster.get(NAMESPACES, None, namespace)
        except NotFound:
            on_missing(namespace)
            return False
        except Forbidden:
            pass  # then its watch says what is wrong
        return True

    return [namespace for namespace in namespaces if namespace == own or exists(namespace)]
