"""Which files stay out of an artifact."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.source.base import SourceError
from engine.source.ignore import Ignore


def kept(paths: list[str], text: str | None = None, **files: str) -> list[str]:
    """`files` are .sourceignore files by folder, `root` for the root."""
    rules = Ignore(
        text, {"" if folder == "root" else folder.replace("__", "/"): each for folder, each in files.items()}
    )
    return [path for path in paths if not rules.excludes(path)]


ALL = [
    *(".git/config", ".gitignore", "sub/.gitmodules", ".gitattributes", "a.jpg", "a/b.PNG", "c.tar.gz", "x.zip"),
    *(".github/workflows/x.yaml", "a/.circleci/config.yml", ".travis.yml", "a/.sops.yaml", ".flux.yaml"),
    *("appveyor.yml", "apps/a.yaml", "jpg", "a.jpg/b.yaml", "zip.yaml"),
]


def test_without_a_pattern_the_defaults_hold() -> None:
    assert kept(ALL) == ["a/b.PNG", "apps/a.yaml", "jpg", "zip.yaml"]
    assert kept(ALL, "# a comment\n\n   \n", root="#\n") == ["a/b.PNG", "apps/a.yaml", "jpg", "zip.yaml"]


@pytest.mark.parametrize("where", ["resource", "root", "folder"])
def test_any_pattern_switches_the_defaults_off_but_not_those_of_version_control(where: str) -> None:
    text = "nothing-like-it"
    found = {
        "resource": lambda: kept(ALL, text),
        "root": lambda: kept(ALL, root=text),
        "folder": lambda: kept(ALL, some__folder=text),
    }[where]()
    assert found == ALL[4:]


@pytest.mark.parametrize(
    ("text", "out"),
    [
        ("*.md", ["a.md", "docs/b.md", "docs/deep/c.md"]),
        ("docs", ["docs/b.md", "docs/deep/c.md"]),
        ("docs/", ["docs/b.md", "docs/deep/c.md"]),
        ("/docs", ["docs/b.md", "docs/deep/c.md"]),
        ("deep", ["docs/deep/c.md"]),
        ("/deep", []),
        ("docs/deep", ["docs/deep/c.md"]),
        ("deep/c.md", []),
        ("**/deep/c.md", ["docs/deep/c.md"]),
        ("**/c.md", ["docs/deep/c.md"]),
        ("docs/**", ["docs/b.md", "docs/deep/c.md"]),
        ("docs/**/c.md", ["docs/deep/c.md"]),
        ("docs/*.md", ["docs/b.md"]),
        ("docs/*", ["docs/b.md", "docs/deep/c.md"]),
        ("a.md/", []),
        ("/*", ["a.md", "apps/x.yaml", "apps/y.yaml", "docs/b.md", "docs/deep/c.md"]),
        ("/*\n!/apps", ["a.md", "docs/b.md", "docs/deep/c.md"]),
        ("/*\n!/apps/x.yaml", ["a.md", "apps/y.yaml", "docs/b.md", "docs/deep/c.md"]),
        ("!a.md\n*.md", ["a.md", "docs/b.md", "docs/deep/c.md"]),
        ("*.md\n!a.md", ["docs/b.md", "docs/deep/c.md"]),
        ("[xy].yaml", ["apps/x.yaml", "apps/y.yaml"]),
        ("[^x].yaml", ["apps/y.yaml"]),
        ("[x-y].yaml", ["apps/x.yaml", "apps/y.yaml"]),
        ("?.yaml", ["apps/x.yaml", "apps/y.yaml"]),
        ("x\\.yaml", ["apps/x.yaml"]),
        ("[x.yaml", []),
        ("x.yaml\\", []),
        ("*x*", ["apps/x.yaml"]),
        ("d*s", ["docs/b.md", "docs/deep/c.md"]),
        ("a**", ["a.md", "apps/x.yaml", "apps/y.yaml"]),
        ("x/a**", []),
        ("  a.md", []),
        ("a.md   ", ["a.md"]),
        ("a.md\r", ["a.md"]),
        ("\\#a", []),
    ],
)
def test_patterns_mean_what_they_mean_to_flux(text: str, out: list[str]) -> None:
    paths = ["a.md", "apps/x.yaml", "apps/y.yaml", "docs/b.md", "docs/deep/c.md"]
    assert [path for path in paths if path not in kept(paths, text)] == out


def test_a_file_of_rules_counts_below_its_folder_and_the_inner_one_last() -> None:
    paths = ["a.md", "apps/a.md", "apps/web/a.md", "apps/web/b.md"]
    assert kept(paths, root="*.md", apps="!a.md", apps__web="/b.md\na.md") == ["apps/a.md"]


def test_the_rules_of_the_resource_come_after_those_of_all_files() -> None:
    assert kept(["apps/a.md", "b.md"], "!apps/", apps="*.md", root="*.md") == ["apps/a.md"]


def test_hostile_patterns_take_no_time_and_too_many_are_refused() -> None:
    rules = Ignore("*a" * 2_000 + "b\n" + "[a-z]*" * 500)
    assert not rules.excludes("/".join(["a" * 250] * 10))
    with pytest.raises(SourceError, match="more than 10000 ignore patterns"):
        Ignore("x\n" * 10_001)
    with pytest.raises(SourceError, match="bytes"):
        Ignore("x" * (1 << 21))
    with pytest.raises(SourceError, match="characters"):
        Ignore("x" * 5_000)


def test_rules_have_a_budget_for_a_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.source.ignore._BUDGET", 1_000)
    rules = Ignore("x\n" * 100)
    with pytest.raises(SourceError, match="too many") as caught:
        all(not rules.excludes(f"{number}.yaml") for number in range(100))
    assert caught.value.reason == "SourceIgnoreError"


@given(st.text(max_size=60), st.lists(st.text(max_size=20), min_size=1, max_size=4))
def test_no_text_breaks_the_rules(text: str, parts: list[str]) -> None:
    assert Ignore(text, {"a": text}).excludes("/".join(parts)) in (True, False)
