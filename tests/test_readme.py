"""What the documents have people type does what they show.

Every block in `sh` or `console` is run in order, each document in a folder and a cluster of its own. The few commands
for which something else is done stand in tests/kit/reader.py; flags, metrics and messages in test_documents.py.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.kit.controlplane import ControlPlane
from tests.kit.documents import DISPLAYED, EXECUTED, Block, Command, blocks, commands, matches
from tests.kit.process import Nest
from tests.kit.reader import INSTALL, Reader
from tests.kit.tree import ROOT, texts

DOCUMENTS = {
    name: text for name, text in texts().items() if name == "README.md" or re.fullmatch(r"docs/[^/]+\.md", name)
}
SCRIPTS = {
    name: script
    for name, text in DOCUMENTS.items()
    if (script := [block for block in blocks(name, text) if block.language in EXECUTED])
}

# What a reader has before the first line of a document, beside a cluster and a clone.
BEFORE = {
    "docs/migrate-from-sealed-secrets.md": "an installation of the same names",
    "docs/troubleshooting.md": "an installation",
    "docs/rotate.md": "an installation",
    "docs/recover.md": "an installation",
    "docs/wrapped-keys.md": "an installation",
}


@pytest.fixture
def reader(new_control_plane: Callable[..., ControlPlane], tmp_path: Path) -> Iterator[Reader]:
    with Nest("reader") as nest:
        reader = Reader(new_control_plane("api"), tmp_path, nest)
        yield reader
        reader.leave()


@pytest.mark.cluster
@pytest.mark.netns
@pytest.mark.parametrize("document", SCRIPTS)
def test_a_document_does_what_it_shows(document: str, reader: Reader) -> None:
    if document in BEFORE:
        reader.plane.kubectl("apply", "-k", str(ROOT / "deploy" / "manifests"))
    for block in SCRIPTS[document]:
        for command in commands(block):
            reader.follow(command)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_block_is_executed_or_of_a_language_that_is_only_read(document: str) -> None:
    for block in blocks(document, DOCUMENTS[document]):
        assert block.language in EXECUTED | DISPLAYED, block.place


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


def test_a_block_without_a_language_or_an_end_is_noticed() -> None:
    assert [block.language for block in blocks("x", "```\nls\n```\n")] == [""]
    with pytest.raises(Exception, match="not closed"):
        blocks("x", "```sh\nls\n")


@pytest.mark.parametrize(
    ("shown", "printed", "is_same"),
    [
        ("a\n", "a\n", True),
        ("a\n", "b\n", False),
        ("a\n", "a\nb\n", False),
        ("in ... s\n", "in 0.3 s\n", True),
        ("a\n...\nd\n", "a\nb\nc\nd\n", True),
        ("a\n...\nd\n", "a\nd\n", True),
        ("a.c\n", "abc\n", False),
    ],
)
def test_shown_output_is_compared(shown: str, printed: str, is_same: bool) -> None:
    assert matches(shown, printed) is is_same


def test_commands_are_taken_from_a_block_with_what_they_print() -> None:
    block = Block("x.md", 1, "console", "$ a \\\n    | b\nprinted\n$ c\n")
    assert list(commands(block)) == [Command("a \\\n    | b", "printed\n", "x.md:1"), Command("c", "", "x.md:1")]
    script = Block("x.md", 5, "sh", "# a comment\none\n\ncat <<EOF\ntwo\nEOF\n")
    assert list(commands(script)) == [
        Command("one", None, "x.md:6"),
        Command("cat <<EOF\ntwo\nEOF", None, "x.md:8"),
    ]
