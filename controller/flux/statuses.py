"""Writing status and finalizers: what differs and nothing else, on the very object that was looked at."""

from collections.abc import Callable
from typing import Any

from controller.flux.names import FINALIZER
from controller.flux.objects import name_of
from engine.kube.client import Cluster
from engine.kube.errors import Conflict, NotFound
from engine.kube.refs import Resource


class Statuses:
    """Of one kind. What the API server answers is taken in as news, so that nobody works on an old state."""

    def __init__(
        self, cluster: Cluster, resource: Resource, *, manager: str, on_written: Callable[[dict[str, Any]], None]
    ) -> None:
        """`manager` is the field manager of the status; `on_written` takes the objects as the API server answers."""
        self._cluster = cluster
        self._resource = resource
        self._manager = manager
        self._on_written = on_written

    def write(self, raw: dict[str, Any], status: dict[str, Any]) -> dict[str, Any]:
        """Bring the status of an object from what `raw` says to this; returns the object as it is then.

        No request where nothing differs. An object that is gone, or another of the same name, is left alone.
        Raises: ApiError.
        """
        difference = merge_patch(raw.get("status") or {}, status)
        if not difference:
            return raw
        body = {"metadata": {"uid": raw["metadata"].get("uid")}, "status": difference}
        at = name_of(raw)
        try:
            answer = self._cluster.patch(
                self._resource, at.namespace, at.name, body, subresource="status", field_manager=self._manager
            )
        except (NotFound, Conflict):
            return {**raw, "status": status}
        self._on_written(answer)
        return answer

    def add_finalizer(self, raw: dict[str, Any]) -> dict[str, Any]:
        """The object with our finalizer; nothing is delivered before it has it. Raises: ApiError."""
        present = raw["metadata"].get("finalizers") or []
        return raw if FINALIZER in present else self._set_finalizers(raw, [*present, FINALIZER])

    def remove_finalizer(self, raw: dict[str, Any]) -> None:
        """Let the object go. Raises: ApiError."""
        present = raw["metadata"].get("finalizers") or []
        if FINALIZER in present:
            self._set_finalizers(raw, [found for found in present if found != FINALIZER])

    def _set_finalizers(self, raw: dict[str, Any], finalizers: list[str]) -> dict[str, Any]:
        at, metadata = name_of(raw), raw["metadata"]
        body = {
            "metadata": {
                "uid": metadata.get("uid"),
                "resourceVersion": metadata.get("resourceVersion"),
                "finalizers": finalizers,
            }
        }
        try:
            answer = self._cluster.patch(self._resource, at.namespace, at.name, body, field_manager=self._manager)
        except NotFound:
            return raw
        self._on_written(answer)
        return answer


def merge_patch(old: Any, new: Any) -> Any:
    """The JSON merge patch from one object to another: empty when they are equal. Pure; RFC 7386."""
    patch: dict[str, Any] = {name: None for name in old if name not in new}
    for name, value in new.items():
        before = old.get(name)
        if before == value:
            continue
        if isinstance(value, dict) and isinstance(before, dict):
            patch[name] = merge_patch(before, value)
        else:
            patch[name] = value
    return patch
