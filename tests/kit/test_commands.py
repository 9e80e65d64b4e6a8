"""`python -m tests.kit`: what people and the Makefile type."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.kit import __main__ as commands
from tests.kit import crafted, real
from tests.kit.cache import Cache
from tests.kit.errors import Unavailable
from tests.kit.process import wait_until
from tests.kit.table import named

ROOT = Path(__file__).parents[2]


@pytest.fixture
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cache:
    """Nothing cached, nothing on PATH, building forbidden. Returns the empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("KSEAL_TEST_BUILD", "0")
    monkeypatch.delenv("KSEAL_REQUIRE_REAL", raising=False)
    return Cache.of(os.environ)


def rows(text: str) -> Mapping[str, list[str]]:
    return {line.split()[0]: line.split()[1:] for line in text.splitlines()[1:]}


def test_fetch_prints_one_row_a_program(bare_machine: Cache, capsys: pytest.CaptureFixture[str]) -> None:
    crafted.go_program(bare_machine.binary("etcd", named("etcd").version), "any", "v1.0.0")
    assert commands.main(["fetch", "demo"]) == 0
    out, err = capsys.readouterr()
    assert rows(out)["etcd"] == ["3.6.14", "cache", "0.0"]
    assert rows(out)["kube"] == ["1.36.3", "none", "-"]
    assert "kube is not to be had" in err
    assert "hint: run: python -m tests.kit fetch kube" in err


def test_fetch_fails_for_a_program_that_was_named_itself(bare_machine: Cache) -> None:
    assert commands.main(["fetch", "etcd"]) == 1


def test_fetch_fails_where_every_real_program_is_demanded(bare_machine: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KSEAL_REQUIRE_REAL", "1")
    assert commands.main(["fetch", "demo"]) == 1


def test_an_unknown_name_is_said_in_one_line_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert commands.main(["fetch", "kubctl"]) == 1
    out, err = capsys.readouterr()
    assert err.splitlines()[0] == 'kit: error: no program is called "kubctl"'
    assert err.splitlines()[1].startswith("kit: hint: known: ")
    assert "kubctl" not in out


@pytest.mark.parametrize(("demanded", "outcome"), [("0", pytest.skip.Exception), ("1", pytest.fail.Exception)])
def test_a_test_without_its_program_is_skipped_or_fails_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, demanded: str, outcome: type[BaseException]
) -> None:
    monkeypatch.setenv("KSEAL_REQUIRE_REAL", demanded)
    with pytest.raises(outcome, match=r"etcd is not to be had: not on PATH \(install it\)"):
        real.do_without(Unavailable("etcd", "not on PATH", "install it"))


WITHOUT_PROGRAMS = """
from tests.kit import programs

def test_by_fixture(control_plane): pass
def test_by_itself(): programs.find("etcd")
"""


@pytest.mark.slow
def test_a_run_on_a_bare_machine_skips_what_it_cannot_do_and_says_why(bare_machine: Cache, tmp_path: Path) -> None:
    (tmp_path / "test_bare.py").write_text(WITHOUT_PROGRAMS)
    command = [sys.executable, "-m", "pytest", "-q", "-ra", "-p", "tests.conftest", "-p", "no:cacheprovider"]
    done = subprocess.run([*command, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert "2 skipped" in done.stdout
    assert "building is off (KSEAL_TEST_BUILD=0)" in done.stdout


@pytest.mark.cluster
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_up_tells_where_the_kubeconfig_is_and_removes_all_when_stopped(how: signal.Signals) -> None:
    kubectl = real.require("kubectl")
    command = [sys.executable, "-m", "tests.kit", "up"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as up:
        try:
            assert up.stdout
            path, export = up.stdout.readline().strip(), up.stdout.readline().strip()
            assert export == f"export KUBECONFIG={path}"
            asked = [str(kubectl), f"--kubeconfig={path}", "get", "--raw=/readyz"]
            assert subprocess.run(asked, capture_output=True, text=True, check=True).stdout == "ok"
            up.send_signal(how)
            assert up.wait(timeout=30) == 130
        finally:
            up.kill()
    wait_until(lambda: not Path(path).parent.exists(), "the folder is gone")
