"""Images and numbers of replicas that a kustomization sets.

Source: kubernetes-sigs/kustomize api/filters, api/internal/image, api/internal/konfig/builtinpluginconsts (5.8.1).
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from engine.kube.yaml_strings import is_string
from engine.render.base import Unusual
from engine.render.fieldspec import Leaf, spec, visit
from engine.render.resources import Resource

_REPLICAS: Final = tuple(
    spec("spec/replicas", kind) for kind in ("Deployment", "ReplicationController", "ReplicaSet", "StatefulSet")
)
_IMAGES: Final = tuple(
    spec(f"spec/{template}{field}")
    for template in ("", "template/spec/")
    for field in ("containers[]/image", "initContainers[]/image", "volumes[]/image/reference")
)
_IMAGE_NAME: Final = re.compile(r"[A-Za-z0-9_./:@-]+")
_REST: Final = r"(:[a-zA-Z0-9_.{}-]*)?(@sha256:[a-zA-Z0-9_.{}-]*)?"


def set_replicas(resources: Sequence[Resource], name: str, count: int) -> None:
    """Set the number of replicas of all that is, or was, called `name`. Raises: Unusual when nothing is."""

    def put(parent: dict[str, Any], field: str) -> None:
        if isinstance(parent[field], dict | list):
            raise Unusual("replicas that are no number")
        parent[field] = count

    is_found = False
    for place in _REPLICAS:
        for resource in resources:
            names = {resource.name} | {former for _, former, kind in resource.previous if kind == place.kind}
            if resource.kind == place.kind and name in names:
                is_found = True
                visit(resource, place, put, int)
    if not is_found:
        raise Unusual("nothing of that name has replicas")


def set_image(resources: Sequence[Resource], image: Mapping[str, str]) -> None:
    """Give the containers that run an image another one. Raises: Unusual."""
    name = image.get("name", "")
    if not _IMAGE_NAME.fullmatch(name):
        raise Unusual("the name of an image that is a pattern")
    pattern = re.compile(name + _REST)

    def put(parent: dict[str, Any], field: str) -> None:
        value = parent[field]
        if not isinstance(value, str):
            raise Unusual("an image that is no string")
        if pattern.fullmatch(value):
            changed = _image(value, image)
            if not is_string(changed):
                raise Unusual("an image that is a number")
            parent[field] = changed

    for resource in resources:
        if resource.kind != "CustomResourceDefinition":
            _each_container(resource.obj, put)
    # In this order, because what was changed may match again.
    for resource in resources:
        if resource.kind != "CustomResourceDefinition":
            for place in _IMAGES:
                visit(resource, place, put)


def _each_container(node: Any, put: Leaf) -> None:
    """Call `put` for what looks like a list of containers, wherever it stands."""
    if isinstance(node, list):
        for item in node:
            _each_container(item, put)
    elif isinstance(node, dict):
        for key, value in node.items():
            _each_container(value, put)
            if key in ("containers", "initContainers") and isinstance(value, list):
                for item in value:
                    if not isinstance(item, dict) or ("image" in item and item["image"] is None):
                        raise Unusual("a container that is no mapping")
                    if "image" in item:
                        put(item, "image")


def _image(value: str, image: Mapping[str, str]) -> str:
    """Source: api/internal/image/image.go, Split; api/filters/imagetag/updater.go."""
    start = max(value.find("/"), 0)
    at, colon = value.find("@", start), value.find(":", start)
    if at >= 0 and (at < colon or colon < 0):
        name, tag, digest = value[:at], "", value[at + 1 :]
    elif colon >= 0:
        name, tag, digest = (
            value[:colon],
            value[colon + 1 : at if at >= 0 else None],
            value[at + 1 :] if at >= 0 else "",
        )
    else:
        name, tag, digest = value, "", ""
    name = image.get("newName") or name
    new_tag, new_digest = image.get("newTag", ""), image.get("digest", "")
    if new_tag or new_digest:
        tag, digest = new_tag, new_digest
    elif image.get("tagSuffix"):
        tag, digest = tag + image["tagSuffix"], ""
    return name + (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")
