"""The version in the code is the one of the distribution."""

import tomllib
from pathlib import Path

from engine.version import VERSION


def test_the_version_is_the_distributions() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert project["project"]["version"] == VERSION
