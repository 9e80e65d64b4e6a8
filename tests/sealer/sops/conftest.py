"""A team in a folder of its own, where the process stands."""

from pathlib import Path

import pytest

from tests.kit.sopsteam import Team


@pytest.fixture
def team(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Team:
    monkeypatch.chdir(tmp_path)
    return Team(tmp_path, capsys)
