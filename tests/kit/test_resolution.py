"""Where a program is looked for, in which order, and what is refused on the way."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from tests.kit import archive, crafted, programs
from tests.kit.build import BuildFailed
from tests.kit.cache import Cache
from tests.kit.errors import KitError, Misconfigured, Unavailable
from tests.kit.programs import Found, accepts, locate
from tests.kit.table import Accept, Install, Program

PACKAGE = "example.test/tool/cmd/tool"
TOOL = Program("the-tool", "1.4.2", Install(PACKAGE), on_path="tool")
SYSTEM = Program("git", on_path="kseal-test-git", accept=Accept.ANY, debian="git")
UNPACKED = Program("sshd", on_path="kseal-test-sshd", accept=Accept.ANY, debian="openssh-server", unpacks=True)


class Machine:
    """A machine of folders: PATH, the cache, and a builder that writes down whether it was called."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "path"
        self.path.mkdir()
        self.cache = Cache(folder / "cache")
        self.environ = {"PATH": str(self.path)}
        self.builds: list[str] = []

    def locate(self, program: Program = TOOL) -> Found:
        return locate(program, environ=self.environ, cache=self.cache, build=self._build)

    def cached(self, program: Program = TOOL) -> Path:
        return crafted.go_program(self.cache.binary(program.name, program.version), PACKAGE, f"v{program.version}")

    def _build(self, program: Program, _cache: Cache, _environ: Mapping[str, str]) -> float:
        self.builds.append(program.name)
        self.cached(program)
        return 3.5


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_file_that_the_person_names_wins_over_all_others(machine: Machine, tmp_path: Path) -> None:
    machine.cached()
    crafted.go_program(machine.path / "tool", PACKAGE, "v1.4.2")
    machine.environ["KSEAL_TEST_THE_TOOL"] = str(crafted.script(tmp_path / "mine", "exit 0"))
    found = machine.locate()
    assert (found.path, found.source) == (tmp_path / "mine", "env")


@pytest.mark.parametrize("wrong", ["absent", "folder", "not-executable"])
def test_a_wrong_path_from_the_person_is_an_error_and_never_a_reason_to_skip(
    machine: Machine, tmp_path: Path, wrong: str
) -> None:
    machine.cached()
    (tmp_path / "folder").mkdir()
    (tmp_path / "not-executable").touch(mode=0o600)
    machine.environ["KSEAL_TEST_THE_TOOL"] = str(tmp_path / wrong)
    with pytest.raises(Misconfigured, match=f'KSEAL_TEST_THE_TOOL: ".*{wrong}" is not an executable file'):
        machine.locate()


def test_the_original_on_path_is_taken_before_the_cache(machine: Machine) -> None:
    machine.cached()
    on_path = crafted.go_program(machine.path / "tool", PACKAGE, "v1.4.9")
    found = machine.locate()
    assert (found.path, found.source, found.version) == (on_path, "path", "1.4.9")


def test_a_wrapper_script_of_the_same_name_is_refused_without_being_run(machine: Machine, tmp_path: Path) -> None:
    crafted.script(machine.path / "tool", f"touch {tmp_path}/was-run; echo v1.4.2")
    assert machine.locate().source == "build"
    assert not (tmp_path / "was-run").exists()


def test_a_go_program_with_another_main_package_is_refused(machine: Machine) -> None:
    crafted.go_program(machine.path / "tool", f"{PACKAGE}-sdk", "v1.4.2")
    machine.environ["KSEAL_TEST_BUILD"] = "0"
    with pytest.raises(Unavailable, match=f"tool is {PACKAGE}-sdk, not {PACKAGE};"):
        machine.locate()


def test_a_program_in_the_cache_is_used_and_not_built(machine: Machine) -> None:
    cached = machine.cached()
    found = machine.locate()
    assert (found.path, found.source, found.seconds) == (cached, "cache", 0.0)
    assert machine.builds == []


def test_what_is_nowhere_is_built_and_from_then_on_in_the_cache(machine: Machine) -> None:
    first, second = machine.locate(), machine.locate()
    assert (first.source, first.seconds, second.source) == ("build", 3.5, "cache")
    assert first.path == second.path
    assert machine.builds == ["the-tool"]


def test_without_permission_to_build_the_error_names_every_place_and_the_cure(machine: Machine) -> None:
    crafted.go_program(machine.path / "tool", PACKAGE, "v1.3.0")
    machine.environ["KSEAL_TEST_BUILD"] = "0"
    with pytest.raises(Unavailable) as caught:
        machine.locate()
    text, hint = caught.value.message, caught.value.hint or ""
    assert "the-tool is not to be had" in text
    assert "is version 1.3.0, not 1.4.2 or a newer one" in text
    assert "not in the cache" in text
    assert "building is off (KSEAL_TEST_BUILD=0)" in text
    assert "python -m tests.kit fetch the-tool" in hint
    assert "KSEAL_TEST_THE_TOOL" in hint


def test_a_build_that_fails_makes_the_program_unavailable_with_what_the_compiler_said(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(program: Program, cache: Cache, environ: Mapping[str, str]) -> float:
        raise BuildFailed("building the-tool 1.4.2 failed:\nno route to module proxy")

    monkeypatch.setattr(machine, "_build", fails)
    with pytest.raises(Unavailable, match="no route to module proxy"):
        machine.locate()


def test_a_system_program_is_believed_what_it_says_of_itself(machine: Machine) -> None:
    crafted.script(machine.path / "kseal-test-git", "echo git version 2.39.5")
    assert machine.locate(SYSTEM).version == "2.39.5"


def test_a_missing_system_program_names_the_package_that_brings_it(machine: Machine) -> None:
    with pytest.raises(Unavailable, match="not on PATH") as caught:
        machine.locate(SYSTEM)
    assert caught.value.hint == "on Debian and Ubuntu: apt-get install git"


@pytest.mark.parametrize(
    ("accept", "version", "expected"),
    [
        (Accept.EXACT, "1.4.2", True),
        (Accept.EXACT, "1.4.3", False),
        (Accept.MINOR, "1.4.0", True),
        (Accept.MINOR, "1.10.0", True),
        (Accept.MINOR, "1.3.9", False),
        (Accept.MINOR, "2.0.0", False),
        (Accept.PATCH, "1.4.1", False),
        (Accept.PATCH, "1.5.0", True),
        (Accept.PATCH, "2.4.2", False),
        (Accept.ANY, "0.1", True),
    ],
)
def test_versions_on_path_are_accepted_by_the_rule_of_the_table(accept: Accept, version: str, expected: bool) -> None:
    assert accepts(replace(TOOL, accept=accept), version) is expected


def test_a_name_that_is_not_in_the_table_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(Misconfigured, match='no program is called "kubctl"') as caught:
        programs.find("kubctl")
    assert "kubectl" in (caught.value.hint or "")


def test_a_program_of_the_archive_is_fetched_once_where_it_is_not_installed(machine: Machine) -> None:
    assert [machine.locate(UNPACKED).source for _ in range(2)] == ["build", "cache"]
    assert machine.builds == ["sshd"]
    crafted.script(machine.path / "kseal-test-sshd", "echo OpenSSH_9.2 >&2")
    assert machine.locate(UNPACKED).source == "path"


def test_a_machine_without_apt_says_what_to_install(machine: Machine, tmp_path: Path) -> None:
    with pytest.raises(KitError, match="no apt-get") as caught:
        archive.unpack(UNPACKED, tmp_path / "target", machine.cache, machine.environ)
    assert "install openssh-server" in (caught.value.hint or "")
    assert not (tmp_path / "target").exists()
