"""Paths that strangers wrote: whatever they are, a build reads files of its source and no others."""

import posixpath
from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.errors import KsealError
from engine.kube.yaml import write
from engine.render.base import Bounds, Overlay, clamped, joined
from engine.render.closure import Reader, closure
from engine.render.generate import generate
from engine.render.remote import Held, address_of, place_in

_NAMES = st.sampled_from(["", ".", "..", "a", "b", "base", "x.yaml", "kustomization.yaml", "etc", "~", "a=b", "%2e%2e"])
_PATHS = st.lists(_NAMES, max_size=6).map("/".join) | st.text(max_size=12)
_FOLDERS = st.lists(st.sampled_from(["a", "b", "base"]), max_size=3).map("/".join)
_CONTENTS = {
    "kustomization.yaml": "",
    "x.yaml": "kind: X",
    "a/x.yaml": "",
    "a/b/x.yaml": "",
    "base/kustomization.yaml": "resources: [x.yaml]",
    "base/x.yaml": "",
}
_LISTS = ("resources", "bases", "components", "crds", "configurations", "patchesStrategicMerge")
_PLUG_INS = ("generators", "transformers", "validators")


@given(_FOLDERS, _PATHS)
def test_a_joined_path_is_the_one_that_the_system_would_open(folder: str, path: str) -> None:
    place = joined(folder, path)
    real = posixpath.normpath(posixpath.join("/srv/deep", folder, path)) if "\0" not in path else "/"
    if place is None:
        assert path.startswith("/") or "\0" in path or ".." in path.split("/")
    else:
        assert posixpath.normpath(posixpath.join("/srv/deep", place)) == real
        assert ".." not in place.split("/")


@given(_PATHS)
def test_a_path_that_was_asked_for_stays_inside(path: str) -> None:
    place = clamped(path)
    assert not place.startswith("/")
    assert not {"..", ".", ""} & set(place.split("/")) or place == ""


@given(_PATHS)
def test_a_fetched_base_stays_in_its_mount(path: str) -> None:
    place = place_in(".kseal-remote/0123/base", path)
    assert place is None or place == ".kseal-remote/0123" or place.startswith(".kseal-remote/0123/")


@given(st.text(alphabet="abghitu:/.@?=_-~ ", max_size=40) | _PATHS)
def test_any_text_is_an_address_or_none(text: str) -> None:
    address = address_of(text)
    assert address is None or ".." not in address.folder.split("/")


def _kustomizations() -> st.SearchStrategy[dict[str, Any]]:
    paths = st.lists(_PATHS, max_size=2)
    generators = st.lists(st.fixed_dictionaries({"name": st.just("g"), "files": paths, "envs": paths}), max_size=2)
    fields: Mapping[str, st.SearchStrategy[Any]] = {
        **dict.fromkeys((*_LISTS, *_PLUG_INS), paths),
        "patches": st.lists(st.fixed_dictionaries({"path": _PATHS}), max_size=2),
        "replacements": st.lists(st.fixed_dictionaries({"path": _PATHS}), max_size=2),
        "openapi": st.fixed_dictionaries({"path": _PATHS}),
        "configMapGenerator": generators,
        "secretGenerator": generators,
    }
    return st.fixed_dictionaries({}, optional=dict(fields))


@given(_kustomizations(), st.sampled_from(["", "a", "base"]))
def test_a_closure_holds_files_of_the_source_or_is_refused(value: dict[str, Any], folder: str) -> None:
    file = f"{folder}/kustomization.yaml".lstrip("/")
    try:
        text = write(value)
    except ValueError:
        return  # half a surrogate pair, which no file holds
    source = Held([(path, content.encode()) for path, content in {**_CONTENTS, file: text}.items()])
    problem = None
    try:
        root = generate(source, Overlay(path=folder))
        found = closure(source, root, folder, reader=Reader(), bounds=Bounds())
    except KsealError as error:
        problem = error.message
    if problem is not None:
        assert problem.isprintable()
        return
    assert found.files <= set(source.files)
    assert all(not path.startswith("/") and ".." not in path.split("/") for path in found.files)
