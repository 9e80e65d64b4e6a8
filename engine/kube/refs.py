"""Which object is meant: kinds, the resources that serve them, and references to single objects."""

from typing import NamedTuple


class Resource(NamedTuple):
    """How the API serves a kind: `group` is empty for core kinds, `plural` is the word in the path."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """`v1`, or `GROUP/VERSION`, as manifests write it."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None = None, name: str | None = None, subresource: str | None = None) -> str:
        """The URL path of a collection, an object or a subresource; `namespace` None means all of them.

        Raises: ValueError when a segment would leave its place in the path.
        """
        parts = ["/api" if not self.group else f"/apis/{self.group}", self.version]
        if namespace is not None and self.namespaced:
            parts += ["namespaces", _segment(namespace)]
        parts.append(self.plural)
        if name is not None:
            parts.append(_segment(name))
        if subresource is not None:
            parts.append(subresource)
        return "/".join(parts)


SECRETS = Resource("", "v1", "secrets", "Secret")
SERVICES = Resource("", "v1", "services", "Service")
CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap")
EVENTS = Resource("", "v1", "events", "Event")
NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)


class ObjectRef(NamedTuple):
    """The identity of one object across versions. Prints as `Kind/namespace/name`, or `Kind/name` without one."""

    group: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return "/".join(part for part in (self.kind, self.namespace, self.name) if part)


def _segment(text: str) -> str:
    """A path segment as it is: API names need no escape, and what would need one is no API name.

    Source: k8s.io/apimachinery pkg/api/validation/path, names that cannot be encoded in a path.
    """
    if not text or text in (".", "..") or any(character in "/%?#" or character <= " " for character in text):
        raise ValueError(f"{text!r} cannot be part of an API path")
    return text
