"""What a test does when a real program cannot be had: it is skipped and says why, or fails where all are demanded."""

import os
from pathlib import Path
from typing import NoReturn

import pytest

from tests.kit import programs, share
from tests.kit.errors import Unavailable


def require(name: str) -> Path:
    """The path of a real program, built if need be. Skips or fails the test when it cannot be had."""
    try:
        return programs.find(name)
    except Unavailable as error:
        do_without(error)


def require_file(name: str, relative: str) -> Path:
    """A file that the module of a real program brings; as require() when it cannot be had."""
    try:
        return share.upstream_file(name, relative)
    except Unavailable as error:
        do_without(error)


def do_without(error: Unavailable) -> NoReturn:
    """End the running test: skipped with the reason, or failed where KSEAL_REQUIRE_REAL=1 (as in CI)."""
    text = f"{error} ({error.hint})"
    if os.environ.get("KSEAL_REQUIRE_REAL") == "1":
        pytest.fail(text, pytrace=False)
    pytest.skip(text)
