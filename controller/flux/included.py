"""The files of a GitRepository together with those of others that it includes. Pure.

Source: flux.md section 3.1; fluxcd/source-controller, reconcileInclude: an include takes the place of nothing.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from controller.flux.gitspec import Include
from engine.source.base import Artifact, SourceError
from engine.source.tree import Tree

File = tuple[str, bool, bytes]
"""Path, whether it is executable, content."""
Inclusion = tuple[Include, Artifact, dict[str, Any]]
"""What is included, its artifact, and the same as the status has it."""


def merged(own: Iterable[File], included: Iterable[tuple[Include, Tree]], ignore: str | None) -> Iterator[File]:
    """All files. Raises: SourceError when an include would stand where files are already, or takes what is not there.

    As in the original, a folder may not take the place of another; a single file may replace one.
    """
    additions: dict[str, tuple[Tree, str]] = {}
    folders: dict[str, Include] = {}
    for include, tree in included:
        found = _taken(include, tree)
        if include.to_path not in found:
            folders[include.to_path] = include
        additions |= {to: (tree, path) for to, path in found.items()}
    for path, is_executable, content in own:
        for folder, include in folders.items():
            if not folder or path == folder or path.startswith(f"{folder}/"):
                raise _failed(include, "there are files already")
        if path not in additions:
            yield path, is_executable, content
    for to, (tree, path) in sorted(additions.items()):
        yield to, tree.files[path].is_executable, tree.read(path)


def _taken(include: Include, tree: Tree) -> dict[str, str]:
    """Where each file goes -> where it stands in the other artifact."""
    start = include.from_path
    if start in tree.files:
        return {include.to_path: start}
    if not tree.has_folder(start):
        raise _failed(include, "there is no such file or folder")
    prefix = f"{include.to_path}/" if include.to_path else ""
    return {prefix + path[len(start) :].lstrip("/"): path for path in tree.below(start)}


def _failed(include: Include, why: str) -> SourceError:
    return SourceError(
        f"failed to copy '{include.name}' include from {include.from_path or '/'} to {include.to_path or '/'}: {why}",
        reason="CopyFailure",
    )
