"""The kustomization file with which a build begins: found, or made for a folder that has none, then overlaid.

The order of the overlay and its quirks are Flux's: a file without `resources` gets `buildMetadata: [originAnnotations]`
in the place of its own, a folder with nothing in it the namespace `_placeholder`; images are merged field by field,
with tag and digest as one; components must be local. Source: fluxcd/pkg kustomize/kustomize_generator.go.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from engine.kube.yaml import Dialect, YamlError, read_all
from engine.render.base import (
    RECOGNISED,
    BuildError,
    Files,
    FolderError,
    Overlay,
    clamped,
    inside,
    joined,
    kustomization_files,
    quoted,
)
from engine.render.fields import KUSTOMIZATION, FieldError

_VERSION: Final = "kustomize.config.k8s.io/v1beta1"
_KIND: Final = "Kustomization"
_EMPTY_NAMESPACE: Final = "_placeholder"
_REMOTE: Final = ("git::", "gh:", "ssh://", "https://", "http://", "git@", "github.com:", "github.com/")
"""What makes a path a remote one to Flux; kustomize knows a few more."""
_SELECTORS: Final = ("group", "version", "kind", "name", "namespace", "labelSelector", "annotationSelector")


class Generated(NamedTuple):
    """The file with which a build begins, and what it says."""

    path: str
    value: dict[str, Any]
    is_created: bool
    """The folder had none."""


def generate(files: Files, overlay: Overlay) -> Generated:
    """What Flux would write into the folder of an overlay before it builds. Raises: BuildError."""
    folder = clamped(overlay.path)
    if folder and not files.has_folder(folder):
        raise FolderError(
            f"kustomization path not found: {quoted(folder)}: the source has no such folder",
            "check the path, and what the source leaves out by its ignore rules",
        )
    found = kustomization_files(files, folder)
    if found:
        value = _read(files, found[0])
        if not value.get("resources"):
            value["buildMetadata"] = ["originAnnotations"]
    else:
        resources = manifests_of(files, folder)
        value = {"apiVersion": _VERSION, "kind": _KIND}
        value |= {"resources": resources} if resources else {"namespace": _EMPTY_NAMESPACE}
    _overlay(value, overlay, files, folder)
    return Generated(found[0] if found else inside(folder, RECOGNISED[0]), value, not found)


def manifests_of(files: Files, folder: str) -> list[str]:
    """What a folder without a kustomization file lists as resources: `./a.yaml`, and `./sub` where that has one.

    Raises: BuildError for names that no kustomization file can hold.
    """
    listed: list[str] = []
    whole: str | None = None  # a folder that is one resource
    known = files.files
    start = len(folder) + 1 if folder else 0
    for names in sorted(path[start:].split("/") for path in files.below(folder)):
        path = "/".join(names)
        if whole is not None and path.startswith(whole):
            continue
        for depth in range(1, len(names)):
            below = "/".join(names[:depth])
            if any(inside(folder, f"{below}/{name}") in known for name in RECOGNISED):
                whole = below + "/"
                listed.append("./" + below)
                break
        else:
            if path.endswith((".yaml", ".yml")):
                listed.append("./" + path)
    for path in listed:
        if any("\ud800" <= character <= "\udfff" for character in path):
            raise BuildError(f"{folder or '.'}: a file has a name that is not text", "rename it, in UTF-8")
    return listed


def is_local(path: str) -> bool:
    """Whether Flux takes a component for one of the source. Source: IsLocalRelativePath."""
    low = path.lower()
    if any(len(start) < len(path) and low.startswith(start) for start in _REMOTE):
        return False
    return not (path.startswith("/") or low.removeprefix("file://").startswith("/"))


def _read(files: Files, path: str) -> dict[str, Any]:
    """A kustomization file as Flux reads it: leniently. Raises: BuildError."""
    try:
        documents = read_all(files.read(path), dialect=Dialect.V2, source=path)
    except YamlError as error:
        raise BuildError(error.message, error.hint) from error
    if len(documents) > 1:
        raise BuildError(f"{path}: more than one document", "a kustomization file is one document")
    try:
        value = KUSTOMIZATION.read(documents[0] if documents else {}, "")
    except FieldError as error:
        raise BuildError(f"{path}: {error}", "see the reference of kustomization files") from None
    return {"apiVersion": _VERSION, "kind": _KIND, **value}


def _overlay(value: dict[str, Any], overlay: Overlay, files: Files, folder: str) -> None:
    """Put an overlay over a file, in Flux's order. Raises: BuildError."""
    named = {
        "namespace": overlay.target_namespace,
        "namePrefix": overlay.name_prefix,
        "nameSuffix": overlay.name_suffix,
    }
    value |= {field: text for field, text in named.items() if text}
    if overlay.patches:
        value["patches"] = [*value.get("patches", ()), *map(_patch, overlay.patches)]
    components = [*value.get("components", ())]
    for component in overlay.components:
        if not is_local(component):
            raise BuildError(f'component "{component}": must be local and relative', "give a folder of the same source")
        if overlay.ignore_missing_components and not _exists(files, folder, component):
            continue
        components.append(component)
    if components:
        value["components"] = components
    if overlay.images:
        value["images"] = _images(value.get("images", []), overlay.images)
    if overlay.build_metadata:
        value["buildMetadata"] = list(overlay.build_metadata)


def _patch(patch: Mapping[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {"patch": text} if (text := patch.get("patch")) else {}
    target = patch.get("target")
    if target is not None:
        result["target"] = {name: target[name] for name in _SELECTORS if target.get(name)}
    return result


def _exists(files: Files, folder: str, path: str) -> bool:
    place = joined(folder, path)
    return place is not None and (place in files.files or files.has_folder(place))


def _images(own: list[dict[str, Any]], added: tuple[Mapping[str, Any], ...]) -> list[dict[str, Any]]:
    images = [dict(image) for image in own]
    for image in added:
        name = image.get("name", "")
        here = next((one for one in images if one.get("name", "") == name), None)
        if here is None:
            fields = ("name", "newName", "newTag", "digest")
            images.append({field: image[field] for field in fields if image.get(field)})
            continue
        if image.get("newName"):
            here["newName"] = image["newName"]
        if image.get("newTag") or image.get("digest"):
            for field in ("newTag", "digest"):
                here.pop(field, None)
                if image.get(field):
                    here[field] = image[field]
    return images
