"""Flux's own code is asked the same (tests/kit/go/sourcejudge): which files stay out, and what an archive holds."""

import io
import os
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.source.archive import Limits, pack, unpack
from engine.source.ignore import Ignore
from tests.kit.jsonjudge import JsonJudge

pytestmark = pytest.mark.interop
_JUDGE: dict[str, JsonJudge] = {}


@pytest.fixture(scope="module", autouse=True)
def judge(program: Callable[[str], Path]) -> Iterator[JsonJudge]:
    with JsonJudge(program("sourcejudge")) as judge:
        _JUDGE["it"] = judge  # hypothesis takes no fixture of a function
        yield judge


def asked(**question: Any) -> dict[str, Any]:
    said: dict[str, Any] = _JUDGE["it"].ask(question)
    assert not said["error"], said["error"]
    return said


def same(paths: list[str], files: Mapping[str, str], own: str) -> None:
    rules = Ignore(own, files)
    texts = {folder: b64encode(text.encode()).decode() for folder, text in files.items()}
    out = asked(paths=paths, files=texts, own=b64encode(own.encode()).decode())["out"]
    assert [path for path in paths if rules.excludes(path)] == out


NAMES = st.sampled_from(["a", "b", "ab", "a.md", "b.md", ".git", "docs", "[a]", "a*", "-", "]", "ü.md", "a b", "a\\b"])
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
PIECES = st.sampled_from(
    [*"ab*?[]^-\\/!#. ü", "**", "**/", "/**", "*.md", "[ab]", "[^a]", "[a-b]", "[b-a]", "\\*", "docs", ".git", "\\ "]
)
LINES = st.lists(PIECES, max_size=6).map("".join)
TEXTS = st.lists(LINES, max_size=4).map("\n".join)


@settings(max_examples=400)
@given(st.lists(PATHS, min_size=1, max_size=12), TEXTS)
def test_the_rules_of_a_resource_mean_the_same(paths: list[str], own: str) -> None:
    same(paths, {}, own)


@given(st.lists(PATHS, min_size=1, max_size=12), st.dictionaries(PATHS | st.just(""), TEXTS, max_size=3), TEXTS)
def test_rules_of_several_files_mean_the_same(paths: list[str], files: dict[str, str], own: str) -> None:
    same(paths, files, own)


@given(st.text(max_size=30), st.lists(st.text(max_size=8).filter(lambda name: "/" not in name), min_size=1, max_size=3))
def test_any_text_means_the_same(own: str, parts: list[str]) -> None:
    same(["/".join(parts)], {}, own)


@pytest.mark.parametrize("name", ["a.jpg", "x/a.tar.gz", ".travis.yml", "x/.sops.yaml", ".github/x", "a.jpeg/b", "ok"])
def test_the_defaults_are_the_same(name: str) -> None:
    same([name, f"sub/{name}"], {}, "# nothing")
    same([name, f"sub/{name}"], {"sub": "something"}, "")


FILES = {"a.yaml": (False, b"a"), "apps/run.sh": (True, b"#!"), "apps/" + "l" * 140: (False, os.urandom(70_000))}


def test_flux_extracts_what_we_pack(tmp_path: Path) -> None:
    target = io.BytesIO()
    pack(((path, *each) for path, each in FILES.items()), target)
    asked(archive=b64encode(target.getvalue()).decode(), folder=str(tmp_path))
    found = {str(each.relative_to(tmp_path)): each for each in tmp_path.rglob("*") if each.is_file()}
    assert {path: (bool(each.stat().st_mode & 0o100), each.read_bytes()) for path, each in found.items()} == FILES


def test_we_extract_what_flux_packs(tmp_path: Path) -> None:
    for path, (is_executable, content) in FILES.items():
        (tmp_path / "in" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / path).write_bytes(content)
        (tmp_path / "in" / path).chmod(0o755 if is_executable else 0o644)
    (tmp_path / "in" / "link").symlink_to("a.yaml")
    archive = b64decode(asked(tree=str(tmp_path / "in"))["archive"])
    tree = unpack(io.BytesIO(archive), tmp_path / "out", Limits())
    assert {path: (entry.is_executable, tree.read(path)) for path, entry in tree.files.items()} == FILES
