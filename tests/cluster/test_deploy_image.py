"""The Dockerfile without an engine: what it copies, as whom it runs, and that its install steps work."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.kit.table import named
from tests.kit.tree import ROOT

FILE = ROOT / "deploy" / "Dockerfile"


class Step(NamedTuple):
    """One instruction: `RUN`, and what follows it on its lines."""

    instruction: str
    text: str


def _steps() -> list[Step]:
    lines = [line for line in FILE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [Step(*line.split(maxsplit=1)) for line in joined.splitlines() if line]


STEPS = _steps()
_BEGINS = [index for index, step in enumerate(STEPS) if step.instruction == "FROM"]
BUILD, TOOLS, SEALED, FINAL = (STEPS[begin:end] for begin, end in zip(_BEGINS, [*_BEGINS[1:], None], strict=True))


def _only(steps: list[Step], instruction: str) -> str:
    (text,) = [step.text for step in steps if step.instruction == instruction]
    return text


def test_what_runs_stands_on_the_image_in_which_it_was_installed() -> None:
    assert STEPS[: _BEGINS[0]] == [Step("ARG", "PYTHON_IMAGE=python:3.13-slim"), Step("ARG", "GO_IMAGE=golang:1.26")]
    assert [step.text for step in STEPS if step.instruction == "FROM"] == [
        "${PYTHON_IMAGE} AS build",
        "${GO_IMAGE} AS tools",
        "${PYTHON_IMAGE} AS sealed",
        "sealed",
    ]


def test_kustomize_is_built_in_the_version_that_the_tests_meet() -> None:
    kustomize = named("kustomize")
    assert _only(TOOLS, "RUN").endswith(f" sigs.k8s.io/kustomize/kustomize/v5@v{kustomize.version}")
    assert "CGO_ENABLED=0 GOBIN=/tools " in _only(TOOLS, "RUN")


def test_everything_that_is_copied_from_the_tree_exists_and_reaches_the_builder() -> None:
    ignored = (FILE.parent / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    copies = [step.text.split()[:-1] for step in STEPS if step.instruction == "COPY" and "--from" not in step.text]
    sources = {source for copy in copies for source in copy}
    assert {line.removeprefix("!") for line in ignored if line.startswith("!")} == sources
    assert [source for source in sources if not (ROOT / source).exists()] == []


def test_the_stage_for_sealed_secrets_takes_the_installed_environment_and_runs_nothing() -> None:
    assert _only(SEALED, "COPY") == "--from=build /opt/kseal /opt/kseal"
    assert not [step for step in SEALED if step.instruction in ("RUN", "ADD", "VOLUME", "SHELL")]


def test_the_whole_image_has_the_programs_of_deliveries_too() -> None:
    assert _only(FINAL, "COPY") == "--from=tools /tools/kustomize /usr/local/bin/kustomize"
    (install,) = [words for words in _only(FINAL, "RUN").split(" && ") if "install" in words]
    assert install.split()[-4:] == ["ca-certificates", "git", "gnupg", "openssh-client"]
    assert not [step for step in FINAL if step.instruction in ("ADD", "VOLUME", "SHELL")]


def test_its_user_has_a_name_because_ssh_wants_one() -> None:
    user, group = _only(SEALED, "USER").split(":")
    (line,) = re.findall(r'echo "(.+)" >> /etc/passwd', _only(FINAL, "RUN"))
    assert line.split(":")[2:4] == [user, group]


def test_it_runs_as_a_number_that_is_not_root_in_user_and_group() -> None:
    users = [[step.text for step in stage if step.instruction == "USER"] for stage in (SEALED, FINAL)]
    assert users == [["1001:1001"], ["0:0", "1001:1001"]]


def test_it_starts_without_a_shell() -> None:
    assert _only(SEALED, "ENTRYPOINT") == '["kseal"]'
    assert not [step for step in (*SEALED, *FINAL) if step.instruction == "CMD"]
    assert _only(SEALED, "ENV").startswith("PATH=/opt/kseal/bin:")


def test_labels_name_licence_and_version_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    labels = dict(word.split("=", 1) for word in shlex.split(_only(SEALED, "LABEL")))
    assert labels["org.opencontainers.image.licenses"] == project["license"]
    assert labels["org.opencontainers.image.version"] == "${VERSION}"
    assert Step("ARG", f"VERSION={project['version']}") in SEALED


def test_every_download_is_checked_against_the_lock_files() -> None:
    runs = [step.text for step in STEPS if step.instruction == "RUN" and re.search(r"\bpip\b", step.text)]
    online = [run for run in runs if "--no-index" not in run and "venv" not in run]
    assert [run for run in online if "--require-hashes" not in run] == []
    assert len(online) == 1


@pytest.mark.slow
def test_the_install_steps_give_a_program_that_runs(tmp_path: Path) -> None:
    """Run the very commands of the first stage, with the image's folders below a temporary one."""
    folders = {name: str(tmp_path / name) for name in ("src", "opt", "wheels", "dist")}
    base = tmp_path / "base"  # stands for the image: a Python with pip and nothing else
    subprocess.run([sys.executable, "-m", "venv", base], check=True)
    (tmp_path / "src").mkdir()
    (tmp_path / "opt").mkdir()
    for step in BUILD:
        if step.instruction == "COPY":
            _copy(step.text.split(), Path(folders["src"]))
        if step.instruction == "RUN":
            command = re.sub(r"(?<![\w./])/(\w+)", lambda found: folders[found[1]], step.text)
            environment = {**os.environ, "PATH": f"{base}/bin:/usr/bin:/bin", **_pip_settings()}
            subprocess.run(["/bin/sh", "-ec", command], cwd=folders["src"], env=environment, check=True)

    opt = Path(folders["opt"]) / "kseal"
    run = subprocess.run([opt / "bin/kseal", "--version"], env={}, capture_output=True, text=True, check=True)
    assert re.fullmatch(r"kseal \d+\.\d+\.\d+\n", run.stdout)
    subprocess.run([opt / "bin/kseal", "controller", "--help"], env={}, capture_output=True, check=True)
    modules = [path for path in opt.rglob("engine/**/*.py") if "site-packages/engine" in path.as_posix()]
    assert modules
    assert [path for path in modules if not [*path.parent.glob(f"__pycache__/{path.stem}.*.pyc")]] == []
    assert not (opt / "bin" / "pip").exists()


def _copy(words: list[str], working_folder: Path) -> None:
    """COPY FILE... FOLDER/ puts files into the folder; COPY FOLDER TARGET gives the folder that name."""
    *sources, target = words
    for source in sources:
        if (ROOT / source).is_dir():
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / source, working_folder / target, ignore=ignore)
        else:
            (working_folder / target).mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / source, working_folder / target)


def _pip_settings() -> dict[str, str]:
    (text,) = [step.text for step in STEPS if step.instruction == "ENV" and "PIP_" in step.text]
    settings = dict(word.split("=", 1) for word in shlex.split(text))
    settings.pop("PIP_NO_CACHE_DIR")  # a repeated test need not download again
    return settings
