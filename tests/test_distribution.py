"""What people install: the archives' content, and that nothing of ours asks an index for a stranger's program."""

import configparser
import os
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.kit.installs import STRANGER, index_installs
from tests.kit.tree import ROOT, texts

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OURS = ("engine", "providers", "sealer", "controller")


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheel and the source archive of this tree, by kind."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", folder], cwd=ROOT, check=True, capture_output=True
    )
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return {"wheel": wheel, "sdist": sdist}


@pytest.fixture(scope="module")
def wheel(archives: dict[str, Path]) -> zipfile.ZipFile:
    return zipfile.ZipFile(archives["wheel"])


def _dist_info(wheel: zipfile.ZipFile) -> str:
    return f"kseal_toolkit-{PROJECT['version']}.dist-info"


def test_the_wheel_brings_our_packages_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    assert {name.split("/")[0] for name in wheel.namelist()} == {*OURS, _dist_info(wheel)}


def test_the_wheel_holds_every_module_of_the_tree(wheel: zipfile.ZipFile) -> None:
    modules = {name for name in texts() if name.endswith(".py") and name.split("/")[0] in OURS}
    assert modules <= {*wheel.namelist()}


@pytest.mark.parametrize("package", OURS)
def test_the_wheel_is_typed(wheel: zipfile.ZipFile, package: str) -> None:
    assert f"{package}/py.typed" in wheel.namelist()


def test_the_wheel_carries_the_licence(wheel: zipfile.ZipFile) -> None:
    licence = wheel.read(f"{_dist_info(wheel)}/licenses/LICENSE")
    assert licence == (ROOT / "LICENSE").read_bytes()


DELIVERY_VERBS = ("build", "diff", "events", "get", "logs", "resume", "suspend", "sync", "tree")


def test_the_wheel_installs_two_commands_and_the_verbs_of_the_controller(wheel: zipfile.ZipFile) -> None:
    entries = configparser.ConfigParser()
    entries.read_string(wheel.read(f"{_dist_info(wheel)}/entry_points.txt").decode())
    assert {section: dict(entries[section]) for section in entries.sections()} == {
        "console_scripts": {"kseal": "sealer.cli.main:main", "kubectl-kseal": "sealer.cli.main:main"},
        "kseal.commands": {
            "adopt": "controller.adopt.command:command",
            "controller": "controller.main:command",
            **{verb: f"controller.cli.{verb}:VERB" for verb in DELIVERY_VERBS},
        },
    }


def test_the_distribution_does_not_bear_the_strangers_name() -> None:
    assert PROJECT["name"] == "kseal-toolkit"
    assert PROJECT["name"] != STRANGER


@pytest.mark.slow
def test_the_source_archive_builds_the_same_wheel(
    archives: dict[str, Path], wheel: zipfile.ZipFile, tmp_path: Path
) -> None:
    with tarfile.open(archives["sdist"]) as sdist:
        sdist.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "again")]
    subprocess.run(build, cwd=source, check=True, capture_output=True)
    (again,) = (tmp_path / "again").glob("*.whl")
    assert sorted(zipfile.ZipFile(again).namelist()) == sorted(wheel.namelist())


def test_nothing_of_ours_installs_the_strangers_program() -> None:
    found = [f"{name}: {line}" for name, text in texts().items() for line in index_installs(name, text)]
    assert not found


# The name is filled in when the tests run, so that this file passes the search above.
@pytest.mark.parametrize(
    "line",
    [
        "pip install NAME",
        "$ pip3 install --user NAME",
        "python -m pip install -q 'NAME[controller]'",
        'python3.11 -m pip --quiet install "NAME[controller,vault]>=0.1"',
        "pip install cryptography NAME==0.1.0",
        "pip install -U NAME && NAME --version",
        "run `pip install NAME` first",
        "pip download NAME",
        "uv tool install NAME",
        "uv tool install 'NAME[controller]'",
        "uv --quiet tool install NAME",
        "uv add NAME",
        "uv pip install NAME",
        "uvx NAME seal",
        "uvx --from NAME kubeseal",
        "uvx --from=NAME kubeseal",
        "uvx --with NAME kopf",
        "pipx install NAME[controller]",
        "pipx run NAME seal",
        "pipx run --spec NAME seal",
        "pipx inject tools NAME",
        "poetry add NAME",
        "conda install NAME",
        'RUN ["pip", "install", "NAME"]',
        "NAME==0.1.0",
        'dependencies = ["click", "x"]; pip install NAME',
        '    "NAME[controller]>=0.1",',
        "- NAME ~= 1.0",
        "PIP INSTALL Name",
        "apt-get update; pip install --no-cache-dir NAME; rm -rf /tmp/x",
    ],
)
def test_a_planted_install_from_an_index_is_found(line: str) -> None:
    planted = line.replace("NAME", STRANGER).replace("Name", STRANGER.title())
    assert list(index_installs("README.md", f"Before.\n{planted}\nAfter.\n")) == [planted.strip()]


@pytest.mark.parametrize(
    "line",
    [
        "pip install NAME-toolkit",
        "pip install 'NAME-toolkit[controller]==0.1.0'",
        "uv tool install NAME-toolkit && NAME seal",
        "uvx --from NAME-toolkit NAME seal",
        "uvx --from ./dist/NAME_toolkit-0.1.0-py3-none-any.whl NAME",
        "pipx run --spec NAME-toolkit NAME seal",
        "pipx install .; NAME --version",
        "pip install ./NAME",
        "pip install dist/NAME_toolkit-0.1.0-py3-none-any.whl",
        "pip install 'NAME @ file:///src'",
        "pip install --editable . # then NAME is on the path",
        "pip uninstall NAME",
        "NAME seal < secret.yaml",
        "command: [NAME, controller]",
        "image: localhost/NAME:0.1.0",
        "NAME --version  # NAME 0.1.0",
    ],
)
def test_our_own_name_and_local_paths_are_allowed(line: str) -> None:
    assert not list(index_installs("README.md", line.replace("NAME", STRANGER)))


@pytest.mark.parametrize("line", ["NAME", "NAME[controller]", "NAME ; python_version > '3'", "NAME --hash=sha256:00"])
def test_a_bare_requirement_line_is_found_where_requirements_stand(line: str) -> None:
    planted = line.replace("NAME", STRANGER)
    assert list(index_installs("requirements/dev.txt", planted)) == [planted]
    assert not list(index_installs("README.md", STRANGER))


def test_an_install_hint_in_pieces_is_found_in_python_sources() -> None:
    source = "hint = (\n    'install it: pip '\n    'install NAME[controller]'\n)\n".replace("NAME", STRANGER)
    assert list(index_installs("controller/x.py", source)) == [f"install it: pip install {STRANGER}[controller]"]
    formatted = "hint = f'pip install {quote}NAME{quote}'".replace("NAME", STRANGER)
    assert list(index_installs("controller/x.py", formatted))


def test_a_command_over_two_lines_is_found() -> None:
    assert list(index_installs("Dockerfile", f"RUN pip install \\\n    --no-cache-dir \\\n    {STRANGER}\n"))


def _stop_of_a_shadowed(package: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Ask for the check in a process where another package of that name stands first on the import path."""
    (folder / package).mkdir()
    (folder / package / "__init__.py").touch()
    code = "from controller.origin import check_origin; check_origin()"
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("package", ["providers", "sealer"])
def test_packages_from_two_installations_are_refused(package: str, tmp_path: Path) -> None:
    run = _stop_of_a_shadowed(package, tmp_path)
    assert run.returncode == 1
    assert f"kseal is installed in {ROOT}, but {package} comes from {tmp_path}" in run.stderr


def test_packages_from_one_installation_are_accepted(tmp_path: Path) -> None:
    (tmp_path / "unrelated").mkdir()
    assert _stop_of_a_shadowed("other", tmp_path).returncode == 0
