"""The table of programs agrees with the committed modules, and its groups mean what they say."""

import re

import pytest

from tests.kit import gotool
from tests.kit.programs import variable
from tests.kit.table import GROUPS, MODULES, PROGRAMS, Module, Program, expand, named

MODULE_OF = {
    "kube": "k8s.io/kubernetes",
    "kubectl": "k8s.io/kubernetes",
    "etcd": "go.etcd.io/etcd/server/v3",
    "kwok": "sigs.k8s.io/kwok",
    "kubeseal": "github.com/bitnami/sealed-secrets",
    "sealed-secrets-controller": "github.com/bitnami/sealed-secrets",
    "source-controller": "github.com/fluxcd/source-controller",
    "kustomize-controller": "github.com/fluxcd/kustomize-controller",
}


def _go_mod(program: Program) -> str:
    assert isinstance(program.recipe, Module)
    return (MODULES / program.recipe.folder / "go.mod").read_text()


@pytest.mark.parametrize("name", MODULE_OF)
def test_a_module_is_pinned_at_the_version_of_the_table(name: str) -> None:
    program = named(name)
    assert re.search(
        rf"^\s*(require )?{re.escape(MODULE_OF[name])} v{program.version}\b", _go_mod(program), re.MULTILINE
    )


def test_every_committed_module_states_its_tools_so_that_tidying_keeps_them() -> None:
    for name in MODULE_OF:
        program = named(name)
        if not program.package.startswith("."):
            assert re.search(rf"^(tool |\t){re.escape(program.package)}$", _go_mod(program), re.MULTILINE), name


def test_the_oldest_accepted_go_is_one_that_every_module_accepts() -> None:
    asked = [re.search(r"^go (\S+)$", file.read_text(), re.MULTILINE) for file in MODULES.glob("*/go.mod")]
    versions = [tuple(int(part) for part in found[1].split(".")) for found in asked if found]
    assert len(versions) == len(asked)
    assert max(versions) == gotool.MINIMUM


def test_groups_hold_each_other_as_their_names_say() -> None:
    demo, test, core = (set(GROUPS[name]) for name in ("demo", "test", "core"))
    assert demo < test < core
    assert core < set(GROUPS["bench"])
    assert {"helm4", "opa", "redis-server"} == set(PROGRAMS) - core


def test_a_program_asked_for_twice_comes_once_and_in_the_order_asked() -> None:
    assert [program.name for program in expand(["kwok", "demo", "kwok"])] == [
        "kwok",
        "etcd",
        "kube",
        "kubectl",
        "kubeseal",
    ]


def test_no_two_programs_answer_to_the_same_environment_variable() -> None:
    assert len({variable(program) for program in PROGRAMS.values()}) == len(PROGRAMS)
