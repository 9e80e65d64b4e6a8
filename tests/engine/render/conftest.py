"""Sources as trees in a temporary folder, a jail for all tests of the folder, and builders over both."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from engine.build import Builder
from engine.render.jail import Jail
from engine.source.archive import Limits
from engine.source.tree import Tree, of_folder

MakeTree = Callable[[Mapping[str, str | bytes]], Tree]


@pytest.fixture(scope="session")
def jail() -> Iterator[Jail]:
    with Jail() as one:
        yield one


@pytest.fixture
def tree(tmp_path: Path) -> MakeTree:
    """Make a source of files by path."""
    count = iter(range(1000))

    def make(files: Mapping[str, str | bytes]) -> Tree:
        folder = tmp_path / f"source-{next(count)}"
        folder.mkdir()
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content.encode() if isinstance(content, str) else content)
        return of_folder(folder, limits=Limits())

    return make


@pytest.fixture
def builder(jail: Jail, tmp_path: Path) -> Callable[..., Builder]:
    """Make a builder without kustomize and without a cache, but for what the test says."""

    def make(**options: Any) -> Builder:
        given = {"kustomize": None, "cache": None, "remote_bases": False, "scratch": tmp_path}
        return Builder(jail=jail, **{**given, **options})

    return make
