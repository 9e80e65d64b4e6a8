"""What is decrypted before a build: files that generators of Secrets and patches read, and no others.

Kustomizations are followed by `resources` and `components`, as Flux follows them; a file is decrypted once, in the
format of the first who names it. Source: fluxcd/kustomize-controller internal/decryptor/decryptor.go, DecryptSources.
"""

from collections.abc import Iterator
from typing import Any, Final, Protocol

from engine.render.base import Files, joined
from engine.render.closure import Closure

_FORMS: Final = {".yaml": "yaml", ".yml": "yaml", ".json": "json", ".env": "dotenv", ".ini": "ini"}
_DOCKER_CONFIG: Final = ".dockerconfigjson"


class FileDecryptor(Protocol):
    """Opens one file; a text that is not encrypted comes back as it is."""

    def file(self, data: bytes, place: str, form: str) -> bytes: ...


def decrypted(files: Files, closure: Closure, decryptor: FileDecryptor) -> dict[str, bytes]:
    """The plain content of the files that are encrypted, by path. Raises: what the decryptor raises."""
    changed: dict[str, bytes] = {}
    seen: set[str] = set()
    for path, form in _named(closure):
        if path in seen or path not in closure.files:
            continue
        seen.add(path)
        data = files.read(path)
        plain = decryptor.file(data, path, form)
        if plain is not data and plain != data:
            changed[path] = plain
    return changed


def _named(closure: Closure) -> Iterator[tuple[str, str]]:
    """Path and format of each file that is looked at."""
    waiting, seen = [closure.folder], {closure.folder}
    while waiting:
        folder = waiting.pop(0)
        value = closure.steps[folder].value
        for generator in _mappings(value.get("secretGenerator")):
            for text in _texts(generator.get("files")):
                key, _, path = text.partition("=")
                yield from _place(folder, path or key, form_of(key))
            for path in _texts(generator.get("envs")):
                form = form_of(path)
                yield from _place(folder, path, "dotenv" if form == "binary" else form)
        for patch in _mappings(value.get("patches")):
            if isinstance(patch.get("path"), str) and patch["path"]:
                yield from _place(folder, patch["path"], form_of(patch["path"]))
        for path in (*_texts(value.get("resources")), *_texts(value.get("components"))):
            place = joined(folder, path)
            if place is not None and place in closure.steps and place not in seen:
                seen.add(place)
                waiting.append(place)


def form_of(name: str) -> str:
    """The format for the name of a file, or of an item of a Secret."""
    if name.endswith(_DOCKER_CONFIG):
        return "json"
    return next((form for ending, form in _FORMS.items() if name.endswith(ending)), "binary")


def _place(folder: str, path: str, form: str) -> Iterator[tuple[str, str]]:
    place = joined(folder, path)
    if place is not None:
        yield place, form


def _texts(value: Any) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _mappings(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
