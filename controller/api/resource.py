"""What a custom resource tells the API server about itself besides the shape of its objects."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from msgspec import Struct

from engine.kube.refs import Resource

PRESERVE_UNKNOWN_FIELDS: Final[dict[str, Any]] = {"x-kubernetes-preserve-unknown-fields": True}
"""Keeps what the schema does not name; without it the API server drops such fields before it stores an object."""


class Column(NamedTuple):
    """One column of `kubectl get`: its heading, its OpenAPI type and the JSONPath to its cell."""

    name: str
    type: str
    path: str


class CustomResource(NamedTuple):
    """One CustomResourceDefinition with one version: served, stored, with a status subresource."""

    resource: Resource
    singular: str
    model: type[Struct]
    """The object without apiVersion, kind and metadata: these are the same for all, and the API server checks them."""
    columns: tuple[Column, ...]
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    """Words by which `kubectl get` means several kinds at once."""
    annotations: Mapping[str, str] = {}
    folder: str = ""
    """Below `deploy/crds`: what is installed together. What secrets alone need stands at the top."""

    @property
    def name(self) -> str:
        """The name of the CustomResourceDefinition, dictated by the API: PLURAL.GROUP."""
        return f"{self.resource.plural}.{self.resource.group}"
