"""Somebody who follows a document."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.kit.controlplane import ControlPlane
from tests.kit.process import Nest
from tests.kit.reader import Reader


@pytest.fixture
def reader(new_control_plane: Callable[..., ControlPlane], tmp_path: Path) -> Iterator[Reader]:
    with Nest("reader") as nest:
        reader = Reader(new_control_plane("api"), tmp_path, nest)
        yield reader
        reader.leave()
