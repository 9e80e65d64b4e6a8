"""Reading who built a Go program from files of every kind, hostile ones included."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.kit import buildinfo, crafted
from tests.kit.buildinfo import BuildInfo

PACKAGE = "k8s.io/kubernetes/cmd/kubectl"


def test_the_main_package_and_module_version_are_read(tmp_path: Path) -> None:
    file = crafted.go_program(tmp_path / "program", PACKAGE, "v1.36.3")
    assert buildinfo.read(file) == BuildInfo(PACKAGE, "v1.36.3")


def test_what_go_itself_reads_from_a_real_program_is_what_we_read() -> None:
    go = shutil.which("go")
    if go is None:
        pytest.skip("there is no Go toolchain on PATH to compare with")
    lines = subprocess.run([go, "version", "-m", go], capture_output=True, text=True, check=True).stdout.splitlines()
    info = buildinfo.read(Path(go).resolve())
    assert info is not None
    assert f"\tpath\t{info.package}" in lines


@pytest.mark.parametrize(
    "content", [b"", b"#!/bin/sh\n", b"\x7fELF", b"\x7fELF\x02\x01" + bytes(58), b"MZ" + bytes(100)]
)
def test_other_files_are_no_go_programs(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    assert buildinfo.read(tmp_path / "file") is None


def test_a_program_of_another_language_is_no_go_program() -> None:
    assert buildinfo.read(Path(sys.executable).resolve()) is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.integers(0, 600), garbage=st.binary(min_size=1, max_size=16))
def test_a_damaged_file_never_raises_nor_reads_without_bound(tmp_path: Path, position: int, garbage: bytes) -> None:
    whole = crafted.go_program(tmp_path / "whole", PACKAGE, "v1.36.3").read_bytes()
    (tmp_path / "damaged").write_bytes(whole[:position] + garbage + whole[position + len(garbage) :])
    info = buildinfo.read(tmp_path / "damaged")
    assert info is None or isinstance(info.package, str)
