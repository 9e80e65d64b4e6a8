"""The rules of the layout that a machine can check: imports, generated files, names, and words that must not appear."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from controller.api import schema
from tests.kit.tree import ROOT, texts

PACKAGES = ("engine", "providers", "sealer", "controller")
GRAB_BAGS = {"utils", "util", "common", "core", "misc", "helpers"}

# Written in pieces, so that this file does not hold what it looks for.
REGISTRIES = [".".join(parts) for parts in (
    ("pypi", "org"), ("pythonhosted", "org"), ("golang", "org/proxy"), ("proxy.golang", "org"), ("sum.golang", "org"),
    ("registry.npmjs", "org"), ("crates", "io"), ("deb.debian", "org"), ("repo1.maven", "org"), ("docker", "io"),
    ("ghcr", "io"), ("quay", "io"),
)]  # fmt: skip
MACHINE_PATH = re.compile(r"(?<![\w.~-])/(?:work|root|Users)/\w")
OPEN_TASK = re.compile(r"\b(?:" + "|".join(("TO" + "DO", "FIX" + "ME", "HA" + "CK")) + r")\b(?!\([\w-]+, #\d+\))")

DOCSTRING = re.compile(r'(?:#.*\n)*r?"""[^"\s]')  # which all begin with; a parser would take half a second


def _modules() -> list[Path]:
    return [ROOT / name for name in texts() if name.endswith(".py") and name.split("/")[0] in PACKAGES]


@pytest.mark.slow  # `make check` asks it itself
def test_every_import_contract_holds() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    run = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def test_custom_resource_definitions_are_those_of_the_structs() -> None:
    assert schema.outdated(schema.FOLDER) == [], "python -m controller.api.schema --write"


def test_init_files_hold_a_docstring_and_nothing_else() -> None:
    for name, text in texts().items():
        if name.endswith("__init__.py"):
            body = ast.parse(text).body
            assert len(body) == 1, name
            assert ast.get_docstring(ast.parse(text)), name


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_tells_type_checkers_that_it_is_typed(package: str) -> None:
    assert (ROOT / package / "py.typed").is_file()


def test_no_module_is_a_grab_bag() -> None:
    named = {path for path in _modules() if GRAB_BAGS & {*path.relative_to(ROOT).with_suffix("").parts}}
    assert not named


def test_every_module_says_what_it_is_for() -> None:
    silent = [path for path in _modules() if not DOCSTRING.match(path.read_text(encoding="utf-8"))]
    assert not silent


def _mentions(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{name}:{text.count(chr(10), 0, found.start()) + 1}: {found.group()}"
        for name, text in texts().items()
        for found in pattern.finditer(text)
    ]


def test_no_file_depends_on_a_package_registry_by_its_host() -> None:
    assert not _mentions(re.compile(rf"\b(?:{'|'.join(map(re.escape, REGISTRIES))})"))


def test_no_file_knows_the_machine_that_it_was_written_on() -> None:
    assert not _mentions(MACHINE_PATH)


def test_no_open_task_lacks_an_owner_and_an_issue() -> None:
    assert not _mentions(OPEN_TASK)


@pytest.mark.parametrize(
    ("pattern", "line", "found"),
    [
        (MACHINE_PATH, "cd " + "/work" + "/main", True),
        (MACHINE_PATH, "/network/root/x", False),
        (MACHINE_PATH, "https://example.com/work/x", False),
        (OPEN_TASK, "# TO" + "DO later", True),
        (OPEN_TASK, "# TO" + "DO(ada, #12): later", False),
    ],
)
def test_the_searches_find_what_they_are_for(pattern: re.Pattern[str], line: str, found: bool) -> None:
    assert bool(pattern.search(line)) is found
