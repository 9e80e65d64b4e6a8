"""Which files a build is made of: a path on this machine, now or at a revision of the repository that it lies in."""

import os
from collections.abc import Mapping
from pathlib import Path

from controller.cli import builds, localfiles
from controller.cli.builds import Delivery, Place
from controller.cli.localfiles import SourceFiles
from engine.errors import KsealError
from sealer.cli.misuse import Misused
from sealer.cli.verb import Given


class NoSuchPlace(KsealError):
    """A path is not there: now, or at a revision."""


def resolve(
    given: Given,
    word: str | None,
    environ: Mapping[str, str],
    *,
    revision: str | None = None,
    namespace: str = "default",
) -> tuple[Place, list[Delivery]]:
    """What a word of the command line stands for, and the Kustomizations that say how it is built.

    `word` None stands for the folder that the Kustomization names. `namespace` is that of Kustomizations that name
    none. Raises: Misused, KsealError.
    """
    named = given.text("kustomization")
    if word is None and named is None:
        raise Misused("nothing to build is named", hint="for example: kseal build apps/web/overlays/production")
    path = Path(os.path.realpath(word if word is not None else str(named)))
    root = _root(given, path)
    inside = _inside(root, path) if word is not None else ""
    called = word if word is not None else given.text("source-root") or str(root)
    if revision is not None:
        called = f"{called} at {revision}"
    found: list[Delivery] = []
    ignored: str | None = None
    if named is not None:
        found, ignored = _deliveries(given, Path(os.path.realpath(named)), environ, revision, namespace=namespace)
        if not found:
            raise KsealError(
                f"{named}: holds no Kustomization of Flux", "what it holds is of kustomize.toolkit.fluxcd.io"
            )
    files = _files(root, environ, revision, ignored)
    if word is None:
        return Place(files, None, called, revision or ""), found
    place = Place(files, inside, called, revision or "")
    if inside in files.files and not found:
        found, ignored = builds.deliveries_in(place, namespace)
        if found:
            files = files if ignored is None else _files(root, environ, revision, ignored)
            return Place(files, None, given.text("source-root") or str(root), revision or ""), found
    elif not files.has_folder(inside):
        raise NoSuchPlace(f"{called}: no such file or folder", None if revision is None else "was it moved since?")
    return place, _of_folder(found, inside, str(named))


def _of_folder(found: list[Delivery], inside: str, named: str) -> list[Delivery]:
    """Of several Kustomizations in a file the one that delivers a folder. Raises: Misused when that is not one."""
    if len(found) < 2:
        return found
    fitting = [one for one in found if one.spec.overlay.path == inside]
    if len(fitting) != 1:
        names = ", ".join(one.ref for one in found)
        raise Misused(
            f"{named}: which Kustomization is meant is not clear: {names}",
            hint="name a folder that one of them has as its spec.path, or no folder",
        )
    return fitting


def _root(given: Given, path: Path) -> Path:
    """Where paths begin: what is said, else the work tree, else the folder itself."""
    told = given.text("source-root")
    if told is not None:
        return Path(os.path.realpath(told))
    existing = next(one for one in (path, *path.parents) if one.exists())
    return localfiles.work_tree_of(existing) or (path if path.is_dir() else path.parent)


def _deliveries(
    given: Given, path: Path, environ: Mapping[str, str], revision: str | None, *, namespace: str
) -> tuple[list[Delivery], str | None]:
    """The Kustomizations of `--kustomization`: as they were at the revision, where the file was there then."""
    top = localfiles.work_tree_of(path.parent)
    if revision is not None and top is not None:
        files = _files(top, environ, revision, None)
        inside = _inside(top, path)
        if inside in files.files:
            called = f"{given.text('kustomization')} at {revision}"
            return builds.deliveries_in(Place(files, inside, called), namespace)
    files = SourceFiles([path.name], lambda _: _bytes(path))
    return builds.deliveries_in(Place(files, path.name, str(given.text("kustomization"))), namespace)


def _bytes(path: Path) -> bytes:
    from sealer.cli.files import read_inputs

    return read_inputs([str(path)], example="")[0].data


def _files(root: Path, environ: Mapping[str, str], revision: str | None, ignored: str | None) -> SourceFiles:
    if revision is None:
        return localfiles.of_folder(root, ignored=ignored)
    top = localfiles.work_tree_of(root)
    if top is None:
        raise Misused(f"{root}: is in no Git work tree, which --rev needs")
    return localfiles.at_revision(top, revision, environ, below=_inside(top, root), ignored=ignored)


def _inside(root: Path, path: Path) -> str:
    """The path from a root. Raises: Misused when it is elsewhere."""
    try:
        inside = path.relative_to(root).as_posix()
    except ValueError:
        raise Misused(f"{path}: lies outside of {root}", hint="give a folder that holds both: --source-root") from None
    return "" if inside == "." else inside
