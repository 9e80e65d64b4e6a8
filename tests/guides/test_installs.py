"""The install commands of the README give a program that works."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.kit.documents import commands
from tests.kit.guides import SCRIPTS
from tests.kit.reader import INSTALL
from tests.kit.tree import ROOT


def _readme_installs() -> list[str]:
    typed = [command.text for block in SCRIPTS["README.md"] for command in commands(block)]
    return [text.partition("#")[0].strip() for text in typed if INSTALL.match(text)]


@pytest.mark.slow
@pytest.mark.skipif(os.environ.get("KSEAL_REQUIRE_REAL") != "1", reason="a minute of installing: KSEAL_REQUIRE_REAL=1")
@pytest.mark.parametrize("line", _readme_installs())
def test_the_install_commands_of_the_readme_install_a_working_program(line: str, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    binaries = tmp_path / "venv" / "bin"
    environ = {name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "PYTHONPATH"}} | {
        "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        **{name: str(tmp_path / "tools") for name in ("UV_TOOL_DIR", "PIPX_HOME")},
        **{name: str(binaries) for name in ("UV_TOOL_BIN_DIR", "PIPX_BIN_DIR")},
        "UV_PYTHON": sys.executable,
        "UV_HTTP_TIMEOUT": "180",
        "PIPX_DEFAULT_PYTHON": sys.executable,
    }
    program = line.split(maxsplit=1)[0]
    if shutil.which(program, path=environ["PATH"]) is None:
        subprocess.run([binaries / "pip", "install", "--quiet", program], env=environ, check=True)
    subprocess.run(["/bin/sh", "-euc", line], cwd=ROOT, env=environ, check=True, capture_output=True)

    def kseal(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([binaries / "kseal", *words], env=environ, capture_output=True, text=True, check=False)

    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert kseal("--version").stdout == f"kseal {version}\n"
    has_controller = "[controller]" in line
    started = kseal("controller", "--kubeconfig", str(tmp_path / "missing"))
    assert started.returncode == (1 if has_controller else 2), started.stderr
    assert ("no such file" if has_controller else "[controller]") in started.stderr
