"""`kseal git install` and `uninstall` with the real git: idempotent, complete, and nothing foreign is touched."""

from pathlib import Path

import pytest

from tests.kit.gitclone import Clone

pytestmark = pytest.mark.interop

FOREIGN = "#!/bin/sh\nexec true\n"


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path, needs_sops=False)


def state(clone: Clone) -> dict[str, bytes]:
    """Everything of git's that a person can set up, in the repository and at home."""
    tops = [clone.folder / ".git" / "config", clone.folder / ".git" / "info", clone.folder / ".git" / "hooks"]
    tops += [clone.folder / ".git" / "kseal", clone.folder / ".gitattributes", clone.home]
    files = [path for top in tops for path in ([top] if top.is_file() else top.rglob("*")) if path.is_file()]
    return {str(path): path.read_bytes() for path in files}


@pytest.mark.parametrize("words", [[], ["--hooks"], ["--team"], ["--global"], ["--hooks", "a b/*.yaml", "*.env"]])
def test_a_round_trip_leaves_everything_as_it_was(clone: Clone, words: list[str]) -> None:
    clone.git("config", "merge.other.driver", "true")
    clone.git("config", "diff.other.textconv", "cat")
    (clone.folder / ".git" / "info" / "attributes").write_text("*.bin diff=other\n")
    clone.write(".gitattributes", "*.md text\n# no line end")
    before = state(clone)
    clone.kseal("git", "install", *words)
    once = state(clone)
    assert once != before
    clone.kseal("git", "install", *words)
    assert state(clone) == once
    clone.write("s.yaml", "a: 1\n")
    clone.kseal("git", "textconv", "s.yaml")
    clone.kseal("git", "uninstall", *[word for word in words if word in ("--team", "--global")])
    assert state(clone) == before


@pytest.mark.parametrize("words", [[], ["--team"], ["--global"]])
def test_the_drivers_are_in_force_then(clone: Clone, words: list[str]) -> None:
    clone.kseal("git", "install", *words)
    for path in ("a.yaml", "deep/b.yml", "c.json", "d.env", "e.ini"):
        assert clone.git("check-attr", "merge", "diff", "--", path) == f"{path}: merge: kseal\n{path}: diff: kseal\n"
    assert clone.git("check-attr", "diff", "--", "README.md") == "README.md: diff: unspecified\n"
    assert clone.git("config", "diff.kseal.cachetextconv") == "false\n"


def test_patterns_with_spaces_name_their_files(clone: Clone) -> None:
    clone.kseal("git", "install", "my secrets/*", "*.enc")
    assert "merge: kseal" in clone.git("check-attr", "merge", "--", "my secrets/x")
    assert "merge: kseal" in clone.git("check-attr", "merge", "--", "y.enc")
    assert "unspecified" in clone.git("check-attr", "merge", "--", "x.yaml")


def test_a_persons_own_attributes_win(clone: Clone) -> None:
    (clone.folder / ".git" / "info" / "attributes").write_text("big.json -diff\n")
    clone.kseal("git", "install")
    assert "diff: unset" in clone.git("check-attr", "diff", "--", "big.json")


def test_a_program_that_is_not_on_the_path_is_called_where_it_is(clone: Clone) -> None:
    program = str(Path(clone.environ["PATH"].split(":")[0], "kseal"))
    clone.run(program, "git", "install", environ={"PATH": "/usr/bin:/bin"})
    assert clone.git("config", "merge.kseal.driver") == f"{program} git merge -- %O %A %B %P %L\n"


def test_a_foreign_hook_is_not_replaced_and_nothing_else_is_done(clone: Clone) -> None:
    hook = clone.folder / ".git" / "hooks" / "pre-commit"
    hook.write_text(FOREIGN)
    before = state(clone)
    said = clone.kseal("git", "install", "--hooks", code=1)
    assert "is another hook, which is not replaced" in said
    assert "kseal git pre-commit" in said
    assert state(clone) == before
    clone.kseal("git", "install")
    clone.kseal("git", "uninstall")
    assert hook.read_text() == FOREIGN


def test_hooks_of_another_manager_are_left_to_it(clone: Clone) -> None:
    clone.git("config", "core.hooksPath", ".husky")
    assert "hooks are managed by another program" in clone.kseal("git", "install", "--hooks", code=1)
    clone.kseal("git", "install")
    clone.kseal("git", "uninstall")
    assert not (clone.folder / ".husky").exists()


def test_a_hook_that_was_changed_by_hand_stays_and_is_told(clone: Clone) -> None:
    clone.kseal("git", "install", "--hooks")
    hook = clone.folder / ".git" / "hooks" / "pre-commit"
    hook.write_text(hook.read_text() + "echo more\n")
    assert "was changed by hand and stays" in clone.kseal("git", "uninstall")
    assert hook.exists()


def test_the_lines_of_the_team_are_told_when_one_person_uninstalls(clone: Clone) -> None:
    clone.kseal("git", "install", "--team")
    assert "kseal git uninstall --team" in clone.kseal("git", "uninstall")
    assert "merge=kseal" in clone.read(".gitattributes")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["install", "--global", "--hooks"], "--global is for all repositories"),
        (["install", "!x"], "is no pattern of attributes"),
        (["install", "--reveal"], "git install has no option --reveal"),
        (["uninstall", "x"], "takes no patterns"),
        (["merge", "x"], "git merge takes BASE OURS THEIRS PATH"),
        (["textconv"], "git textconv takes one file"),
        (["frobnicate"], 'there is no action "frobnicate"'),
        ([], "no action is named"),
    ],
)
def test_lines_that_mean_nothing_are_refused(clone: Clone, words: list[str], said: str) -> None:
    before = state(clone)
    assert said in clone.kseal("git", *words, code=2)
    assert state(clone) == before


def test_outside_of_a_repository_the_cure_is_said(clone: Clone) -> None:
    environ = {"GIT_CEILING_DIRECTORIES": str(clone.home), "GIT_DIR": str(clone.home / "none")}
    assert "this is no Git repository" in clone.kseal("git", "install", code=2, environ=environ)
