"""Completion, typed into the real shells."""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pexpect
import pytest

from sealer.cli import joined, main, shells
from sealer.cli.verb import Verb

PROMPT = "READY> "
FISH_PROMPT = f"function fish_prompt; echo -n '{PROMPT}'; end; source ./completion; echo is-(math 40 + 2)"
SHELLS = {
    "bash": (["--norc", "--noprofile", "-i"], f"PS1='{PROMPT}'; source ./completion; echo is-$((40 + 2))", shells.bash),
    "zsh": (
        ["-f", "-i"],
        f"PS1='{PROMPT}'; autoload -Uz compinit && compinit -D && source ./completion; echo is-$((40 + 2))",
        shells.zsh,
    ),
    "fish": (["--no-config", "-i"], FISH_PROMPT, shells.fish),
}
"""How each shell is started, its first line (which sets a known prompt), and who writes its script."""


def _verbs() -> list[Verb]:
    return [*map(main.builtin, main.VERBS), *joined.tables()]


class Shell:
    """An interactive shell in a folder with a few files, into which somebody types."""

    def __init__(self, name: str, folder: Path) -> None:
        arguments, first_line, write = SHELLS[name]
        (folder / "completion").write_text(write(_verbs(), joined.COMMANDS))
        environ = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "TERM": "dumb", "LC_ALL": "C.UTF-8"}
        self._child = pexpect.spawn(
            name, arguments, cwd=str(folder), env=environ, encoding="utf-8", timeout=10, dimensions=(50, 300)
        )
        self._child.delaybeforesend = None  # it is for passwords, which are typed when echo is off; 50 ms a line
        self._child.sendline(first_line)
        self._child.expect("is-42")
        self._child.expect(PROMPT)

    def completes(self, typed: str, expected: str) -> None:
        """Type something and a tab, and see the line grow to what is expected."""
        self._child.send(typed + "\t")
        self._child.expect(re.escape(expected))
        self._child.sendcontrol("u")

    def close(self) -> None:
        self._child.close(force=True)


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Shell]]:
    """Starts shells by name, each once; skips where one is not installed."""
    started: dict[str, Shell] = {}
    with ExitStack() as closing:

        def start(name: str) -> Shell:
            if shutil.which(name) is None:
                pytest.skip(f"{name} is not installed")
            if name not in started:
                folder = tmp_path_factory.mktemp(name)
                (folder / "unique-name.yaml").touch()
                started[name] = Shell(name, folder)
                closing.callback(started[name].close)
            return started[name]

        yield start


@pytest.mark.parametrize("name", SHELLS)
@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("kseal unsea", "kseal unseal "),
        ("kseal verif", "kseal verify "),
        ("kseal seal --in-pl", "--in-place "),
        ("kseal contr", "kseal controller "),
        ("kseal seal --cert-f", "--cert-fingerprint"),
        ("kseal seal --scope name", "namespace-wide"),
        ("kseal seal -o j", "json"),
        ("kseal cert -o p", "pem"),
        ("kseal seal uniq", "unique-name.yaml"),
        ("kseal seal --cert uniq", "unique-name.yaml"),
        ("kseal unseal -k key.pem --write uniq", "unique-name.yaml"),
        ("kseal completion fi", "fish"),
        ("kseal get kustomiz", "kustomizations"),
        ("kseal get --all-n", "--all-namespaces"),
    ],
)
def test_a_tab_completes(shell: Callable[[str], Shell], name: str, typed: str, expected: str) -> None:
    shell(name).completes(typed, expected)


@pytest.mark.parametrize("name", ["bash", "zsh"])
def test_a_value_behind_an_equals_sign_is_completed(shell: Callable[[str], Shell], name: str) -> None:
    shell(name).completes("kseal seal --scope=clus", "cluster-wide")


@pytest.mark.parametrize("name", SHELLS)
def test_every_option_of_every_verb_is_in_the_script(name: str) -> None:
    verbs = _verbs()
    script = SHELLS[name][2](verbs, joined.COMMANDS)
    spellings = {spelling for verb in verbs for option in verb.options for spelling in option.names}
    if name == "fish":
        spellings = {f"-l {word[2:]} " if word.startswith("--") else f"-s {word[1:]} " for word in spellings}
    assert {spelling for spelling in spellings if spelling not in script} == set()
