"""kopf, trimmed to a front door: it lists and watches, hands over events, and does nothing else.

Everything that kopf does beyond that is turned off here, because it would write to objects (finalizers, annotations,
Events), need rights that we do not have (watching CRDs and namespaces), copy each object several times, or take
objects for its own by what their annotations say.
"""

import asyncio
import logging
import random
import sys
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import aiohttp

from engine.kube.refs import Resource

_CLIENTS: Final = ("kubernetes", "kubernetes_asyncio", "pykube")


@contextmanager
def _absent(*packages: str) -> Iterator[None]:
    """Make packages that are not loaded yet look as if they were not installed."""
    hidden = [package for package in packages if package not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None means just that. Source: Python reference 5.3.1
    try:
        yield
    finally:
        for package in hidden:
            del sys.modules[package]


# kopf imports each Kubernetes client that it finds: 0.3 s and 19 MB for nothing, because we log in by ourselves.
with _absent(*_CLIENTS):
    import kopf

EventHandler = Callable[[str | None, dict[str, Any]], None]
"""Gets the type of an event (None for an object of a list) and the object."""
Login = Callable[[], Awaitable[tuple[str, aiohttp.ClientSession]]]
"""Gives the server's URL and a session that is logged in to it."""

PAGE: Final = 500
LONGEST_PAUSE_SECONDS: Final = 5.0
REQUEST_SECONDS: Final = 60.0
CONNECT_SECONDS: Final = 5.0
INACTIVITY_SECONDS: Final = 70.0
"""Silence after which a watch is begun anew: bookmarks come each minute."""
_WATCH_SECONDS: Final = 300  # the shortest life of one watch; the longest is twice that, as client-go has it

# A finalizer of this name cannot be on any object, since the API refuses it: kopf removes its own ones where it meets
# them, and by its usual name somebody else's operator may have put them there.
_NO_FINALIZER: Final = "no finalizer is ours"


def quiet() -> None:
    """Leave out what kopf logs about requests, which the front door tells better; keep its troubles with objects."""
    logging.getLogger("kopf").setLevel(logging.CRITICAL)
    logging.getLogger("kopf.objects").setLevel(logging.WARNING)


async def run(
    resource: Resource,
    *,
    namespaces: Collection[str] | None,
    label_selector: str | None,
    on_event: EventHandler,
    log_in: Login,
    stop_flag: asyncio.Event,
) -> None:
    """List and watch until `stop_flag` is set, or until kopf gives up. `on_event` must not raise.

    `log_in` is asked at the start, and again when the API server refuses the session; its errors end it.
    """
    await kopf.operator(
        registry=_registry(resource, on_event, log_in),
        settings=_settings(resource, label_selector),
        # Otherwise kopf asks for the user and for the host's name: neither need be known in a container.
        identity="kseal",  # type: ignore[arg-type]  # a NewType of str that kopf does not export
        standalone=True,
        clusterwide=namespaces is None,
        namespaces=namespaces or (),
        stop_flag=stop_flag,
    )


def _settings(resource: Resource, label_selector: str | None) -> kopf.OperatorSettings:
    """Settings under which kopf only reads."""
    chosen = kopf.OperatorSettings()
    chosen.posting.enabled = False
    chosen.scanning.disabled = True
    chosen.peering.standalone = True
    chosen.process.ultimate_exiting_timeout = None  # it would kill the process ten minutes after an error of kopf's
    chosen.persistence.finalizer = _NO_FINALIZER
    chosen.persistence.diffbase_storage = _NoDiffBase()
    chosen.persistence.progress_storage = _NoProgress()
    chosen.watching.chunk_size = PAGE
    chosen.watching.inactivity_timeout = INACTIVITY_SECONDS
    chosen.watching.server_timeout = _WATCH_SECONDS + random.randrange(_WATCH_SECONDS)  # noqa: S311 - no secret
    if label_selector:
        chosen.watching.label_selectors[resource.group, resource.version, resource.plural] = label_selector
    chosen.networking.request_timeout = REQUEST_SECONDS
    chosen.networking.connect_timeout = CONNECT_SECONDS
    chosen.networking.error_backoffs = _Patience()
    chosen.queueing.idle_timeout = 0.02  # each object's task, and its last event, are kept for so long
    chosen.queueing.exit_timeout = 0.5
    return chosen


def _registry(resource: Resource, on_event: EventHandler, log_in: Login) -> kopf.OperatorRegistry:
    registry = kopf.OperatorRegistry()

    async def handle(event: Any, **_: Any) -> None:
        on_event(event["type"], event["object"])

    async def login(**_: Any) -> kopf.AiohttpSession:
        server, session = await log_in()
        return kopf.AiohttpSession(server=server, aiohttp_session=session)

    kopf.on.event(resource.group, resource.version, resource.plural, id="frontdoor", registry=registry)(handle)
    kopf.on.login(id="login", errors=kopf.ErrorsMode.PERMANENT, registry=registry)(login)
    return registry


class _Patience(Iterable[float]):
    """Pauses between the tries of a request, in seconds: without end, so that an outage is ridden out on the spot."""

    def __iter__(self) -> Iterator[float]:
        longest = 0.2
        while True:
            yield longest * random.uniform(0.5, 1)  # noqa: S311 - no secret
            longest = min(longest * 2, LONGEST_PAUSE_SECONDS)


class _NoDiffBase(kopf.DiffBaseStorage):
    """Neither compares objects nor reads what an annotation claims to be their former state."""

    def build(self, **_: Any) -> Any:
        return {}

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        return None


class _NoProgress(kopf.ProgressStorage):
    """There are no handlers whose progress would have to be kept on the objects."""

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        return None

    def purge(self, **_: Any) -> None:
        return None

    def touch(self, **_: Any) -> None:
        return None

    def clear(self, *, essence: Any) -> Any:
        return essence
