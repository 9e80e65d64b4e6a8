"""Building: once however many ask, whole or not at all. A script stands in for the Go toolchain."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.kit import build as building
from tests.kit import crafted, gotool
from tests.kit.build import BuildFailed, build
from tests.kit.cache import Cache
from tests.kit.errors import Misconfigured
from tests.kit.process import wait_until
from tests.kit.table import Copied, Install, Module, Program

ROOT = Path(__file__).parents[2]
TOOL = Program("tool", "1.4.2", Install("example.test/cmd/tool"), {"main.version": "v1.4.2"})
NEW_ENOUGH = 'if [ "$1" = env ]; then echo go1.99.0; exit 0; fi'
WORKS = 'echo built >> "$CALLS"; echo example.test/cmd/tool >&2; echo program > "$GOBIN/tool"'
FAILS = 'echo "go: downloading example.test v1" >&2; echo half > "$GOBIN/tool"; echo "tool.go:3: no" >&2; exit 1'
HANGS = 'echo half > "$GOBIN/tool"; echo started >> "$CALLS"; exec sleep 600'


class Workshop:
    """A cache and a PATH whose `go` is a script; each run of it is a line in `calls`."""

    def __init__(self, folder: Path, behaviour: str) -> None:
        self.cache = Cache(folder / "cache")
        self.calls = folder / "calls"
        self.calls.touch()
        (folder / "bin").mkdir()
        crafted.script(folder / "bin" / "go", f"{NEW_ENOUGH}\n{behaviour}")
        self.environ = {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "CALLS": str(self.calls)}

    def left_over(self) -> list[Path]:
        """Files and folders in the cache other than locks."""
        return [path for name in ("bin", "run") for path in (self.cache.root / name).glob("*")]

    def in_another_process(self) -> subprocess.Popen[bytes]:
        code = """
            import os, sys
            from pathlib import Path
            from tests.kit.build import build
            from tests.kit.cache import Cache
            from tests.kit.test_building import TOOL
            build(TOOL, Cache(Path(sys.argv[1])), os.environ)
        """
        command = [sys.executable, "-c", textwrap.dedent(code), str(self.cache.root)]
        return subprocess.Popen(command, cwd=ROOT, env=self.environ)


def test_a_built_program_is_whole_executable_and_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shop = Workshop(tmp_path, WORKS)
    build(TOOL, shop.cache, shop.environ)
    target = shop.cache.binary("tool", "1.4.2")
    assert target.read_text() == "program\n"
    assert os.access(target, os.X_OK)
    assert shop.left_over() == [target]
    said = capsys.readouterr()
    assert "kit: building tool 1.4.2 (first use; about" in said.err
    assert "kit: built tool 1.4.2 in" in said.err
    assert said.out == ""


def test_a_failed_build_leaves_nothing_and_tells_what_the_compiler_said(tmp_path: Path) -> None:
    shop = Workshop(tmp_path, FAILS)
    with pytest.raises(BuildFailed, match=r"^building tool 1.4.2 failed:\ntool.go:3: no$"):
        build(TOOL, shop.cache, shop.environ)
    assert shop.left_over() == []


@pytest.mark.slow
def test_processes_that_want_the_same_program_build_it_once(tmp_path: Path) -> None:
    shop = Workshop(tmp_path, WORKS)
    processes = [shop.in_another_process() for _ in range(4)]
    assert [process.wait() for process in processes] == [0, 0, 0, 0]
    assert shop.calls.read_text() == "built\n"


@pytest.mark.slow
def test_a_build_cut_short_by_a_kill_leaves_nothing_and_blocks_nobody(tmp_path: Path) -> None:
    shop = Workshop(tmp_path, HANGS)
    with shop.in_another_process() as first:
        try:
            wait_until(lambda: shop.calls.read_text() != "", "the build has begun")
        finally:
            first.kill()
    wait_until(lambda: shop.left_over() == [], "the half-built program is gone")
    crafted.script(tmp_path / "bin" / "go", f"{NEW_ENOUGH}\n{WORKS}")
    build(TOOL, shop.cache, shop.environ)
    assert shop.cache.binary("tool", "1.4.2").exists()


def test_a_lock_is_announced_to_who_waits_and_free_when_its_holder_is_done(tmp_path: Path) -> None:
    cache, events = Cache(tmp_path), []
    with cache.lock("tool", waiting=lambda: events.append("waited for nobody")):
        events.append("held")
    with cache.lock("tool", waiting=lambda: events.append("waited for nobody")):
        events.append("held again")
    assert events == ["held", "held again"]


def test_a_cache_that_cannot_be_written_is_said_with_the_setting_that_moves_it(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Misconfigured, match="cannot be made: Not a directory") as caught:
        Cache.of({"XDG_CACHE_HOME": str(tmp_path / "file")}).runs()
    assert "XDG_CACHE_HOME" in (caught.value.hint or "")


def test_the_persons_own_go_settings_do_not_change_a_build(tmp_path: Path) -> None:
    theirs = {"GOOS": "windows", "GOFLAGS": "-tags=odd", "GOWORK": "/their/go.work", "GOPROXY": "https://theirs.test"}
    environ = gotool.environment(theirs, tmp_path)
    assert "GOOS" not in environ
    assert environ["GOPROXY"] == "https://theirs.test"
    assert (environ["GOFLAGS"], environ["GOWORK"]) == ("-mod=readonly -buildvcs=false", "off")
    assert (environ["CGO_ENABLED"], environ["GOTOOLCHAIN"]) == ("0", "local")


def test_a_program_of_a_committed_module_is_built_there_with_its_version_stamped(tmp_path: Path) -> None:
    program = Program("kube", "1.2.3", Module("k8s", "./kube"), {"a.B": "v1.2.3", "a.C": "1"})
    command = building.command(Path("go"), program, tmp_path)
    flags = ["-v", "-trimpath", "-ldflags", "-s -w -X a.B=v1.2.3 -X a.C=1"]
    assert command == [Path("go"), "build", *flags, "-o", tmp_path / "kube", "./kube"]


def test_a_program_whose_module_lacks_files_is_built_in_a_copy_that_has_them(tmp_path: Path) -> None:
    module = tmp_path / "module"
    (module / "cmd").mkdir(parents=True)
    (module / "cmd" / "main.go").write_text("package main")
    (module / "cmd").chmod(0o555)  # as Go keeps modules
    downloaded = f'echo \'{{"Dir": "{module}"}}\''
    built = 'cat cmd/main.go cmd/data/none.yaml > "$7"'
    shop = Workshop(tmp_path, f'if [ "$1" = mod ]; then {downloaded}; else {built}; fi')
    recipe = Copied("example.test", "example.test/cmd", {"cmd/data/none.yaml": "kind: List"})
    build(Program("tool", "1.4.2", recipe), shop.cache, shop.environ)
    assert shop.cache.binary("tool", "1.4.2").read_text() == "package mainkind: List"
    assert sorted(path.name for path in module.rglob("*")) == ["cmd", "main.go"]


def test_an_old_go_is_passed_over_for_the_pinned_package(tmp_path: Path) -> None:
    shop = Workshop(tmp_path, "exit 9")
    crafted.script(tmp_path / "bin" / "go", "echo go1.21.0")
    pinned = shop.cache.root / "go-1.26.6" / "go" / "bin"
    pinned.mkdir(parents=True)
    crafted.script(pinned / "go", "exit 0")
    assert gotool.find(shop.cache, shop.environ) == pinned / "go"
